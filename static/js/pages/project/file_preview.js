/** A look into one file. Nothing of it is ever read as markup of this page. */

import { el } from '../../ui/dom.js';
import { bytes } from '../../ui/format.js';
import { highlight, languageOf } from '../../ui/highlight.js';
import { parseMarkdown } from '../../ui/markdown.js';

const SHOWN_BYTES_MAX = 1000000;

/** What is shown as a picture: as an image, an SVG runs no script. */
export const isPicture = ({ media_type: type }) => /^image\/(?:png|jpeg|gif|webp|svg\+xml)/u.test(type);

export const isText = ({ media_type: type, path }) => /^text\/|json|javascript|xml/u.test(type) || languageOf(path) !== null;

/** Puts the content of a file into a box, scrolled to a line when one is given. */
export async function preview(file, box, line = null) {
  if (isPicture(file)) {
    box.append(el('div.picture', {}, el('img', { src: file.url, alt: file.path })));
    return;
  }
  if (!isText(file)) {
    box.append(el('div.empty', {}, `${bytes(file.size)} of ${file.media_type}. Download it to look inside.`));
    return;
  }
  if (file.size > SHOWN_BYTES_MAX) {
    box.append(el('div.empty', {}, `${bytes(file.size)}: too long to be shown here. Download it to look inside.`));
    return;
  }
  try {
    const response = await fetch(file.url, { cache: 'no-cache' });
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    const text = await response.text();
    if (file.path.toLowerCase().endsWith('.md')) box.append(el('div.prose', {}, ...parseMarkdown(text).map(build)));
    else showSource(box, file.path.endsWith('.json') ? readable(text) : text, languageOf(file.path), line);
  } catch (error) {
    box.append(el('div.empty', {}, `The file could not be loaded. ${error.message}`));
  }
}

/** JSON on one line is hard to read; what is laid out already keeps its lines. */
function readable(text) {
  if (text.trim().includes('\n')) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function showSource(box, text, language, line) {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  const numbers = Array.from({ length: Math.max(1, lines) }, (_, at) => at + 1);
  const source = el('pre.source', {},
    el('span.numbers', { 'aria-hidden': 'true' }, numbers.join('\n')),
    el('code', {}, ...highlight(text, language).map(([name, piece]) => (name ? el(`span.t-${name}`, {}, piece) : piece))));
  box.append(source);
  if (line !== null) box.scrollTop = Math.max(0, (line - 4) * (source.clientHeight / numbers.length));
}

function build(node) {
  if (typeof node === 'string') return node;
  const [tag, attributes, ...children] = node;
  const element = el(tag, attributes, ...children.map(build));
  return tag === 'table' ? el('div.scroll-x', {}, element) : element;
}
