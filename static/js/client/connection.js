/**
 * The shell around a session: a WebSocket, one timer, and listeners. It decides nothing.
 */

import { Session } from './session.js';

/** `WebSocket.OPEN`, which does not exist outside a browser. */
const OPEN = 1;

export class Connection {
  /**
   * @param {string} projectId
   * @param {{ state?: object, position?: string, environment?: object }} options
   *   `environment` stands in for the browser in tests.
   */
  constructor(projectId, { state, position, environment = browserEnvironment() } = {}) {
    this.projectId = projectId;
    this.environment = environment;
    this.session = new Session({ random: environment.random, state, position, visible: environment.visible() });
    this.listeners = new Map();
    this.socket = null;
    this.timer = null;
    this.unwatch = null;
  }

  /** The state as far as events were applied; null before the first answer. */
  get state() {
    return this.session.state;
  }

  /** The position after the last applied event. */
  get position() {
    return this.session.position;
  }

  get status() {
    return this.session.status;
  }

  /** When the next try will be made, in the time of `Date.now()`; null when none is due. */
  get retryAt() {
    return this.session.retryAt;
  }

  /** Tries since the last good connection. */
  get failures() {
    return this.session.failures;
  }

  isConnected() {
    return this.session.status === 'connected';
  }

  connect() {
    this.unwatch ??= this.environment.watch({
      visibility: (visible) => this.run((now) => this.session.visibility(visible, now)),
      wake: () => this.retryNow(),
    });
    this.run((now) => this.session.start(now));
    return this;
  }

  disconnect() {
    this.unwatch?.();
    this.unwatch = null;
    this.run(() => this.session.stop());
  }

  /** Gives up a wait and tries now. */
  retryNow() {
    const ending = this.socket !== null && this.socket.readyState > OPEN;
    // A socket that waits for a farewell that may never come is as good as closed.
    if (ending) {
      this.socket = null;
      this.run((now) => this.session.closed(1006, '', now));
    }
    this.run((now) => this.session.wake(now));
  }

  /** @returns {boolean} whether it was handed to an open connection */
  send(data) {
    if (!this.isConnected() || this.socket?.readyState !== OPEN) return false;
    this.socket.send(typeof data === 'string' ? data : JSON.stringify(data));
    return true;
  }

  /** `type` is the type of a message, `*` for all of them, `status` for changes of the connection, or `failure`. */
  on(type, callback) {
    if (!this.listeners.has(type)) this.listeners.set(type, new Set());
    this.listeners.get(type).add(callback);
    return this;
  }

  off(type, callback) {
    this.listeners.get(type)?.delete(callback);
    return this;
  }

  emit(type, value) {
    for (const callback of [...(this.listeners.get(type) ?? [])]) {
      // A listener that throws must not keep the others, or the next message, from being heard.
      try {
        callback(value);
      } catch (error) {
        this.environment.report(error);
      }
    }
  }

  run(input) {
    for (const effect of input(this.environment.now())) this[`do_${effect.do}`](effect);
    this.environment.clear(this.timer);
    this.timer = null;
    const { deadline } = this.session;
    if (deadline !== null) {
      const wait = Math.max(0, deadline - this.environment.now());
      this.timer = this.environment.after(wait, () => this.run((now) => this.session.timeUp(now)));
    }
  }

  do_open({ since }) {
    const socket = this.environment.open(this.projectId, since);
    this.socket = socket;
    // Of a socket that was dropped nothing may be heard any more.
    const mine = (input) => socket === this.socket && this.run(input);
    socket.onmessage = ({ data }) => mine((now) => this.session.frame(data, now));
    socket.onclose = ({ code, reason }) => mine((now) => this.session.closed(code, reason, now));
  }

  do_close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  do_send({ text }) {
    if (this.socket?.readyState === OPEN) this.socket.send(text);
  }

  do_deliver({ message }) {
    this.emit(message.type, message);
    this.emit('*', message);
  }

  do_status() {
    this.emit('status', this.status);
  }

  do_fail({ error }) {
    this.emit('failure', error);
  }
}

/** Address of a room's socket, seen from a page. */
export function roomAddress(location, projectId, since) {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const query = since === null ? '' : `?since=${encodeURIComponent(since)}`;
  return `${scheme}//${location.host}/api/ws/projects/${encodeURIComponent(projectId)}${query}`;
}

/** Everything a connection needs of a browser. */
export function browserEnvironment() {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, callback) => setTimeout(callback, ms),
    clear: (timer) => clearTimeout(timer),
    open: (projectId, since) => new WebSocket(roomAddress(window.location, projectId, since)),
    report: (error) => reportError(error),
    visible: () => document.visibilityState === 'visible',
    watch({ visibility, wake }) {
      const onVisibility = () => visibility(document.visibilityState === 'visible');
      document.addEventListener('visibilitychange', onVisibility);
      for (const event of WAKING) window.addEventListener(event, wake);
      return () => {
        document.removeEventListener('visibilitychange', onVisibility);
        for (const event of WAKING) window.removeEventListener(event, wake);
      };
    },
  };
}

/** `pageshow`: a page that comes back from the browser's history has lost its socket without being told. */
const WAKING = ['online', 'offline', 'pageshow'];
