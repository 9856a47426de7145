/**
 * Callboard's browser client: follow one project live.
 *
 *     import * as callboard from '/static/js/callboard.js';
 *     callboard.on('log', (message) => console.log(message.lines));
 *     callboard.connect(projectId, onMessage, onError, onConnectionChange);
 *
 * It reconnects by itself, goes on where it was, drops what it has already applied, and keeps `state` in step with the
 * server. For several projects at once make a `Connection` each; for the channels of the whole server, `Channels`.
 */

import { Connection } from './client/connection.js';

export { Connection } from './client/connection.js';
export { Channels } from './client/channels.js';

/** The state of the project that is followed; null before the first answer. */
export let state = null;

let connection = null;
/** Callbacks outlive a connection: they may be set before `connect` and hold for the next project too. */
const callbacks = new Map();

/**
 * Follows a project. A project that was followed before is let go.
 *
 * @param {string} projectId
 * @param {(message: object) => void} [onMessage] every message, after it was applied to `state`
 * @param {(error: object) => void} [onError]
 * @param {(connected: boolean, detail: object) => void} [onConnectionChange]
 * @param {{ state?: object, position?: string }} [from] goes on from what the page was rendered with
 * @returns {Connection}
 */
export function connect(projectId, onMessage, onError, onConnectionChange, from = {}) {
  disconnect();
  const opened = new Connection(projectId, from);
  connection = opened;
  state = opened.state;
  opened.on('*', (message) => {
    state = opened.state;
    for (const callback of [...(callbacks.get(message.type) ?? []), ...(callbacks.get('*') ?? [])]) callback(message);
    onMessage?.(message);
  });
  opened.on('failure', (error) => onError?.(error));
  opened.on('status', (status) => {
    onConnectionChange?.(opened.isConnected(), { status, retryAt: opened.retryAt, failures: opened.failures });
  });
  return opened.connect();
}

/** Lets the project go; nothing is tried again. */
export function disconnect() {
  connection?.disconnect();
  connection = null;
}

/** Calls back for every message of this type; `*` for all. */
export function on(type, callback) {
  if (!callbacks.has(type)) callbacks.set(type, new Set());
  callbacks.get(type).add(callback);
}

/** Undoes `on`. */
export function off(type, callback) {
  callbacks.get(type)?.delete(callback);
}

/**
 * Sends a message: an object, or text as it is.
 *
 * @returns {boolean} whether it was handed to an open connection
 */
export function send(data) {
  return connection?.send(data) ?? false;
}

/** Whether the project is followed live at this moment. */
export function isConnected() {
  return connection?.isConnected() ?? false;
}
