/**
 * The state of a room as the fold of its log: the twin of `src/domain/fold.rs`. Both are checked with the vectors in
 * `tests/vectors/fold`, so a rule is changed in both places and in a vector.
 */

/*
 * What keeps a state small, whatever is said in its room. Sizes are those of the JSON; `src/domain/fold/bounds.rs` has the
 * same numbers and says why.
 */
const TAIL = { count: 200, bytes: 28 * 1024, each: 104 };
const ARTIFACTS = { count: Infinity, bytes: 14 * 1024, each: 100 };
const AGENTS = { count: Infinity, bytes: 12 * 1024, each: 180 };
const NAME_BYTES_MAX = 256;
const AGENT_MESSAGE_BYTES_MAX = 512;
const MESSAGE_BYTES_MAX = 1024;
const ERROR_BYTES_MAX = 2048;

/** A room before its first event. */
export function emptyState() {
  return {
    status: null,
    progress: 0,
    message: '',
    eta: null,
    run: null,
    agents: [],
    log: { total: 0, tail: [] },
    artifacts: [],
    artifacts_total: 0,
    completion: null,
  };
}

/**
 * Applies one logged message to the state, in place.
 *
 * Only what belongs to the state is copied out of the message: fields that a later server may add do not get in.
 */
export function apply(state, message) {
  const runId = message.run_id ?? null;
  if (runId !== null && message.type === 'status_update' && givesPageTo(state, runId, message.status)) {
    Object.assign(state, emptyState());
    delete state.eta_at;
    state.run = { id: runId, queued_at: message.timestamp, started_at: null, ended_at: null };
  }
  // What another run says changes nothing: one that ended, or one that waits while this one works.
  if (runId !== null && runId !== state.run?.id) return state;
  rules[message.type]?.(state, message);
  return state;
}

/**
 * Whether a run that says this of itself begins on a clean page: when it starts, or when it waits and nothing else is under way.
 * One run of a project works at a time; a run that is queued again, after a crash say, keeps its page.
 */
function givesPageTo(state, runId, status) {
  if (state.run === null) return true;
  if (state.run.id === runId) return false;
  if (status === 'starting') return true;
  if (status === 'queued') return state.status === null || TERMINAL.has(state.status);
  return status === 'running' && state.run.id < runId;
}

const TERMINAL = new Set(['completed', 'partial', 'failed', 'cancelled', 'timed_out']);

