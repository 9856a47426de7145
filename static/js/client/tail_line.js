/** One line for a message of a room: what somebody who watches it live needs to know. */

const MAX = 240;

export function tailLine(message) {
  const text = words(message);
  return {
    seq: message.seq ?? null,
    at: message.timestamp ?? null,
    type: message.type,
    text: text.length > MAX ? `${text.slice(0, MAX)}…` : text,
  };
}

function words(message) {
  switch (message.type) {
    case 'status_update': return join(message.status, rounded(message.progress), message.message);
    case 'agent_update': return join(message.agent, message.status, message.message);
    case 'log': return logWords(message);
    case 'artifact': return join(message.path, message.media_type, `${message.size} bytes`);
    case 'completion': return join(message.status, message.message, message.error?.message);
    case 'event': return join(message.name, JSON.stringify(message.data));
    case 'presence': return `${message.viewers} watching`;
    case 'preview': return join(message.agent, `step ${message.step} of ${message.of}`);
    case 'broadcast': return typeof message.message === 'string' ? message.message : JSON.stringify(message.message);
    case 'connection': return join('joined at', String(message.seq), message.gap ? 'after a gap' : '');
    case 'error': return join(message.code, message.message);
    default: return JSON.stringify(message);
  }
}

function logWords({ lines = [], skipped }) {
  const last = lines.at(-1);
  const more = lines.length > 1 ? `(${lines.length} lines)` : '';
  const left = skipped ? `(${skipped.to - skipped.from + 1} skipped)` : '';
  return join(last ? `${last.n}` : '', last?.text, more, left);
}

const rounded = (progress) => (typeof progress === 'number' ? `${Math.floor(progress)} %` : '');
const join = (...parts) => parts.filter((part) => part !== undefined && part !== null && part !== '').join(' · ');
