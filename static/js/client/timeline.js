/**
 * When the agents of a run worked, failed and were tried again, and when the run waited, from its events. Pure.
 *
 * `{ start, end, bands, rows }`: bands are stretches in which nothing works (`queued`, `paused`, `waiting`), rows are agents with bars (`work`, `pause`
 * between two tries, `gate`, and `point` for what took no time). A time `to` of null is not over.
 */

const AGAIN = /^(.*); trying again in [\d.]+s \(try (\d+) of (\d+)\)$/s;
const BANDS = { queued: 'queued', starting: 'queued', paused: 'paused', waiting: 'waiting' };
const ENDS = { completed: 'go', failed: 'stop' };

/**
 * @param {object[]} events of one run, in order
 * @param {{ agent: string, title: string, index: number }[]} agents of its pipeline
 * @param {object | null} record as `GET /api/runs/{id}` answers it: fills in what the log has not any more
 */
export function timelineOf(events, agents, record = null) {
  const line = new Line(agents);
  for (const message of events) line.take(message, Date.parse(message.timestamp));
  line.fill(record);
  const rows = [...line.rows.values()].sort((one, other) => one.index - other.index);
  const starts = [...line.bands, ...rows.flatMap(({ bars }) => bars)].map(({ from }) => from);
  // A run begins with its first event; of one that was cut the record knows when it was accepted.
  const first = Math.min(...starts);
  const whole = line.bands[0]?.kind === 'queued' && line.bands[0].from === first;
  const start = record && !whole ? Math.min(Date.parse(record.created_at), first) : first;
  return { start: Number.isFinite(start) ? start : null, end: line.end, bands: line.bands, rows };
}

class Line {
  constructor(agents) {
    this.rows = new Map(agents.map(({ agent, title, index }) => [agent, { agent, title, index, bars: [] }]));
    this.bands = [];
    this.band = null;
    this.status = null;
    this.end = null;
    this.lastDone = null;
    this.gate = null;
  }

  row({ agent, title, index }) {
    if (!this.rows.has(agent)) this.rows.set(agent, { agent, title, index, bars: [] });
    return this.rows.get(agent);
  }

  take(message, at) {
    if (message.type === 'status_update') this.takeStatus(message, at);
    else if (message.type === 'agent_update') this.takeAgent(message, at);
    else if (message.type === 'completion') this.takeEnd(message, at);
  }

  takeStatus({ status, message }, at) {
    if (status === this.status) return;
    const kind = BANDS[status] ?? null;
    this.status = status;
    if (this.band && this.band.kind !== kind) {
      this.band.to = at;
      this.band = null;
    }
    if (this.gate && status !== 'waiting') {
      Object.assign(this.gate, { to: at, says: message });
      this.gate = null;
    }
    // Who was at work when the run went back to wait was interrupted.
    if (kind !== null) for (const row of this.rows.values()) close(row, at, 'off', message);
    if (kind !== null && !this.band) this.bands.push(this.band = { kind, from: at, to: null, says: message });
    if (status === 'waiting' && this.lastDone) {
      this.gate = { kind: 'gate', tone: 'standby', from: at, to: null, says: message };
      this.lastDone.bars.push(this.gate);
    }
  }

  takeAgent(message, at) {
    const row = this.row(message);
    const open = row.bars.at(-1)?.to === null ? row.bars.at(-1) : null;
    const again = AGAIN.exec(message.message);
    switch (message.status) {
      case 'started':
        if (open) close(row, at, open.kind === 'pause' ? 'wait' : 'off', open.says);
        row.bars.push({ kind: 'work', tone: 'standby', from: at, to: null, try: tries(row) + 1, says: '' });
        break;
      case 'progress':
        if (!again || open?.kind !== 'work') break;
        close(row, at, 'stop', again[1]);
        row.bars.push({ kind: 'pause', tone: 'wait', from: at, to: null, says: `Waits for try ${again[2]} of ${again[3]}` });
        break;
      case 'skipped':
      case 'reused':
        if (open) close(row, at, 'off', message.message);
        else row.bars.push({ kind: 'point', tone: message.status === 'reused' ? 'go' : 'off', from: at, to: at, says: message.message });
        break;
      default:
        if (open) close(row, at, ENDS[message.status] ?? 'off', message.message);
        if (message.status === 'completed') this.lastDone = row;
    }
  }

