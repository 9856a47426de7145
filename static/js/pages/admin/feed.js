/** The dashboard room over Socket.IO: what the server says, and whether it can be heard. */

const NAMES = ['dashboard_state', 'system_metrics_update', 'job_update', 'admin_alert', 'audit_entry', 'broadcast'];

export class Feed {
  /** @param {{ heard: (name: string, payload: object) => void, link: (state: string, words: string) => void }} to */
  constructor(to) {
    this.to = to;
    this.over = false;
    this.socket = window.io({ transports: ['websocket', 'polling'], reconnectionDelayMax: 15000 });
    for (const name of NAMES) this.socket.on(name, (payload) => to.heard(name, payload));
    this.socket.on('connect', () => this.join());
    this.socket.on('disconnect', (reason) => {
      if (this.over) return;
      // The server put us out by name: official clients do not come back then, and neither does this page.
      if (reason === 'io server disconnect') this.end('Disconnected by the server');
      else to.link('reconnecting', 'Reconnecting');
    });
    this.socket.on('connect_error', (error) => {
      if (this.over) return;
      if (this.socket.active) to.link('reconnecting', 'Reconnecting');
      else this.end(error.message);
    });
    this.socket.on('task_error', (error) => {
      if (error.code === 'revoked' || error.code === 'expired') this.end('Signed out');
      if (error.code === 'disconnected') this.end('Disconnected by an administrator');
    });
    window.addEventListener('online', () => !this.over && this.socket.connect());
  }

  join() {
    this.socket.emit('join_admin_dashboard', (answer) => {
      if (answer?.joined) this.to.link('connected', 'Live');
      else this.end(answer?.error?.message ?? 'Not allowed');
    });
  }

  end(words) {
    this.over = true;
    this.to.link('stopped', words);
    this.socket.disconnect();
  }
}
