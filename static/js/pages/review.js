/** The page on which a person looks over the texts of images: one image, one text, one key. */

import * as callboard from '../callboard.js';
import { coloursOf, DECISIONS_MAX, factsOf, groups, lengthOf, OneAtATime, Review, standing } from '../client/review.js';
import { api, sentence, upload } from '../ui/api.js';
import { byId, el, initialData, scheduler, setData, setText } from '../ui/dom.js';
import { isActive, plural, statusText, statusTone } from '../ui/format.js';
import { confirm, shortcuts, showShortcuts, toast } from '../ui/notices.js';
import { ConnectionLight } from './project/connection_light.js';

const project = initialData();
const readOnly = 'readOnly' in byId('review').dataset;
const review = new Review();
const page = { run: null, state: project.state, inputs: [], uploading: 0, asked: 0 };
const STANDING = { open: 'Not decided', approved: 'Approved', edited: 'Approved with changes', rejected: 'Rejected', failed: 'Failed' };
/** Files of one upload: the server takes them all or none. */
const TOGETHER = 20;

/** A key that is pressed twice decides once. */
const sending = new OneAtATime();

const render = scheduler(draw);

async function loadRun() {
  const asked = (page.asked += 1);
  try {
    const { runs } = await api.runs(project.id);
    const captions = await firstWithTexts(runs);
    if (asked !== page.asked) return;
    page.run = captions?.run_id ?? null;
    review.load(captions ?? { images: [], max_length: review.maxLength, language: review.language });
  } catch (problem) {
    toast(problem.message);
  }
  render();
}

/** The texts of the newest run that has some. */
async function firstWithTexts(runs) {
  for (const run of runs.filter(({ status }) => ['completed', 'partial'].includes(status)).slice(0, 5)) {
    try {
      return await api.captions(run.id);
    } catch (problem) {
      if (![404, 409].includes(problem.status)) throw problem;
    }
  }
  return null;
}

async function loadInputs() {
  page.inputs = (await api.inputs(project.id).catch(() => ({ inputs: page.inputs }))).inputs;
  render();
}

function draw() {
  drawHead();
  const some = review.images.length > 0;
  byId('desk').hidden = !some;
  byId('empty').hidden = some;
  if (some) {
    drawStrip();
    drawImage();
    drawPanel();
  } else {
    drawEmpty();
  }
}

function drawHead() {
  const { state } = page;
  setText(byId('status'), statusText(state.status));
  setData(byId('status'), 'tone', statusTone(state.status));
  const active = isActive(state.status);
  byId('progress').hidden = !active;
  byId('progress').value = state.progress;
  const ended = state.completion && !state.completion.success ? sentence(state.completion.message) : '';
  const message = active ? state.message : ended;
  byId('message').hidden = message === '';
  setText(byId('message'), message);
  const counts = review.counts();
  const parts = [
    review.images.length > 0 ? `${counts.approved + counts.edited} of ${counts.images} approved` : '',
    counts.open > 0 ? `${counts.open} to decide` : '',
    counts.rejected > 0 ? `${counts.rejected} rejected` : '',
    counts.failed > 0 ? `${counts.failed} failed` : '',
    review.images.length === 0 && page.inputs.length > 0 ? plural(page.inputs.length, 'image') : '',
    page.uploading > 0 ? `uploading ${page.uploading}…` : '',
  ];
  setText(byId('counts'), parts.filter(Boolean).join(' · '));
  byId('downloads').hidden = page.run === null;
  if (page.run !== null) {
    byId('json').href = `/api/runs/${page.run}/captions`;
    byId('csv').href = `/api/runs/${page.run}/captions.csv`;
  }
  if (readOnly) return;
  byId('generate').hidden = active;
  byId('generate').disabled = page.uploading > 0;
  byId('cancel').hidden = !active;
  setText(byId('generate'), review.images.length > 0 ? 'Write texts again' : 'Write texts');
  byId('generate').classList.toggle('primary', review.images.length === 0);
}

