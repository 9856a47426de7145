/** One line of a log as a row: its text made harmless, its end within reach. */

import { piecesOf, withoutColours } from '../../ui/ansi.js';
import { el } from '../../ui/dom.js';
import { bytes, clock, count, plural } from '../../ui/format.js';
import { show } from '../../ui/notices.js';

/** Characters of a line that a row shows; a view of lines of 16 KiB would take longer to draw than a frame lasts. */
const SHOWN_MAX = 600;

const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** What cannot be seen, or turns around what can, is shown by its name. */
export function visible(text) {
  return withoutColours(text).replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** The text in parts, with the words that were searched for marked. */
export function marked(text, words) {
  if (words === '') return [text];
  const low = text.toLowerCase();
  const wanted = words.toLowerCase();
  // Where lower case has another length, places would not fit: no mark is better than a wrong one.
  if (low.length !== text.length) return [text];
  const parts = [];
  let at = 0;
  for (let found = low.indexOf(wanted); found !== -1; found = low.indexOf(wanted, at)) {
    parts.push(text.slice(at, found), el('mark', {}, text.slice(found, found + wanted.length)));
    at = found + wanted.length;
  }
  parts.push(text.slice(at));
  return parts;
}

/** The text in parts with the colours of a terminal, at most so many characters. Text nodes and classes: nothing in it can act. */
export function coloured(text, charactersMax) {
  let left = charactersMax;
  const parts = [];
  for (const piece of piecesOf(text)) {
    const shown = visible(piece.text).slice(0, left);
    if (shown === '') continue;
    left -= shown.length;
    if (piece.classes.length === 0 && piece.style === '') {
      parts.push(shown);
      continue;
    }
    const part = el(['span', ...piece.classes].join('.'), {}, shown);
    // Not by an attribute: the page allows no inline style.
    part.style.cssText = piece.style;
    parts.push(part);
  }
  return parts;
}

/** How far the lines of a group stand in. */
const indent = (depth) => `${Math.min(depth, 8) * 2}ch`;

/** What a line that begins or ends a group says instead of its mark; in a list of what was found nothing folds. */
function groupParts({ n, text }, group, words, ontoggle) {
  if (text === '::endgroup::') return [el('span.group-end', {}, 'end of group')];
  if (!text.startsWith('::group::')) return null;
  const title = visible(text.slice('::group::'.length)) || 'Group';
  if (group?.kind !== 'begin') return [el('span.group-title', {}, ...marked(title, words))];
  const { folded, lines } = group;
  return [el('button.group-title', {
    type: 'button',
    data: { group: n },
    'aria-expanded': String(!folded),
    onclick: () => ontoggle(n),
    // Like in a tree: to the right opens, to the left closes.
    onkeydown: (event) => {
      if (event.key !== (folded ? 'ArrowRight' : 'ArrowLeft')) return;
      event.preventDefault();
      ontoggle(n);
    },
  }, title, el('span.group-size', {}, lines ? plural(lines, 'line') : ''))];
}

/**
 * A row for a line.
 *
 * @param {{ chosen: boolean, words: string, place: number, of: number, onwhole: (line: object) => void, group?: object,
 *   ontoggle?: (n: number) => void }} view
 */
export function lineRow(line, { chosen, words, place, of, onwhole, group, ontoggle }) {
  const text = visible(line.text);
  const cut = text.length > SHOWN_MAX;
  // A line that was cut on the way to here ends like this, and stands whole in the log.
  const whole = cut || line.text.length > 1024;
  const weighty = line.level === 'warning' || line.level === 'error';
  const said = el('span.text', {}, ...(groupParts(line, group, words, ontoggle) ?? parts(line.text, cut ? text.slice(0, SHOWN_MAX) : text, words)));
  // Not by an attribute: the page allows no inline style.
  if (group?.depth) said.style.paddingLeft = indent(group.depth);
  return el(chosen ? 'div.line.chosen' : 'div.line',
    { role: 'listitem', 'aria-posinset': place, 'aria-setsize': of, 'aria-current': chosen && 'true', data: { level: line.level, n: line.n } },
    el('a.n', { href: `#L${line.n}`, tabindex: '-1', 'aria-label': `Line ${count(line.n)}` }, String(line.n)),
    el('span.at', {}, clock(line.at)),
    el('span.by', {}, line.agent ?? ''),
    weighty && el('span.said', {}, `${line.level}: `),
    said,
    whole && el('button.whole', { type: 'button', onclick: () => onwhole(line) }, `… show all ${bytes(new Blob([line.text]).size)}`));
}

/** Marks of a search stand in plain text; without a search a line has its colours. */
function parts(text, shown, words) {
  return words === '' && text.includes('\u001b[') ? coloured(text, SHOWN_MAX) : marked(shown, words);
}

/**
 * A row for a line that is not here: what was skipped in a flood says so where it begins, and on the first row in sight.
 *
 * @param {{ n: number, skipped: { from: number, to: number } | null, first: boolean, place: number, of: number }} missing
 */
export function missingRow({ n, skipped, first, place, of }) {
  const says = skipped && (first || skipped.from === n)
    ? `${count(skipped.to - skipped.from + 1)} lines were skipped while they came too fast (${count(skipped.from)} to ${count(skipped.to)}); loading`
    : '';
  const bar = el('span.bar-of-text');
  // Not by an attribute: the page allows no inline style.
  bar.style.width = `${12 + ((n * 37) % 41)}ch`;
  return el('div.line.missing',
    { role: 'listitem', 'aria-posinset': place, 'aria-setsize': of, 'aria-label': says || `Line ${count(n)} is loading` },
    el('span.n', {}, String(n)),
    says ? el('span.text', {}, says) : bar);
}

/** A line as a whole, to read and to copy. */
export function showWhole(line) {
  const dialog = show(`Line ${count(line.n)}`,
    el('p.hint', {}, [clock(line.at), line.level, line.agent].filter(Boolean).join(' · ')),
    el('pre.whole-line', { tabindex: '0' }, visible(line.text)));
  dialog.classList.add('wide');
}
