/**
 * The decisions of one connection to a room, without a socket, a timer or a clock: what happened and the time go in,
 * effects come out. The shell in `connection.js` carries the effects out.
 *
 * Effects, in order:
 *   { do: 'open', since }        open a socket, from this position when it is not null
 *   { do: 'close' }              drop the socket; nothing of it may be reported any more
 *   { do: 'send', text }
 *   { do: 'deliver', message }   a message for the listeners; state is already what it says
 *   { do: 'status' }             `status` changed: idle, connecting, connected, reconnecting, offline, stopped
 *   { do: 'fail', error }        something went wrong, for the error listeners
 * After every input the shell asks `deadline` and calls `timeUp` then.
 */

import { HIDDEN_TRIES_MAX, retryDelay } from './backoff.js';
import { apply } from './fold.js';

/** A socket that did not open, or said nothing after opening, is given up after this. */
export const OPEN_LIMIT_MS = 15000;
export const PING_EVERY_MS = 30000;
/** A ping that nothing followed for so long means that the connection is dead. */
export const PONG_LIMIT_MS = 10000;
/** A connection that held for so long was a good one: the next trouble starts at the shortest wait. */
export const STABLE_MS = 10000;

/** Nobody is kept away for longer than this. */
export const SLOT_MAX_MS = 10 * 60 * 1000;

/** Messages that belong to the log: the only ones that move the position. */
const LOGGED = new Set(['status_update', 'agent_update', 'log', 'artifact', 'completion', 'event']);

export class Session {
  /**
   * @param {{ random: () => number, state?: object, position?: string, visible?: boolean }} start
   *   `state` and `position`: what a page was rendered with, so that it goes on from there.
   */
  constructor({ random, state = null, position = null, visible = true }) {
    this.random = random;
    /** The fold of everything that was applied; null before the first answer. */
    this.state = state;
    this.position = position;
    /** Number of the last applied message; null while only the position is known. */
    this.seq = null;
    /** `offline` means that nothing is tried until somebody looks; `stopped` that nothing will be. */
    this.status = 'idle';
    /** Tries since the last good connection. */
    this.failures = 0;
    this.retryAt = null;
    this.visible = visible;
    /** Holes since the last message that could be applied. */
    this.holes = 0;
    /** When the server that goes down wants this client back, and whether the present wait is for that. */
    this.slotAt = null;
    this.slotted = false;
    this.reset();
  }

  /** Forgets what belongs to one socket. */
  reset() {
    this.welcomed = false;
    this.openedAt = null;
    this.openLimitAt = null;
    this.pingAt = null;
    this.pongLimitAt = null;
  }

  start(now) {
    if (this.status !== 'idle' && this.status !== 'stopped') return [];
    this.failures = 0;
    return this.connect(now);
  }

  stop() {
    const open = this.status === 'connecting' || this.status === 'connected';
    this.reset();
    this.retryAt = null;
    this.status = 'stopped';
    return open ? [{ do: 'close' }, { do: 'status' }] : [{ do: 'status' }];
  }

  connect(now) {
    this.reset();
    this.retryAt = null;
    this.status = 'connecting';
    this.openLimitAt = now + OPEN_LIMIT_MS;
    // A position without the state it belongs to is of no use: ask for both.
    const since = this.state === null ? null : this.position;
    return [{ do: 'open', since }, { do: 'status' }];
  }