const rules = {
  status_update(state, message) {
    state.status = message.status;
    state.progress = Math.max(state.progress, message.progress);
    state.message = cutTo(message.message, MESSAGE_BYTES_MAX);
    state.eta = message.eta ?? null;
    if (state.eta === null) delete state.eta_at;
    else state.eta_at = message.timestamp;
    if (!state.run) return;
    // A run that never started has no clock to stand.
    if ((message.status === 'paused' || message.status === 'waiting') && state.run.started_at !== null) {
      state.run.halted_at ??= message.timestamp;
    }
    if (message.status === 'running') {
      state.run.started_at ??= message.timestamp;
      goOn(state.run, message.timestamp);
    }
  },

  agent_update(state, message) {
    const agent = pick(message, AGENT_FIELDS);
    agent.agent = cutTo(agent.agent, NAME_BYTES_MAX);
    agent.title = cutTo(agent.title, NAME_BYTES_MAX);
    agent.message = cutTo(agent.message, AGENT_MESSAGE_BYTES_MAX);
    const place = state.agents.findIndex((known) => known.index >= agent.index);
    if (place === -1) state.agents.push(agent);
    else state.agents.splice(place, state.agents[place].index === agent.index ? 1 : 0, agent);
    keepNewest(state.agents, AGENTS, (known) => [known.agent, known.title, known.message]);
  },

  log(state, message) {
    const { log } = state;
    for (const line of message.lines) {
      log.total = Math.max(log.total, line.n);
      log.tail.push({ n: line.n, at: line.at, text: line.text, level: message.level, agent: message.agent ?? null });
    }
    keepNewest(log.tail, TAIL, (line) => [line.text, line.agent]);
  },

  artifact(state, message) {
    const artifact = pick(message, ARTIFACT_FIELDS);
    const place = state.artifacts.findIndex((known) => known.path === artifact.path);
    if (place !== -1) {
      state.artifacts[place] = artifact;
    } else {
      state.artifacts_total += 1;
      state.artifacts.push(artifact);
    }
    keepNewest(state.artifacts, ARTIFACTS, ({ path, media_type, sha256, url, agent }) => [path, media_type, sha256, url, agent]);
  },

  completion(state, message) {
    state.status = message.status;
    if (message.success) state.progress = 100;
    state.eta = null;
    delete state.eta_at;
    state.message = cutTo(message.message, MESSAGE_BYTES_MAX);
    if (state.run) {
      goOn(state.run, message.timestamp);
      state.run.ended_at = message.timestamp;
    }
    const completion = pick(message, COMPLETION_FIELDS);
    const { download_url: address, error } = completion;
    completion.message = state.message;
    // A part of an address leads nowhere.
    if (address !== null && jsonBytes(address) > ERROR_BYTES_MAX) completion.download_url = null;
    if (error !== null) {
      completion.error = { ...error, message: cutTo(error.message, ERROR_BYTES_MAX) };
      if (typeof error.agent === 'string') completion.error.agent = cutTo(error.agent, NAME_BYTES_MAX);
      if (typeof error.file === 'string') completion.error.file = cutTo(error.file, MESSAGE_BYTES_MAX);
    }
    state.completion = completion;
  },
};

/** The clock of a run goes on: how long it stood is kept when it did. */
function goOn(run, timestamp) {
  if (!run.halted_at) return;
  const stood = Math.max(0, Date.parse(timestamp) - Date.parse(run.halted_at));
  delete run.halted_at;
  if (stood > 0) run.halted_ms = (run.halted_ms ?? 0) + stood;
}

const AGENT_FIELDS = ['agent', 'title', 'index', 'total', 'status', 'message', 'progress', 'duration_ms'];
const ARTIFACT_FIELDS = ['path', 'media_type', 'size', 'sha256', 'url', 'agent'];
const COMPLETION_FIELDS = [
  'status', 'success', 'message', 'duration_ms', 'artifacts', 'download_url', 'error', 'evidence',
];

function pick(message, fields) {
  const picked = {};
  for (const field of fields) picked[field] = message[field] ?? null;
  return picked;
}

/** Drops the oldest entries until the rest is within its share of the state. */
function keepNewest(entries, share, texts) {
  let bytes = 0;
  let kept = 0;
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    bytes += texts(entries[at]).reduce((sum, text) => sum + (text === null ? 0 : jsonBytes(text)), share.each);
    if (kept === share.count || bytes > share.bytes) break;
    kept += 1;
  }
  entries.splice(0, entries.length - kept);
}

/** Bytes of a text in JSON without its quotation marks. Nothing is encoded for it: this runs for every line of a flood. */
export function jsonBytes(text) {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) bytes += unitBytes(text.charCodeAt(at));
  return bytes;
}

/** The text when it has at most so many bytes in JSON, else its beginning and an ellipsis in so many. */
export function cutTo(text, bytesMax) {
  if (text.length * 6 <= bytesMax || jsonBytes(text) <= bytesMax) return text;
  let left = bytesMax - 3;
  let end = 0;
  for (const character of text) {
    left -= jsonBytes(character);
    if (left < 0) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

function unitBytes(unit) {
  if (unit < 0x20) return unit === 8 || unit === 9 || unit === 10 || unit === 12 || unit === 13 ? 2 : 6;
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x80) return 1;
  // A surrogate pair is two units and four bytes.
  return unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
}