function drawEmpty() {
  const box = byId('empty');
  const active = isActive(page.state.status);
  const failed = ['failed', 'timed_out', 'cancelled'].includes(page.state.status);
  const [title, text] = active ? ['The texts are being written', page.state.message]
    : failed ? ['No texts', 'The run ended without any. Mend the images or add others, and write again.']
    : page.inputs.length > 0 ? [page.inputs.length === 1 ? 'One image is here' : `${page.inputs.length} images are here`, 'Write texts looks at each of them.']
    : ['No images yet', readOnly ? 'Nobody has added any.' : 'Drop JPEG, PNG, WebP or GIF files anywhere on this page, or add them above.'];
  box.replaceChildren(el('h2', {}, title), el('p', {}, text),
    page.inputs.length > 0 ? el('ul.thumbs', {}, page.inputs.slice(0, 60).map((input) => el('li', {},
      el('img', { src: input.url, alt: input.name, loading: 'lazy', title: input.name }),
      !readOnly && !active && el('button.small', { type: 'button', 'aria-label': `Remove ${input.name}`, onclick: () => forget(input) }, '×')))) : '');
}

function drawStrip() {
  const strip = byId('strip');
  const shown = review.shown();
  // An image of the same name in another run is another picture.
  const known = new Map([...strip.children].map((item) => [`${item.dataset.item}\n${item.dataset.preview}`, item]));
  const items = shown.map((image) => {
    const item = known.get(`${image.item}\n${image.preview_url ?? ''}`) ?? thumb(image);
    setData(item, 'standing', standing(image));
    const button = item.firstElementChild;
    if (image.item === review.current) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
    button.setAttribute('aria-label', `${image.item}, ${STANDING[standing(image)]}`);
    setText(item.querySelector('.thumb-sure'), image.confidence === undefined ? '' : `${Math.round(image.confidence * 100)} %`);
    return item;
  });
  if (items.length !== strip.children.length || items.some((item, at) => strip.children[at] !== item)) strip.replaceChildren(...items);
}

function thumb(image) {
  const picture = image.preview_url ? el('img', { src: image.preview_url, alt: '', loading: 'lazy', width: 64, height: 48 }) : el('span.thumb-broken', {}, '!');
  return el('li', { data: { item: image.item, preview: image.preview_url ?? '' } }, el('button.thumb', { type: 'button', onclick: () => go(() => { review.current = image.item; }) },
    picture, el('span.thumb-name', {}, image.item), el('span.thumb-sure', {}), el('span.thumb-mark', { 'aria-hidden': 'true' })));
}

function drawImage() {
  const image = review.image();
  const shown = byId('image');
  const source = image.problem ? null : image.image_url;
  shown.hidden = source === null;
  if (source !== null && shown.getAttribute('src') !== source) shown.src = source;
  shown.alt = source === null ? '' : image.item;
  const place = review.shown().findIndex(({ item }) => item === image.item) + 1;
  setText(byId('caption-of'), `${image.item} · ${place} of ${review.shown().length}`);
  byId('picture').dataset.problem = image.problem ? sentence(image.problem) : '';
}

function drawPanel() {
  const image = review.image();
  const how = standing(image);
  const decided = how !== 'open';
  setText(byId('verdict'), image.decision ? `${STANDING[how]} by ${image.decision.by}` : STANDING[how]);
  setData(byId('verdict'), 'standing', how);
  setText(byId('confidence'), image.confidence === undefined ? '' : `${Math.round(image.confidence * 100)} % sure`);
  const field = byId('text');
  const text = review.text(image);
  if (field.value !== text) field.value = text;
  field.readOnly = readOnly || decided;
  field.lang = review.language;
  count();
  setText(byId('text-language'), review.language === 'de' ? 'Deutsch' : 'English');
  byId('described').hidden = !(['approved', 'edited'].includes(how) && /\.(jpe?g|png|webp)$/i.test(image.item));
  if (image.described_url) byId('described').href = image.described_url;
  if (!readOnly) {
    for (const id of ['approve', 'edit', 'reject']) byId(id).disabled = decided;
    const sure = review.sure(Number(byId('sure').value)).length;
    setText(byId('bulk-count'), String(sure));
    byId('bulk').disabled = sure === 0;
  }
  drawFacts(image);
}