  /** The socket reported a frame. */
  frame(text, now) {
    if (this.status !== 'connecting' && this.status !== 'connected') return [];
    this.pongLimitAt = null;
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return [{ do: 'fail', error: { code: 'bad_frame', message: 'The server sent something that is not JSON.' } }];
    }
    if (message === null || typeof message !== 'object' || typeof message.type !== 'string') {
      return [{ do: 'fail', error: { code: 'bad_frame', message: 'The server sent a message without a type.' } }];
    }
    if (message.type === 'connection') return this.welcome(message, now);
    if (message.type === 'shutdown') {
      const slot = message.reconnect_in_ms;
      // A slot that makes no sense is none: the usual wait takes its place.
      if (Number.isFinite(slot) && slot >= 0 && slot <= SLOT_MAX_MS) this.slotAt = now + slot;
      return [{ do: 'deliver', message }];
    }
    if (!LOGGED.has(message.type)) {
      const fail = message.type === 'error' ? [{ do: 'fail', error: message }] : [];
      return [{ do: 'deliver', message }, ...fail];
    }
    return this.logged(message, now);
  }

  welcome(message, now) {
    const effects = [];
    if (message.state) {
      this.state = message.state;
      this.seq = message.seq;
      this.position = message.position;
    } else if (this.state === null || message.position !== this.position) {
      return this.again(now, 'The server resumed from a position that this page does not stand at.');
    } else {
      this.seq = message.seq;
    }
    if (!this.welcomed) {
      this.welcomed = true;
      this.status = 'connected';
      this.openedAt = now;
      this.openLimitAt = null;
      this.pingAt = now + PING_EVERY_MS;
      effects.push({ do: 'status' });
    }
    effects.push({ do: 'deliver', message });
    return effects;
  }

  logged(message, now) {
    if (this.state === null) {
      return this.again(now, 'The server sent an event before it welcomed the connection.');
    }
    if (this.seq !== null && message.seq <= this.seq) return [];
    if (this.seq !== null && message.seq !== this.seq + 1) {
      return this.again(now, `Event ${this.seq + 1} is missing: ${message.seq} came.`);
    }
    this.seq = message.seq;
    this.position = message.position;
    this.holes = 0;
    apply(this.state, message);
    return [{ do: 'deliver', message }];
  }

  /**
   * What came cannot be applied. The first time the same position is asked for again, so that listeners miss nothing;
   * when that does not help, the position is given up and a fresh state is asked for.
   */
  again(now, reason) {
    this.holes += 1;
    if (this.holes > 1) {
      this.seq = null;
      this.position = null;
    }
    const effects = [{ do: 'close' }, { do: 'fail', error: { code: 'hole', message: reason } }];
    // At once the first time; a server that keeps doing this is not to be hammered.
    if (this.holes === 1) return [...effects, ...this.connect(now)];
    return [...effects, ...this.retry(now)];
  }

  /** The socket ended, or could not be opened. */
  closed(code, reason, now) {
    if (this.status !== 'connecting' && this.status !== 'connected') return [];
    if (code >= 4500 && code <= 4999) {
      this.reset();
      this.status = 'stopped';
      return [
        { do: 'fail', error: { code: 'refused', close_code: code, message: reason || 'The server ended the connection for good.' } },
        { do: 'status' },
      ];
    }
    return this.retry(now);
  }

  retry(now) {
    if (this.openedAt !== null && now - this.openedAt >= STABLE_MS) this.failures = 0;
    this.reset();
    const slot = this.slotAt;
    this.slotAt = null;
    this.slotted = slot !== null;
    if (!this.visible && this.failures >= HIDDEN_TRIES_MAX) {
      this.status = 'offline';
      return [{ do: 'status' }];
    }
    // A server that goes down deals out slots itself; that is its own jitter.
    this.retryAt = slot === null ? now + retryDelay(this.failures, this.random) : Math.max(now, slot);
    this.failures += 1;
    this.status = 'reconnecting';
    return [{ do: 'status' }];
  }

  /** The page became visible or hidden. */
  visibility(visible, now) {
    this.visible = visible;
    return visible ? this.wake(now) : [];
  }

  /**
   * Somebody looks, or the network came or went: no reason to sit out a wait. A socket may look open for minutes after
   * its network is gone, so it is asked, and given up soon when nothing answers. Whether the browser calls itself
   * offline decides nothing: a server on the same machine is there without a network.
   */
  wake(now) {
    // A slot the server dealt out holds, whoever looks.
    const waits = this.status === 'reconnecting' && !this.slotted;
    if (waits || this.status === 'offline') return this.connect(now);
    return this.status === 'connected' ? this.ping(now) : [];
  }

  ping(now) {
    this.pingAt = now + PING_EVERY_MS;
    this.pongLimitAt = this.pongLimitAt ?? now + PONG_LIMIT_MS;
    return [{ do: 'send', text: '{"type":"ping"}' }];
  }

  /** When `timeUp` wants to be called; null for never. */
  get deadline() {
    const times = [this.retryAt, this.openLimitAt, this.pingAt, this.pongLimitAt].filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  timeUp(now) {
    if (this.retryAt !== null && now >= this.retryAt) return this.connect(now);
    if (this.openLimitAt !== null && now >= this.openLimitAt) return [{ do: 'close' }, ...this.retry(now)];
    if (this.pongLimitAt !== null && now >= this.pongLimitAt) return [{ do: 'close' }, ...this.retry(now)];
    if (this.pingAt !== null && now >= this.pingAt) return this.ping(now);
    return [];
  }
}
