/**
 * The channels of the whole server: jobs, queue, approval and the like, over one socket. The shell and the rules of coming
 * back are those of a project room; what differs is what is said when a socket opens.
 *
 *     const channels = new Channels(['jobs', 'approval'], { clientType: 'gui', clientName: 'Desk 3' });
 *     channels.on('job_completed', (event) => console.log(event.job_id));
 *     channels.on('subscribed', ({ gap }) => { if (gap) reload(); });
 *     channels.connect();
 */

import { Connection, browserEnvironment } from './connection.js';
import { OPEN_LIMIT_MS, PING_EVERY_MS, Session } from './session.js';

/** The decisions of one channel socket; effects are those of `session.js`. */
export class ChannelSession extends Session {
  constructor({ random, channels, clientType = 'unknown', clientName = '', position = null, visible = true }) {
    super({ random, position, visible });
    this.wanted = new Set(channels);
    /** What the open socket was asked for at first. */
    this.asked = [];
    this.register = { type: 'register', client_type: clientType, client_name: clientName };
  }

  connect(now) {
    this.reset();
    this.retryAt = null;
    this.status = 'connecting';
    this.openLimitAt = now + OPEN_LIMIT_MS;
    return [{ do: 'open', since: null }, { do: 'status' }];
  }

  /** The first message: who this is, and what it wants from where. */
  welcome(message, now) {
    const effects = [{ do: 'deliver', message }, { do: 'send', text: JSON.stringify(this.register) }];
    // Without a subscription there is nothing to wait for.
    if (this.wanted.size === 0) return [...this.settled(now), ...effects];
    this.asked = [...this.wanted];
    const subscribe = { type: 'subscribe', channels: this.asked };
    if (this.position !== null) subscribe.since = this.position;
    return [...effects, { do: 'send', text: JSON.stringify(subscribe) }];
  }

  settled(now) {
    if (this.welcomed) return [];
    this.welcomed = true;
    this.status = 'connected';
    this.openedAt = now;
    this.openLimitAt = null;
    this.pingAt = now + PING_EVERY_MS;
    return [{ do: 'status' }];
  }

  frame(text, now) {
    const effects = super.frame(text, now);
    const message = effects.find((effect) => effect.do === 'deliver')?.message;
    if (message === undefined) return effects;
    if (message.type === 'subscribed') {
      // Of channels that are added to a live socket: its place is that of the events, not of the newcomers.
      if (!this.welcomed || this.position === null) this.position = message.position;
      const first = !this.welcomed;
      const settled = this.settled(now);
      if (!first) return [...settled, ...effects];
      // What came to be wanted, or to be wanted no longer, while the answer was on its way.
      const more = this.say('subscribe', [...this.wanted].filter((channel) => !this.asked.includes(channel)));
      const fewer = this.say('unsubscribe', this.asked.filter((channel) => !this.wanted.has(channel)));
      return [...settled, ...effects, ...more, ...fewer];
    }
    const moves = message.type === 'pong' || typeof message.channel === 'string';
    if (moves && typeof message.position === 'string') this.position = message.position;
    return effects;
  }

  /** Wants more channels, from now on; what to say when the socket is open. */
  add(channels) {
    const more = channels.filter((channel) => !this.wanted.has(channel));
    more.forEach((channel) => this.wanted.add(channel));
    return this.say('subscribe', more);
  }

  /** Wants channels no longer. */
  remove(channels) {
    const fewer = channels.filter((channel) => this.wanted.delete(channel));
    return this.say('unsubscribe', fewer);
  }

  say(type, channels) {
    if (channels.length === 0 || this.status !== 'connected') return [];
    return [{ do: 'send', text: JSON.stringify({ type, channels }) }];
  }
}

/** Address of the channel socket, seen from a page. */
export function channelAddress(location) {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/ws`;
}

export class Channels extends Connection {
  /**
   * @param {string[]} channels
   * @param {{ clientType?: string, clientName?: string, position?: string, environment?: object }} options
   *   `position` goes on from there; `environment` stands in for the browser in tests.
   */
  constructor(channels, { clientType, clientName, position, environment } = {}) {
    const browser = environment ?? { ...browserEnvironment(), open: () => new WebSocket(channelAddress(window.location)) };
    super(null, { environment: browser });
    const { random } = browser;
    this.session = new ChannelSession({ random, channels, clientType, clientName, position, visible: browser.visible() });
  }

  /** Hears of these channels too, from now on. */
  subscribe(...channels) {
    this.run(() => this.session.add(channels));
    return this;
  }

  /** Hears of these channels no longer. */
  unsubscribe(...channels) {
    this.run(() => this.session.remove(channels));
    return this;
  }
}
