/** Whether the page is live, and how many look at it. */

import { setData, setText } from '../../ui/dom.js';

export class ConnectionLight {
  constructor(button, viewers) {
    this.button = button;
    this.viewers = viewers;
    this.connection = null;
    this.ended = null;
    button.addEventListener('click', () => this.connection?.retryNow());
    setInterval(() => this.count(), 500);
    for (const event of ['online', 'offline']) window.addEventListener(event, () => this.count());
  }

  attach(connection) {
    this.connection = connection;
    this.count();
  }

  show() {
    this.count();
  }

  /** The project is not there any more. */
  gone() {
    this.ended = 'Project deleted';
    this.count();
  }

  heard(message) {
    if (message.type !== 'presence') return;
    this.viewers.hidden = message.viewers < 2;
    setText(this.viewers, `${message.viewers} watching`);
  }

  count() {
    if (!this.connection) return;
    const { status, retryAt } = this.connection;
    const state = status === 'idle' ? 'connecting' : status;
    setData(this.button, 'state', state);
    setText(this.button, this.words(state, retryAt));
    this.button.title = state === 'reconnecting' || state === 'offline' ? 'Try now' : '';
    if (state !== 'connected') this.viewers.hidden = true;
  }

  words(state, retryAt) {
    if (this.ended) return this.ended;
    if (state === 'connected') return 'Live';
    if (state === 'stopped') return 'Disconnected';
    if (state === 'offline') return 'Offline';
    if (state === 'connecting') return 'Connecting';
    const seconds = Math.max(0, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000));
    const where = navigator.onLine ? 'Reconnecting' : 'Offline, trying again';
    return seconds === 0 ? where : `${where} in ${seconds} s`;
  }
}
