/** The REST surface, with its problem answers as errors. */

export class Problem extends Error {
  constructor(status, body) {
    super(sentence(body.detail || body.title || `The server answered ${status}.`));
    this.status = status;
    this.title = body.title ?? '';
    /** What is wrong with which field. */
    this.fields = Array.isArray(body.errors) ? body.errors : [];
    this.body = body;
  }

  /** All of it in one line, for where there is no form. */
  get text() {
    return this.fields.length === 0 ? this.message : this.fields.map(({ field, message }) => fieldSentence(field, message)).join(' ');
  }
}

/** Messages of the server begin small and end open, so that they can stand in longer ones. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…”]$/u.test(whole) ? whole : `${whole}.`;
}

/** "must not be empty" says little without its field; other messages say all by themselves. */
export function fieldSentence(field, message) {
  const name = field.split('.').at(-1).replaceAll('_', ' ');
  const whole = /^(?:must|has|holds|is|may|cannot|does|needs)\b/.test(message) ? `the ${name} ${message}` : message;
  return plainText(whole);
}

/** A message of the server as a page says it: a sentence, with examples between quotation marks. */
export const plainText = (text) => sentence(text.replaceAll(/`([^`]*)`/g, '“$1”'));

/** A number of its own for a request, so that a repetition does nothing twice. */
export function requestKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function request(method, path, body, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...options.headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: options.signal,
      keepalive: options.keepalive,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { detail: 'The server cannot be reached.' });
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = text === '' ? {} : JSON.parse(text);
  } catch {
    answer = { detail: response.ok ? 'The server sent something that is not JSON.' : '' };
    if (response.ok) throw new Problem(response.status, answer);
  }
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

const id = encodeURIComponent;

export const api = {
  projects: (query, options) => request('GET', `/api/projects?${new URLSearchParams(query)}`, undefined, options),
  project: (project) => request('GET', `/api/projects/${id(project)}`),
  create: (project) => request('POST', '/api/projects', project),
  update: (project, change) => request('PATCH', `/api/projects/${id(project)}`, change),
  remove: (project, options) => request('DELETE', `/api/projects/${id(project)}`, undefined, options),
  generate: (project, body = {}) =>
    request('POST', `/api/projects/${id(project)}/generate`, body, { headers: { 'Idempotency-Key': requestKey() } }),
  runs: (project) => request('GET', `/api/projects/${id(project)}/runs`),
  cancel: (run) => request('POST', `/api/runs/${id(run)}/cancel`, {}),
  run: (run) => request('GET', `/api/runs/${id(run)}`),
  queue: () => request('GET', '/api/queue'),
  pause: (run) => request('POST', `/api/runs/${id(run)}/pause`, {}),
  resume: (run) => request('POST', `/api/runs/${id(run)}/resume`, {}),
  approve: (run, body = {}) => request('POST', `/api/runs/${id(run)}/approve`, body),
  reject: (run, body = {}) => request('POST', `/api/runs/${id(run)}/reject`, body),
  retry: (run, body = {}) => request('POST', `/api/runs/${id(run)}/retry`, body),
  share: (project, body) => request('POST', `/api/projects/${id(project)}/shares`, body),
  shares: (project) => request('GET', `/api/projects/${id(project)}/shares`),
  unshare: (project, share) => request('DELETE', `/api/projects/${id(project)}/shares/${id(share)}`),
  switchQueue: (pause) => request('POST', `/api/queue/${pause ? 'pause' : 'resume'}`, {}),
  clients: (query) => request('GET', `/websocket/clients?${new URLSearchParams(query)}`),
  disconnect: (client, body) => request('POST', `/websocket/disconnect/${id(client)}`, body),
  broadcast: (body) => request('POST', '/websocket/broadcast', body),
  acknowledge: (alert) => request('POST', `/api/admin/alerts/${id(alert)}/acknowledge`, {}),
  audit: (query) => request('GET', `/api/admin/audit?${new URLSearchParams(query)}`),
  inputs: (project) => request('GET', `/api/projects/${id(project)}/inputs`),
  removeInput: (address) => request('DELETE', address),
  captions: (run) => request('GET', `/api/runs/${id(run)}/captions`),
  decide: (run, decisions) => request('POST', `/api/runs/${id(run)}/captions`, { decisions }),
  files: (project) => request('GET', `/api/projects/${id(project)}/files`),
  events: (project, query, options) => request('GET', `/api/projects/${id(project)}/events?${new URLSearchParams(query)}`, undefined, options),
  runFiles: (run) => request('GET', `/api/runs/${id(run)}/files`),
  runFile: (run, path) => `/api/runs/${id(run)}/files/${path.split('/').map(id).join('/')}`,
  lines: (source, query, options) => request('GET', `${logOf(source)}?${new URLSearchParams(query)}`, undefined, options),
};

/** Gives images to a project. */
export async function upload(project, files) {
  const form = new FormData();
  for (const file of files) form.append('files', file, file.name);
  const response = await fetch(`/api/projects/${id(project)}/inputs`, { method: 'POST', body: form }).catch(() => null);
  if (response === null) throw new Problem(0, { detail: 'The server cannot be reached.' });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

/** The log of a run, or of a project where none wrote it. */
const logOf = ({ run, project }) => (run ? `/api/runs/${id(run)}/logs` : `/api/projects/${id(project)}/logs`);

export const linesDownload = (source) => `${logOf(source)}.txt`;
export const fileAddress = (project, path) =>
  `/api/projects/${id(project)}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
