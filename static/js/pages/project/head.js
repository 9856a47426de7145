/** Status, percent, time, and what can be done with the run. */

import { api } from '../../ui/api.js';
import { byId, setData, setText } from '../../ui/dom.js';
import { duration, etaNow, isActive, isTerminal, percent, statusText, statusTone, workedMs } from '../../ui/format.js';
import { confirm, show, snippet, toast } from '../../ui/notices.js';

export class Head {
  constructor(page) {
    this.page = page;
    this.announced = undefined;
    this.watched = false;
    this.wanted = false;
    byId('generate').addEventListener('click', () => this.act(byId('generate'), () => api.generate(page.project.id, { lane: 'interactive' })));
    byId('retry').addEventListener('click', () => this.act(byId('retry'), () => api.retry(page.state.run.id)));
    byId('cancel').addEventListener('click', () => this.cancel());
    byId('curl').addEventListener('click', () => showCommands(page));
    byId('replay').addEventListener('click', () => page.openReplay(page.state.run.id));
    byId('notify').addEventListener('click', () => this.askToNotify());
    setInterval(() => this.renderTiming(page.state), 1000);
  }

  render(state) {
    const { project } = this.page;
    const active = isActive(state.status);
    const whole = percent(state.progress);
    setText(byId('status'), statusText(state.status));
    setData(byId('status'), 'tone', statusTone(state.status));
    setData(byId('progress'), 'tone', statusTone(state.status));
    byId('progress').value = state.progress;
    setText(byId('percent'), `${whole} %`);
    setText(byId('message'), messageOf(state));
    this.renderTiming(state);

    byId('cancel').hidden = !active || state.status === 'cancelling';
    byId('retry').hidden = !state.run || !isTerminal(state.status) || state.status === 'completed';
    byId('generate').hidden = active;
    this.renderPrimary(state);
    setText(byId('generate'), state.run ? 'Generate again' : 'Generate');
    byId('download').hidden = state.artifacts_total === 0;
    byId('download').href = project.archive_url;
    setText(byId('download'), downloadText(state));
    byId('replay').hidden = !state.run || !isTerminal(state.status);
    byId('notify').hidden = !active || this.wanted || !('Notification' in window) || Notification.permission === 'denied';

    if (this.page.replay) {
      document.title = `Replay · ${project.name}`;
      return;
    }
    document.title = active ? `${whole} % · ${project.name}` : `${marks[statusTone(state.status)] ?? ''}${project.name} · Callboard`;
    this.announce(state);
  }

  /** One way on stands out: take it home, take a failed run up again, or build what was changed. */
  renderPrimary({ status, artifacts_total: files }) {
    const whole = (status === 'completed' || status === 'partial') && files > 0;
    const primary = this.page.edited ? 'generate' : whole ? 'download' : byId('retry').hidden ? 'generate' : 'retry';
    for (const id of ['download', 'retry', 'generate']) byId(id).classList.toggle('primary', id === primary);
  }

  renderTiming(state) {
    const { run, eta, eta_at: saidAt, completion } = state;
    const now = this.page.now();
    const took = duration(completion ? completion.duration_ms : workedMs(run, now));
    setText(byId('timing'), [took && (completion ? `Took ${took}` : `${took} so far`), etaNow(eta, saidAt, now)].filter(Boolean).join(' · '));
  }

  /** Said aloud: changes of the status and every quarter, not every percent. */
  announce(state) {
    const quarter = isActive(state.status) ? Math.floor(percent(state.progress) / 25) * 25 : '';
    const saying = `${statusText(state.status)}${quarter === '' ? '' : `, ${quarter} %`}`;
    if (this.announced !== undefined && this.announced !== saying) byId('announce').textContent = saying;
    this.announced = saying;
    if (isActive(state.status)) this.watched = true;
  }

  heard(message) {
    if (message.type === 'status_update' && message.status === 'queued') this.page.edited = false;
    if (message.type !== 'completion' || !this.watched || message.run_id !== this.page.state.run?.id) return;
    this.watched = false;
    if (!this.wanted || document.visibilityState === 'visible' || Notification.permission !== 'granted') return;
    const notification = new Notification(`${this.page.project.name}: ${statusText(message.status).toLowerCase()}`, {
      body: message.message,
      tag: this.page.project.id,
    });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
  }

  /** What a replay showed is no news. */
  reset() {
    this.announced = undefined;
  }

  async askToNotify() {
    this.wanted = (await Notification.requestPermission()) === 'granted';
    toast(this.wanted ? 'You will be told when the run has ended.' : 'The browser does not allow notifications here.');
    byId('notify').hidden = this.wanted || Notification.permission === 'denied';
  }

  async cancel() {
    const run = this.page.state.run?.id;
    const sure = await confirm({
      title: 'Cancel this run?',
      text: 'Agents stop where they are. Files that are already there stay.',
      yes: 'Cancel the run',
      no: 'Let it run',
    });
    if (sure) await this.act(byId('cancel'), () => api.cancel(run));
  }

  async act(button, action) {
    button.disabled = true;
    try {
      await action();
    } catch (problem) {
      toast(problem.text);
    }
    button.disabled = false;
  }
}

/** What stands beside the status; how a run ended in vain is said once, below. */
export function messageOf({ status, message, completion }) {
  if (status === null) return 'Press Generate to begin.';
  if (completion !== null && completion.status !== 'completed') return '';
  return message.toLowerCase() === statusText(status).toLowerCase() ? '' : message;
}

/** An archive that is not the result of a run that came to its end is not offered as if it were. */
export function downloadText({ status }) {
  return status === 'completed' ? 'Download zip' : 'Download what is there';
}

const marks = { go: '✓ ', stop: '✗ ' };

/** The same from a terminal. */
function showCommands({ project, state }) {
  const at = location.origin;
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const body = JSON.stringify({ name: project.name, brief: project.brief, pipeline: project.pipeline });
  show('From a terminal',
    snippet('Watch it live', `curl -N -H 'Accept: text/event-stream' ${at}/api/projects/${project.id}/events`),
    snippet('Start a run', `curl -X POST -H 'Content-Type: application/json' -d '{}' ${at}/api/projects/${project.id}/generate`),
    ...(state.run ? [snippet('Cancel the run', `curl -X POST ${at}/api/runs/${state.run.id}/cancel`)] : []),
    snippet('Take the files home', `curl -OJ ${at}${project.archive_url}`),
    snippet('Post the same brief again', `curl -H 'Content-Type: application/json' -d ${quote(body)} ${at}/api/projects`));
}
