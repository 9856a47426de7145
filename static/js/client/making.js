/**
 * What is being made, as a picture: the newest preview of the agent at work, then the picture it handed on. Pure: what is shown and a message go
 * in, what is shown comes out; null is nothing.
 *
 * `{ run, agent, url, step, of, result, last }`, `result` being the artifact that took the place of the previews; `last` when the run ended
 * without one, and the picture is how far it came.
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
      // Whether it is tried again or the run ends is said next.
      if (message.status === 'failed' || message.status === 'skipped') return kept;
      if (message.status !== 'completed' || !kept.picture) return null;
      return { ...kept, result: kept.picture };
    case 'completion':
      return !kept || kept.result ? kept : { ...kept, url: ofRun(kept), last: true };
    case 'connection':
      // Something was missed: a preview is true only while its agent works.
      return kept?.result || kept?.last || atWork(state, kept?.agent) ? kept : null;
    default:
      return kept;
  }
}

/** What the record of a run says is being made, for who comes while an agent works, or was when the run ended. */
export function makingOf(record, state) {
  if (state.completion) return lastOf(record, state);
  const agent = record.agents.find(({ agent: name, preview_url: url }) => url && atWork(state, name));
  return agent ? previewed({ agent: agent.agent, url: agent.preview_url, run_id: record.id }, state) : null;
}

function lastOf(record, state) {
  const agent = record.agents.find(({ preview_url: url }) => isOurs(url));
  if (!agent || record.id !== state.run?.id) return null;
  return { run: record.id, agent: agent.agent, url: agent.preview_url, step: null, of: null, result: null, last: true };
}

/** A later run of the project has files of its own. */
const ofRun = ({ run, url }) => url.replace(/^\/api\/projects\/[^/]+\/files\//, `/api/runs/${run}/files/`);

function previewed(message, state) {
  const { agent, step, of, url } = message;
  const run = state.run?.id ?? null;
  if (typeof agent !== 'string' || !isOurs(url) || (message.run_id && message.run_id !== run)) return null;
  if (state.completion || !atWork(state, agent)) return null;
  const whole = Number.isSafeInteger(of) && of > 0 && Number.isSafeInteger(step) && step >= 0 && step <= of;
  return { run, agent, url, step: whole ? step : null, of: whole ? of : null, result: null, last: false };
}

function atWork(state, agent) {
  const known = state.agents.find((one) => one.agent === agent);
  return known !== undefined && !ENDED.has(known.status);
}

/** An address of this server. */
const isOurs = (url) => typeof url === 'string' && /^\/(?!\/)/.test(url);
