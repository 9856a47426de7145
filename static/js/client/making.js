/**
 * What is being made, as a picture: the newest preview of the agent at work, then the picture it handed on. Pure: what is shown and a message go
 * in, what is shown comes out; null is nothing.
 *
 * `{ run, agent, url, step, of, result }`, `result` being the artifact that took the place of the previews.
 */

const ENDED = new Set(['completed', 'failed', 'skipped', 'reused']);

/**
 * @param {object | null} shown
 * @param {object} message a message of the room, already applied to `state`
 * @param {object} state
 */
export function making(shown, message, state) {
  const run = state.run?.id ?? null;
  const kept = shown?.run === run ? shown : null;
  switch (message.type) {
    case 'preview':
      return previewed(message, state) ?? kept;
    case 'artifact':
      // The last picture of an agent is the one it was working on.
      if (kept && message.agent === kept.agent && message.media_type.startsWith('image/') && isOurs(message.url)) {
        return { ...kept, picture: { path: message.path, url: `${message.url}?v=${message.sha256.slice(0, 12)}` } };
      }
      return kept;
    case 'agent_update':
      if (!kept || message.agent !== kept.agent || message.status === 'progress') return kept;
      if (message.status !== 'completed' || !kept.picture) return null;
      return { ...kept, result: kept.picture };
    case 'completion':
      return kept?.result ? kept : null;
    case 'connection':
      // Something was missed: a preview is true only while its agent works.
      return kept?.result || atWork(state, kept?.agent) ? kept : null;
    default:
      return kept;
  }
}

/** What the record of a run says is being made, for who comes while an agent works. */
export function makingOf(record, state) {
  const agent = record.agents.find(({ agent: name, preview_url: url }) => url && atWork(state, name));
  return agent ? previewed({ agent: agent.agent, url: agent.preview_url, run_id: record.id }, state) : null;
}

function previewed(message, state) {
  const { agent, step, of, url } = message;
  const run = state.run?.id ?? null;
  if (typeof agent !== 'string' || !isOurs(url) || (message.run_id && message.run_id !== run)) return null;
  if (state.completion || !atWork(state, agent)) return null;
  const whole = Number.isSafeInteger(of) && of > 0 && Number.isSafeInteger(step) && step >= 0 && step <= of;
  return { run, agent, url, step: whole ? step : null, of: whole ? of : null, result: null };
}

function atWork(state, agent) {
  const known = state.agents.find((one) => one.agent === agent);
  return known !== undefined && !ENDED.has(known.status);
}

/** An address of this server. */
const isOurs = (url) => typeof url === 'string' && /^\/(?!\/)/.test(url);