function drawFacts(image) {
  const box = byId('facts');
  if (box.dataset.item === image.item && box.dataset.run === page.run) return;
  Object.assign(box.dataset, { item: image.item, run: page.run });
  const swatches = coloursOf(image).map(({ name, hex, share }) => {
    const spot = el('span.spot', { 'aria-hidden': 'true' });
    spot.style.backgroundColor = hex;
    return el('li', {}, spot, `${name} ${share}`);
  });
  const unverified = (image.unverified ?? []).length > 0
    ? el('p.unverified', {}, `Not measured: ${image.unverified.map((word) => `“${word}”`).join(', ')}`) : '';
  const claims = (image.claims ?? []).map(({ text, fact, trust }) => el('li', {}, `${text} `, el('span.hint', {}, `${fact} · ${Math.round(trust * 100)} %`)));
  const facts = factsOf(image).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]);
  box.replaceChildren(unverified,
    ...(claims.length > 0 ? [el('h2', {}, 'What the text stands on'), el('ul.claims', {}, claims)] : []),
    ...(swatches.length > 0 ? [el('h2', {}, 'Colours'), el('ul.swatches', {}, swatches)] : []),
    ...(facts.length > 0 ? [el('h2', {}, 'Measured'), el('dl.measured', {}, facts)] : []));
}

/** The length, and what is wrong with the text. */
function count() {
  const text = byId('text').value;
  const length = lengthOf(text.trim());
  setText(byId('counter'), `${length} / ${review.maxLength}`);
  byId('counter').classList.toggle('over', length > review.maxLength);
  const image = review.image();
  const problem = image && standing(image) === 'open' && review.drafts.has(image.item) ? review.problem(text) : null;
  setText(byId('text-error'), problem ?? '');
  byId('text').setAttribute('aria-invalid', problem ? 'true' : 'false');
}