  takeEnd(message, at) {
    this.end = at;
    if (this.band) this.band.to = at;
    if (this.gate) Object.assign(this.gate, { to: at, says: message.message });
    this.band = this.gate = null;
    const tone = message.status === 'failed' || message.status === 'timed_out' ? 'stop' : 'off';
    for (const row of this.rows.values()) close(row, at, tone, message.message);
  }

  /** What the log does not reach back to is told by the record: the last try of each agent. */
  fill(record) {
    if (!record) return;
    if (this.end === null && record.ended_at) this.end = Date.parse(record.ended_at);
    for (const agent of record.agents) {
      const row = this.row(agent);
      if (row.bars.length > 0 || !agent.started_at) continue;
      const from = Date.parse(agent.started_at);
      const to = agent.duration_ms === null ? this.end : from + agent.duration_ms;
      const tone = ENDS[agent.status] ?? (to === null ? 'standby' : 'off');
      row.bars.push({ kind: 'work', tone, from, to, try: agent.failed_tries + 1, says: agent.summary ?? '' });
    }
  }
}

const tries = (row) => row.bars.filter(({ kind }) => kind === 'work').length;

function close(row, at, tone, says) {
  const bar = row.bars.at(-1);
  if (!bar || bar.to !== null || bar.kind === 'gate') return;
  Object.assign(bar, { to: at, tone: bar.kind === 'work' ? tone : 'wait' });
  if (bar.kind === 'work') bar.says = says;
}

/** A band that is longer than this part of the time that was worked is drawn shorter, with a break. */
const BAND_PART_MAX = 0.25;
/** Shorter ones are drawn as long as they are. */
const BAND_MS = 2000;

/**
 * Where times stand from 0 to 1. Long waits are drawn short, so that what was worked can be seen beside a night of pause.
 *
 * @returns {{ place: (time: number) => number, timeAt: (place: number) => number, breaks: number[] }} `breaks` are times where a band was cut
 */
export function scaleOf({ start, bands }, until) {
  const whole = Math.max(1, until - start);
  const waits = bands.map(({ from, to }) => ({ from, to: Math.min(to ?? until, until) })).filter(({ from, to }) => to > from);
  const worked = whole - waits.reduce((sum, { from, to }) => sum + to - from, 0);
  const longest = Math.max(worked * BAND_PART_MAX, BAND_MS);
  const stops = [{ time: start, way: 0 }];
  const breaks = [];
  for (const { from, to } of waits) {
    const last = stops.at(-1);
    const way = last.way + from - last.time;
    const length = worked > 0 ? Math.min(to - from, longest) : to - from;
    if (length < to - from) breaks.push(from + (to - from) / 2);
    stops.push({ time: from, way }, { time: to, way: way + length });
  }
  const last = stops.at(-1);
  stops.push({ time: until, way: last.way + Math.max(0, until - last.time) });
  const length = Math.max(1, stops.at(-1).way);
  return {
    breaks,
    place: (time) => between(stops, 'time', 'way', time) / length,
    timeAt: (place) => between(stops, 'way', 'time', place * length),
  };
}

function between(stops, key, value, wanted) {
  if (wanted <= stops[0][key]) return stops[0][value];
  for (let at = 1; at < stops.length; at += 1) {
    const [before, after] = [stops[at - 1], stops[at]];
    if (wanted > after[key]) continue;
    const part = after[key] === before[key] ? 1 : (wanted - before[key]) / (after[key] - before[key]);
    return before[value] + part * (after[value] - before[value]);
  }
  return stops.at(-1)[value];
}

const STEPS_MS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000, 1800000, 3600000, 7200000,
  14400000, 28800000, 86400000];

/** Times for the axis, in milliseconds from the start: round ones; where waits were cut, whatever time stands at even places. */
export function ticksOf(scale, start, until, most) {
  const ticks = [];
  if (scale.breaks.length > 0) {
    for (let at = 0; at <= most; at += 1) ticks.push({ at: scale.timeAt(at / most) - start, place: at / most });
    return ticks;
  }
  const step = STEPS_MS.find((ms) => (until - start) / ms <= most) ?? Math.ceil((until - start) / most);
  for (let at = 0; start + at <= until; at += step) ticks.push({ at, place: scale.place(start + at) });
  return ticks;
}
