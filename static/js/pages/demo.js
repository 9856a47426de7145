/** The image demo: ask one or two machines for a picture, and watch. */

import { byId, el } from '../ui/dom.js';
import { clearErrors, showErrors } from '../ui/form.js';
import { Machine } from './demo/machine.js';
import { recipeIn } from './demo/recipe.js';

const EXAMPLES = [
  'a red glass sphere on a wooden table at sunset',
  'misty mountains with a lake, calm',
  'a lighthouse on an island at night, starry',
  'three golden cubes and a blue ball on a checkerboard, studio',
  'a sailboat on the sea at sunset, warm',
];
const NUMBERS = ['steps', 'width', 'height', 'seed'];

const demo = byId('demo');
const form = byId('ask');
const machines = [new Machine(demo.dataset.platform, '', controls)];
if (demo.dataset.other) machines.push(new Machine(new URL(demo.dataset.other).host, demo.dataset.other, controls));
byId('machines').append(...machines.map((machine) => machine.element));
// The official client of Socket.IO, which this server brings along.
for (const machine of machines) machine.connect(window.io);

byId('examples').append(...EXAMPLES.map((text) => el('button', {
  type: 'button',
  onclick: () => { form.prompt.value = text; clearErrors(form); },
}, text)));

form.addEventListener('submit', (event) => {
  event.preventDefault();
  clearErrors(form);
  const command = { command: 'generate', prompt: form.prompt.value };
  const wrong = [];
  for (const name of NUMBERS) {
    const text = form[name].value.trim();
    if (text === '') continue;
    if (/^\d{1,16}$/.test(text)) command[name] = Number(text);
    else wrong.push({ field: name, message: 'must be a whole number' });
  }
  if (wrong.length > 0) return showErrors(form, wrong);
  for (const machine of machines) send(machine, '/command', command);
});

byId('stop').addEventListener('click', () => {
  for (const machine of machines) if (machine.job !== null) send(machine, '/command', { command: 'stop', job_id: machine.job });
});

byId('pause').addEventListener('click', () => {
  for (const machine of machines) {
    const verb = machine.state === 'paused' ? 'resume' : 'pause';
    if (machine.job !== null) send(machine, `/api/runs/${machine.job}/${verb}`, {});
  }
});

/** What can be done now. */
function controls() {
  const busy = machines.filter((machine) => machine.state !== null && machine.state !== 'idle' && machine.job !== null);
  byId('stop').hidden = busy.length === 0;
  byId('pause').hidden = busy.length === 0;
  byId('pause').textContent = busy.some((machine) => machine.state === 'paused') ? 'Go on' : 'Pause';
}

async function send(machine, path, body) {
  const where = machine.address === '' ? '' : `${new URL(machine.address).host}: `;
  try {
    const response = await fetch(`${machine.address}${path}`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    if (response.ok) return;
    const problem = await response.json().catch(() => ({ detail: response.statusText }));
    if (problem.errors?.length > 0) showErrors(form, problem.errors);
    else say(where + problem.detail);
  } catch {
    say(`${where}the machine cannot be reached, or does not allow this page (its setting http.allowed_origins).`);
  }
}

function say(text) {
  const error = byId('form-error');
  error.hidden = false;
  error.textContent = text;
}

// Make again: the recipe is read here, in the browser, and fills the form.
async function again(file) {
  const note = byId('again-note');
  try {
    const { prompt, params } = recipeIn(await file.arrayBuffer());
    clearErrors(form);
    form.prompt.value = prompt;
    for (const [name, value] of Object.entries(params)) form[name].value = String(value);
    note.textContent = `The recipe of ${file.name} is in the form: Generate makes the same picture again.`;
  } catch (error) {
    note.textContent = error.message;
  }
}
byId('again').addEventListener('change', (event) => {
  if (event.target.files[0]) again(event.target.files[0]);
  event.target.value = '';
});
for (const type of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    byId('drop').classList.toggle('over', type === 'dragover');
    if (type === 'drop' && event.dataTransfer.files[0]) again(event.dataTransfer.files[0]);
  });
}