/** Goes somewhere else in the strip. */
function go(move) {
  move();
  draw();
  byId('strip').querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

async function decide(verdict) {
  const image = review.image();
  if (readOnly || !image || standing(image) !== 'open') return;
  const wish = verdict === 'approve' ? review.approval(image) : { item: image.item, verdict };
  if (typeof wish === 'string') {
    setText(byId('text-error'), wish);
    return;
  }
  byId('text').blur();
  const taken = await sending.run(() => send([wish]));
  if (taken && review.current === image.item) go(() => review.nextOpen());
}

/** @returns {Promise<boolean>} whether all of it was taken */
async function send(wishes) {
  const { run } = page;
  const refused = [];
  try {
    for (const some of groups(wishes, DECISIONS_MAX)) {
      const answer = await api.decide(run, some);
      // Another run may be shown by now.
      if (page.run === run) answer.decided.forEach((decision) => review.decided(decision));
      refused.push(...answer.refused);
    }
    if (refused.length > 0) {
      toast(refused.length === 1 ? sentence(refused[0].problem.detail) : `${refused.length} texts were decided on elsewhere meanwhile.`);
      await loadRun();
    }
    render();
    return refused.length === 0;
  } catch (problem) {
    toast(problem.text ?? problem.message);
    return false;
  }
}

async function bulk() {
  const least = Number(byId('sure').value);
  const sure = review.sure(least);
  const { run } = page;
  if (readOnly || sure.length === 0) return;
  const title = `Approve ${sure.length} ${sure.length === 1 ? 'text' : 'texts'}?`;
  const yes = await confirm({ title, text: `Those that are at least ${Math.round(least * 100)} % sure and that nobody has decided on. A decision stands.`, yes: 'Approve', no: 'Not yet', danger: false });
  if (!yes) return;
  if (page.run !== run) {
    toast('Other texts have come meanwhile. Look at those first.');
    return;
  }
  // What was decided on while the question stood is not asked again, and what became sure meanwhile was not asked about.
  const asked = new Set(sure.map(({ item }) => item));
  const wishes = review.sure(least).filter(({ item }) => asked.has(item)).map(({ item }) => ({ item, verdict: 'approve' }));
  if (wishes.length > 0) await sending.run(() => send(wishes));
  go(() => review.nextOpen());
}

function edit() {
  const image = review.image();
  if (readOnly || !image || standing(image) !== 'open') return;
  const field = byId('text');
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

async function give(files) {
  const images = [...files].filter((file) => /\.(jpe?g|jpe|png|webp|gif)$/i.test(file.name) || file.type.startsWith('image/'));
  if (images.length < files.length) toast(`${files.length - images.length} files are no images and were left out.`);
  page.uploading += images.length;
  render();
  for (let from = 0; from < images.length; from += TOGETHER) {
    const some = images.slice(from, from + TOGETHER);
    try {
      await upload(project.id, some);
    } catch (problem) {
      toast(problem.text ?? problem.message, { ms: 12000 });
    }
    page.uploading -= some.length;
  }
  await loadInputs();
}

async function forget(input) {
  await api.removeInput(input.url).catch((problem) => toast(problem.message));
  await loadInputs();
}

async function generate() {
  const length = byId('max-length').value.trim();
  setText(byId('tools-error'), '');
  try {
    await api.generate(project.id, { params: { language: byId('language').value, max_length: /^\d+$/.test(length) ? Number(length) : length } });
  } catch (problem) {
    setText(byId('tools-error'), problem.text ?? problem.message);
  }
}

const light = new ConnectionLight(byId('connection'), byId('viewers'));
const connection = callboard.connect(project.id, (message) => {
  light.heard?.(message);
  page.state = callboard.state;
  if (message.type === 'completion') loadRun();
  if (message.type === 'event' && message.name === 'caption_decided' && message.run_id === page.run) review.decided(message.data);
  if (message.type === 'event' && message.name.startsWith('input_')) loadInputs();
  if (message.type === 'connection' && !message.resumed) {
    loadRun();
    loadInputs();
  }
  render();
}, (problem) => {
  if (!['hole', 'refused'].includes(problem.code)) toast(problem.message);
}, (connected, detail) => light.show(detail), { state: project.state, position: project.position });
light.attach(connection);

byId('previous').addEventListener('click', () => go(() => review.step(-1)));
byId('next').addEventListener('click', () => go(() => review.step(1)));
byId('filter').addEventListener('change', (event) => go(() => review.choose(event.target.value)));
byId('text').addEventListener('input', () => {
  const image = review.image();
  if (!image || standing(image) !== 'open') return;
  review.write(image, byId('text').value);
  count();
});
byId('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.isComposing) {
    event.preventDefault();
    decide('approve');
  } else if (event.key === 'Escape') {
    review.drafts.delete(review.current);
    byId('text').blur();
    draw();
  }
});
if (!readOnly) {
  byId('language').value = project.params.language ?? 'en';
  byId('max-length').value = project.params.max_length ?? 125;
  byId('approve').addEventListener('click', () => decide('approve'));
  byId('reject').addEventListener('click', () => decide('reject'));
  byId('edit').addEventListener('click', edit);
  byId('bulk').addEventListener('click', bulk);
  byId('sure').addEventListener('change', draw);
  byId('generate').addEventListener('click', generate);
  byId('cancel').addEventListener('click', () => api.cancel(page.state.run.run_id ?? page.state.run.id).catch((problem) => toast(problem.message)));
  byId('upload').addEventListener('change', (event) => {
    give(event.target.files);
    event.target.value = '';
  });
  for (const type of ['dragover', 'dragleave', 'drop']) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      byId('review').classList.toggle('over', type === 'dragover');
      if (type === 'drop' && event.dataTransfer.files.length > 0) give(event.dataTransfer.files);
    });
  }
}

const help = () => showShortcuts([
  ['← →', 'Previous and next image'],
  ['a', 'Approve the text'],
  ['e', 'Edit it; Enter approves, Escape takes the changes back'],
  ['r', 'Reject it'],
  ['u', 'On to the next that is not decided'],
  ['b', 'Approve all that are sure enough'],
  ['t', 'Dark or light'],
  ['h', 'Back to the project'],
  ['?', 'This help'],
]);
byId('help').addEventListener('click', help);
shortcuts({
  ArrowLeft: () => go(() => review.step(-1)),
  ArrowRight: () => go(() => review.step(1)),
  a: () => decide('approve'),
  r: () => decide('reject'),
  e: edit,
  u: () => go(() => review.nextOpen()),
  b: bulk,
  t: () => byId('theme').click(),
  h: () => location.assign(`/projects/${project.id}`),
  '?': help,
});
draw();
loadRun();
loadInputs();
