/** The home page: post a brief, follow the board. */

import { api } from '../ui/api.js';
import { byId, el, initialData } from '../ui/dom.js';
import { EXAMPLES, nameOf } from '../ui/examples.js';
import { shortcuts } from '../ui/notices.js';
import { Board } from './home/board.js';

const form = byId('create');
const board = new Board(initialData());

for (const [title, brief] of EXAMPLES) {
  byId('examples').append(el('button', {
    type: 'button',
    onclick: () => {
      form.brief.value = brief;
      clearErrors();
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
  clearErrors();
  const brief = form.brief.value.trim();
  const seed = byId('seed').value.trim();
  if (brief === '') return showErrors([{ field: 'brief', message: 'Say what the app should do.' }]);
  if (!/^\d{0,15}$/.test(seed)) return showErrors([{ field: 'seed', message: 'A seed is a whole number from 0.' }]);
  busy(true);
  try {
    const project = await api.create({
      name: byId('name').value.trim() || nameOf(brief),
      brief,
      pipeline: 'app',
      ...(seed === '' ? {} : { params: { seed: Number(seed) } }),
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
    showErrors(problem.fields ?? [], problem.message);
  }
  return undefined;
});

/** A page that comes back from the browser's history must not look busy. */
window.addEventListener('pageshow', () => busy(false));

function busy(on) {
  byId('submit').disabled = on;
  byId('submit').textContent = on ? 'Posting…' : 'Generate';
}

function clearErrors() {
  for (const box of form.querySelectorAll('.field-error')) box.textContent = '';
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  byId('form-error').hidden = true;
}

/** Each message at its field; what belongs to none goes to the form. */
function showErrors(errors, message = '') {
  const homeless = [];
  let first = null;
  for (const error of errors) {
    const name = error.field.split('.').at(-1);
    const box = byId(`${name}-error`);
    const field = form.elements[name];
    if (!box || !field) {
      homeless.push(error.message);
      continue;
    }
    box.textContent = error.message;
    field.setAttribute('aria-invalid', 'true');
    if (name !== 'brief') byId('options').open = true;
    first ??= field;
  }
  if (errors.length === 0 && message !== '') homeless.push(message);
  if (homeless.length > 0) {
    byId('form-error').textContent = homeless.join(' ');
    byId('form-error').hidden = false;
  }
  (first ?? form.brief).focus();
}

shortcuts({
  n: () => form.brief.focus(),
  '/': () => byId('search').focus(),
});
board.start();
