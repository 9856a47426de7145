/** The page of a project: shows the applied state, and nothing but it. */

import * as callboard from '../callboard.js';
import { api } from '../ui/api.js';
import { byId, initialData, scheduler } from '../ui/dom.js';
import { announce, shortcuts, showShortcuts, toast } from '../ui/notices.js';
import { Agents } from './project/agents.js';
import { AppPreview } from './project/app_preview.js';
import { ConnectionLight } from './project/connection_light.js';
import { Control } from './project/control.js';
import { Edit } from './project/edit.js';
import { Facts } from './project/facts.js';
import { Files } from './project/files.js';
import { Gallery } from './project/gallery.js';
import { Head } from './project/head.js';
import { LogPanel } from './project/log_panel.js';
import { Making } from './project/making.js';
import { Outcome } from './project/outcome.js';
import { Replay } from './project/replay.js';
import { Result } from './project/result.js';
import { ResultFiles } from './project/result_files.js';
import { Runs } from './project/runs.js';
import { Share } from './project/share.js';
import { Tabs } from './project/tabs.js';
import { Timeline } from './project/timeline.js';
import { Usage } from './project/usage.js';

const project = initialData();
const page = { project, state: project.state, edited: false, log: null, tabs: null, files: null, result: null, timeline: null, draw: null, replay: null, openReplay: null, now: () => Date.now() };

page.tabs = new Tabs(page);
page.files = new Files(page, byId('panel-files'));
page.result = new ResultFiles(page.files);
page.log = new LogPanel(page, byId('panel-log'));
page.timeline = new Timeline(page, byId('panel-timeline'));
const edit = new Edit(page);
const agents = new Agents(page, byId('agents'));
const parts = [
  edit,
  new Head(page),
  new Facts(page, byId('facts')),
  agents,
  new Usage(page, agents),
  new Control(page, byId('control')),
  new Outcome(page, byId('outcome')),
  new Making(page, byId('making')),
  page.log,
  page.files,
  new AppPreview(page, byId('panel-app')),
  new Gallery(page, byId('panel-pictures')),
  new Result(page, byId('panel-result')),
  page.timeline,
  new Runs(page, byId('panel-runs')),
  page.tabs,
];

/** What acts on the newest run, or is no part of it, stays out of a replay. */
const liveOnly = new Set(parts.filter((part) => part instanceof Control || part instanceof Runs || part === edit || part === page.tabs));
const draw = () => parts.forEach((part) => page.replay && liveOnly.has(part) ? null : part.render(page.state));
const render = scheduler(draw);
page.draw = draw;
draw();

new Share(page, byId('share'));
const light = new ConnectionLight(byId('connection'), byId('viewers'));
const connection = callboard.connect(
  project.id,
  (message) => {
    light.heard(message);
    if (message.type === 'broadcast') return announce(message.message);
    if (page.replay) {
      replay.heard(message, callboard.state);
      return;
    }
    page.state = callboard.state;
    parts.forEach((part) => part.heard?.(message, page.state));
    render();
  },
  (problem) => {
    if (problem.code === 'hole' || problem.code === 'refused') return;
    toast(problem.message);
  },
  (connected, detail) => light.show(detail),
  { state: project.state, position: project.position },
);
light.attach(connection);

/** The page shows another moment than the next one. */
const show = (state, now) => {
  page.state = state;
  page.now = now;
  parts.forEach((part) => part.reset?.(state));
  draw();
};
const replay = new Replay({
  page,
  box: byId('replay-bar'),
  onstate: (state, now) => {
    if (!page.replay && page.tabs.current === 'runs') page.tabs.choose('log');
    page.replay = replay;
    show(state, now);
  },
  onheard: (message, state) => [page.log, page.files].forEach((part) => part.heard(message, state)),
  onmove: (changed) => (changed ? render() : page.timeline.drawHead()),
  onleave: () => {
    page.replay = null;
    show(callboard.state, () => Date.now());
  },
});
page.openReplay = (run) => {
  replay.live = callboard.state;
  replay.start(run);
};

// A project that was deleted looks like a server that is away: after some tries, ask.
connection.on('status', async () => {
  if (connection.failures !== 3 || connection.status !== 'reconnecting') return;
  try {
    await api.project(project.id);
  } catch (problem) {
    if (problem.status !== 404) return;
    connection.disconnect();
    light.gone();
  }
});

const help = () => showShortcuts([
  ['1 … 7', 'App, log, timeline, files, requirements, runs, pictures'],
  ['/', 'Search in the log'],
  ['g', 'Go to a line of the log'],
  ['f', 'Follow the log'],
  ['z', 'Fold or open all groups of the log'],
  ['e', 'Edit name and brief'],
  ['p', 'Replay the run; then Space, ← →, + and − play it, Escape goes back to live'],
  ['d', 'Download the zip'],
  ['t', 'Dark or light'],
  ['h', 'Back to the board'],
  ['?', 'This help'],
]);
byId('help').addEventListener('click', help);
shortcuts({
  1: () => page.tabs.choose('app'),
  2: () => page.tabs.choose('log'),
  3: () => page.tabs.choose('timeline'),
  4: () => page.tabs.choose('files'),
  5: () => page.tabs.choose('result'),
  6: () => page.tabs.choose('runs'),
  7: () => page.tabs.choose('pictures'),
  '/': () => {
    page.tabs.choose('log');
    page.log.focusSearch();
  },
  g: () => {
    page.tabs.choose('log');
    page.log.focusLine();
  },
  f: () => page.log.toggleFollow(),
  z: () => page.log.toggleFolds(),
  e: () => edit.open(),
  p: () => byId('replay').hidden || byId('replay').click(),
  d: () => byId('download').hidden || byId('download').click(),
  t: () => byId('theme').click(),
  h: () => location.assign('/'),
  '?': help,
});
