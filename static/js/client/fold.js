/**
 * The state of a room as the fold of its log: the twin of `src/domain/fold.rs`. Both are checked with the vectors in
 * `tests/vectors/fold`, so a rule is changed in both places and in a vector.
 */

/** Lines that the state carries; older ones are fetched. */
export const LOG_TAIL_LINES_MAX = 200;
/** Bytes of UTF-8 text that the lines of the state hold together. */
export const LOG_TAIL_BYTES_MAX = 24 * 1024;
/** Artifacts that the state carries; `artifacts_total` says how many there are. */
export const ARTIFACTS_MAX = 100;

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
  if (runId !== null && message.type === 'status_update' && (state.run === null || state.run.id < runId)) {
    // A newer run begins on a clean page; ids are ordered by time.
    Object.assign(state, emptyState());
    state.run = { id: runId, queued_at: message.timestamp, started_at: null, ended_at: null };
  }
  // What an earlier run still says changes nothing: the room shows its newest run.
  if (runId !== null && runId !== state.run?.id) return state;
  rules[message.type]?.(state, message);
  return state;
}

const rules = {
  status_update(state, message) {
    state.status = message.status;
    state.progress = Math.max(state.progress, message.progress);
    state.message = message.message;
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
    const place = state.agents.findIndex((known) => known.index >= agent.index);
    if (place === -1) state.agents.push(agent);
    else state.agents.splice(place, state.agents[place].index === agent.index ? 1 : 0, agent);
  },

  log(state, message) {
    const { log } = state;
    for (const line of message.lines) {
      log.total = Math.max(log.total, line.n);
      log.tail.push({ n: line.n, at: line.at, text: line.text, level: message.level, agent: message.agent ?? null });
    }
    let bytes = log.tail.reduce((sum, line) => sum + utf8Length(line.text), 0);
    let dropped = 0;
    while (log.tail.length - dropped > LOG_TAIL_LINES_MAX || bytes > LOG_TAIL_BYTES_MAX) {
      bytes -= utf8Length(log.tail[dropped].text);
      dropped += 1;
    }
    log.tail.splice(0, dropped);
  },

  artifact(state, message) {
    const artifact = pick(message, ARTIFACT_FIELDS);
    const place = state.artifacts.findIndex((known) => known.path === artifact.path);
    if (place !== -1) {
      state.artifacts[place] = artifact;
      return;
    }
    state.artifacts_total += 1;
    state.artifacts.push(artifact);
    if (state.artifacts.length > ARTIFACTS_MAX) state.artifacts.shift();
  },

  completion(state, message) {
    state.status = message.status;
    if (message.success) state.progress = 100;
    state.eta = null;
    delete state.eta_at;
    state.message = message.message;
    if (state.run) {
      goOn(state.run, message.timestamp);
      state.run.ended_at = message.timestamp;
    }
    state.completion = pick(message, COMPLETION_FIELDS);
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

/** Bytes of a text in UTF-8, without encoding it: this runs for every line of a flood. */
export function utf8Length(text) {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (unit >= 0xd800 && unit < 0xdc00) {
      // A surrogate pair: two units, four bytes.
      bytes += 2;
      at += 1;
    } else {
      bytes += 2;
    }
  }
  return bytes;
}
