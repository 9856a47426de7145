/** The home page: post a brief, follow the board. */

import { api } from '../ui/api.js';
import { byId, el, initialData } from '../ui/dom.js';
import { EXAMPLES, nameOf } from '../ui/examples.js';
import { clearErrors, readSeed, showErrors } from '../ui/form.js';
import { shortcuts } from '../ui/notices.js';
import { Board } from './home/board.js';

const form = byId('create');
const board = new Board(initialData());

for (const [title, brief] of EXAMPLES) {
  byId('examples').append(el('button', {
    type: 'button',
    onclick: () => {
      form.brief.value = brief;
      clearErrors(form);
      form.brief.focus();
    },
  }, title));
}

form.brief.addEventListener('input', () => {
  byId('name').placeholder = form.brief.value.trim() === '' ? 'Taken from the brief' : nameOf(form.brief.value);
});

form.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  clearErrors(form);
  const brief = form.brief.value.trim();
  const { seed, problem: wrongSeed } = readSeed(form.seed.value);
  if (brief === '') return showErrors(form, [{ field: 'brief', message: 'Say what the app should do.' }]);
  if (wrongSeed) return showErrors(form, [wrongSeed]);
  busy(true);
  try {
    const project = await api.create({
      name: byId('name').value.trim() || nameOf(brief),
      brief,
      pipeline: 'app',
      ...(seed === null ? {} : { params: { seed } }),
    });
    try {
      await api.generate(project.id);
    } catch (problem) {
      // A brief that no run accepts is shown here, where it can be mended; nothing of the attempt is kept.
      await api.remove(project.id).catch(() => {});
      throw problem;
    }
    location.assign(`/projects/${project.id}`);
  } catch (problem) {
    busy(false);
    showErrors(form, problem.fields ?? [], problem.message);
  }
  return undefined;
});

/** A page that comes back from the browser's history must not look busy. */
window.addEventListener('pageshow', () => busy(false));

function busy(on) {
  byId('submit').disabled = on;
  byId('submit').textContent = on ? 'Posting…' : 'Generate';
}

shortcuts({
  n: () => form.brief.focus(),
  '/': () => byId('search').focus(),
});
board.start();
