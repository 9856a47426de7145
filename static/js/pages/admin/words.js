/** Figures and names as the dashboard says them. */

const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const ONE = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const short = (number) => (Math.abs(number) < 10000 ? (Number.isInteger(number) || Math.abs(number) >= 100 ? WHOLE : ONE).format(number) : SHORT.format(number));
export const ms = (number) => (number === 0 ? '0 ms' : number >= 1000 ? `${ONE.format(number / 1000)} s` : `${number >= 100 ? WHOLE.format(number) : number >= 1 ? ONE.format(number) : number.toFixed(2)} ms`);
export const percentText = (number) => (number === null || number === undefined ? '–' : `${number < 10 ? ONE.format(number) : WHOLE.format(number)} %`);

export function bytes(number) {
  if (number === null || number === undefined) return '–';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let at = 0;
  let left = number;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1024;
    at += 1;
  }
  return `${left >= 100 || at === 0 ? WHOLE.format(left) : ONE.format(left)} ${units[at]}`;
}

export function uptime(seconds) {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const SURFACES = { room: 'Project room', sse: 'Event stream', socketio: 'Socket.IO', channels: 'Channels' };
const TYPES = { gui: 'Browser or desktop', mobile: 'Mobile', lightroom: 'Lightroom', unknown: 'Other program' };
const DEEDS = {
  'run.cancel': 'cancelled a run',
  'run.retry': 'repeated a run',
  'run.pause': 'paused a run',
  'run.resume': 'resumed a run',
  'run.approve': 'approved a gate',
  'run.reject': 'rejected a gate',
  'queue.pause': 'paused the queue',
  'queue.resume': 'let the queue go on',
  'client.disconnect': 'disconnected a client',
  broadcast: 'broadcast a message',
  'alert.acknowledge': 'acknowledged an alert',
  'project.remove': 'removed a project',
  'share.create': 'made a share link',
  'share.remove': 'took a share link back',
};

export const surfaceText = (surface) => SURFACES[surface] ?? surface;
export const typeText = (type) => TYPES[type] ?? type;
export const deedText = (action) => DEEDS[action] ?? action;
export const shortId = (id) => (id && id.length > 12 ? `…${id.slice(-8)}` : id ?? '');
