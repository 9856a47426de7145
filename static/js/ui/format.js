/** Words for people. */

const WORDS = {
  queued: ['Queued', 'wait'],
  starting: ['Starting', 'standby'],
  running: ['Running', 'standby'],
  waiting: ['Waiting', 'standby'],
  pausing: ['Pausing', 'standby'],
  paused: ['Paused', 'wait'],
  cancelling: ['Cancelling', 'standby'],
  completed: ['Completed', 'go'],
  partial: ['Partial', 'standby'],
  failed: ['Failed', 'stop'],
  cancelled: ['Cancelled', 'off'],
  timed_out: ['Timed out', 'stop'],
};
const TERMINAL = new Set(['completed', 'partial', 'failed', 'cancelled', 'timed_out']);
const AGENT_TONES = { started: 'standby', progress: 'standby', completed: 'go', reused: 'go', failed: 'stop', skipped: 'off' };

export const statusText = (status) => WORDS[status]?.[0] ?? (status === null || status === undefined ? 'Not started' : status);
export const statusTone = (status) => WORDS[status]?.[1] ?? 'wait';
export const agentTone = (status) => AGENT_TONES[status] ?? 'wait';
export const isTerminal = (status) => TERMINAL.has(status);
export const isActive = (status) => status !== null && status !== undefined && !TERMINAL.has(status);

/** Rounded down: 99.9 % is not finished. */
export const percent = (progress) => Math.floor(Math.min(100, Math.max(0, progress ?? 0)));

export function duration(ms) {
  if (ms === null || ms === undefined) return '';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A range, in the coarsest unit that still says something. */
export function etaText(eta) {
  if (!eta) return '';
  const [unit, name] = eta.high_ms < 90000 ? [1000, 's'] : eta.high_ms < 5400000 ? [60000, 'min'] : [3600000, 'h'];
  const low = Math.floor(eta.low_ms / unit);
  const high = Math.max(1, Math.ceil(eta.high_ms / unit));
  if (low === 0) return `up to ${high} ${name} left`;
  return low >= high ? `about ${high} ${name} left` : `${low}–${high} ${name} left`;
}

/** Below this a run is not late: the estimate is not that fine. */
const LATE_MS_MIN = 1000;

/** What is left now of a range that was said at some moment; past its end the run is late, and says by how much. */
export function etaNow(eta, saidAt, now) {
  if (!eta) return '';
  const passed = saidAt ? Math.max(0, now - Date.parse(saidAt)) : 0;
  const late = passed - eta.high_ms;
  if (late >= LATE_MS_MIN) return `late by ${duration(late)}`;
  return etaText({ low_ms: Math.max(0, eta.low_ms - passed), high_ms: Math.max(0, -late) });
}

/** How long a run has worked: its clock stands while it is paused or waits for a person. */
export function workedMs(run, now) {
  if (!run?.started_at) return null;
  const until = run.halted_at ? Date.parse(run.halted_at) : now;
  return Math.max(0, until - Date.parse(run.started_at) - (run.halted_ms ?? 0));
}

/** Where a run stands in the queue, and when it will probably start. */
export function placeText(position, startsIn) {
  if (position === undefined || position === null) return 'Waits for its turn';
  const place = position === 0 ? 'Next in the queue' : `${plural(position, 'run is', 'runs are')} before it`;
  if (!startsIn) return place;
  const when = etaText(startsIn).replace(/ left$/, '');
  return startsIn.high_ms === 0 ? `${place} · starts now` : `${place} · starts in ${when}`;
}

export function bytes(size) {
  if (size < 1000) return `${size} B`;
  if (size < 1000000) return `${(size / 1000).toFixed(size < 10000 ? 1 : 0)} kB`;
  return `${(size / 1000000).toFixed(1)} MB`;
}

/** Made once: a number in every row of a flood would make one each time. */
const NUMBERS = new Intl.NumberFormat('en');
export const count = (number) => NUMBERS.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
/** Two decimals, of less than one as many as say something. */
function costText(cost) {
  const decimals = cost > 0 && cost < 1 ? Math.min(9, 2 - Math.floor(Math.log10(cost))) : 2;
  return cost.toFixed(decimals).replace(/(\.\d\d\d*?)0+$/, '$1');
}

/** What models used, in short; the cost is in whatever the prices are in. */
export function usageText(usage) {
  if (!usage) return '';
  const tokens = usage.total_tokens < 10000 ? count(usage.total_tokens) : SHORT.format(usage.total_tokens);
  const cost = typeof usage.cost === 'number' ? ` · cost ${costText(usage.cost)}` : '';
  return `${tokens} ${usage.total_tokens === 1 ? 'token' : 'tokens'}${cost}`;
}

export const usageDetail = (usage) => (usage ? `${count(usage.prompt_tokens)} asked, ${count(usage.completion_tokens)} answered` : '');

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const clock = (timestamp) => CLOCK.format(new Date(timestamp));

export function ago(timestamp, now) {
  const seconds = Math.max(0, Math.round((now - Date.parse(timestamp)) / 1000));
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 86400 * 14) return plural(Math.round(seconds / 86400), 'day') + ' ago';
  return new Date(timestamp).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}
