/** The difference of two texts as a table: side by side where there is room, one below the other where there is none. */

import { partOf, rowsOf } from '../../client/diff.js';
import { el } from '../../ui/dom.js';
import { plural } from '../../ui/format.js';
import { visible } from './log_line.js';

/** Pixels from which two texts stand side by side. */
const WIDE = 620;
/** Rows that are drawn; more would make the page wait. */
const ROWS_MAX = 4000;
/** Characters of a line that are drawn. */
const CHARACTERS_MAX = 2000;
/** Lines of a gap that one press brings. */
const GAP_LINES = 400;

/**
 * @param {{ path: string, before: { lines: string[], open: boolean }, after: { lines: string[], open: boolean }, blocks: object[] }} difference
 */
export function drawDiff(box, { path, before, after, blocks }) {
  const rows = rowsOf(blocks);
  const table = el('table.diff', { 'aria-label': `What differs in ${path}` });
  const edits = blocks.filter(({ kind }) => kind === 'changed');
  const gone = edits.reduce((sum, { from, to }) => sum + to - from, 0);
  const fresh = edits.reduce((sum, { fromAfter, toAfter }) => sum + toAfter - fromAfter, 0);
  const head = el('p.diff-head.hint', {}, edits.length === 0
    ? 'The lines are the same; ends of lines or of the file differ.'
    : `${plural(gone, 'line')} gone, ${plural(fresh, 'line')} new`);
  const over = rows.length > ROWS_MAX ? el('p.hint.diff-head', {}, `The first ${ROWS_MAX} of ${rows.length} rows are shown.`) : null;
  box.replaceChildren(head, table, ...(over ? [over] : []));
  let wide = null;
  const draw = () => {
    const body = el('tbody');
    const shown = rows.slice(0, ROWS_MAX);
    for (let at = 0; at < shown.length;) {
      if (shown[at].kind === 'changed') {
        const end = shown.findIndex((row, place) => place > at && row.kind !== 'changed');
        const block = shown.slice(at, end === -1 ? undefined : end);
        body.append(...(wide ? block.map((row) => pair(row, before, after)) : unified(block, before, after)));
        at += block.length;
      } else {
        body.append(shown[at].kind === 'gap' ? gap(shown[at], rows, wide, draw) : pairOf(shown[at], before, after, wide));
        at += 1;
      }
    }
    table.dataset.wide = String(wide);
    // The layout is fixed: without widths of their own all columns would be equally wide.
    const side = wide ? ['number', 'sign', 'text', 'number', 'sign', 'text'] : ['number', 'number', 'sign', 'text'];
    table.replaceChildren(el('colgroup', {}, ...side.map((column) => el(`col.${column}`))), body);
  };
  new ResizeObserver(([{ contentRect }], observer) => {
    if (!table.isConnected) return observer.disconnect();
    if (contentRect.width === 0 || wide === contentRect.width >= WIDE) return undefined;
    wide = contentRect.width >= WIDE;
    return draw();
  }).observe(box);
}

/** Lines that are the same and not shown; a press brings some of them. */
function gap(row, rows, wide, draw) {
  const button = el('button.small.quiet', {
    type: 'button',
    onclick: () => {
      const some = Math.min(row.lines, GAP_LINES);
      const lines = Array.from({ length: some }, (_, step) => ({ kind: 'same', before: row.before + step, after: row.after + step }));
      const rest = row.lines > some ? [{ kind: 'gap', before: row.before + some, after: row.after + some, lines: row.lines - some }] : [];
      rows.splice(rows.indexOf(row), 1, ...lines, ...rest);
      draw();
    },
  }, `${plural(row.lines, 'line')} the same`);
  return el('tr.gap', {}, el('td', { colspan: wide ? '6' : '4' }, button));
}

const pairOf = (row, before, after, wide) => (wide ? pair(row, before, after) : line('same', row.before, row.after, before.lines[row.before]));

function pair(row, before, after) {
  if (row.kind === 'same') {
    const text = before.lines[row.before];
    return el('tr', {}, number(row.before), sign('same'), cell('same', shown(text)), number(row.after), sign('same'), cell('same', shown(text)));
  }
  const [one, other] = textsOf(row, before, after);
  return el('tr', {},
    ...(one === null ? [el('td.none', { colspan: '3' })] : [number(row.before), sign('gone'), cell('gone', one)]),
    ...(other === null ? [el('td.none', { colspan: '3' })] : [number(row.after), sign('new'), cell('new', other)]));
}

/** First what is gone, then what is new. */
function unified(block, before, after) {
  const texts = block.map((row) => textsOf(row, before, after));
  return [
    ...block.flatMap((row, at) => (row.before === null ? [] : [line('gone', row.before, null, null, texts[at][0])])),
    ...block.flatMap((row, at) => (row.after === null ? [] : [line('new', null, row.after, null, texts[at][1])])),
  ];
}

const line = (kind, before, after, text, parts = shown(text)) => el('tr', {}, number(before), number(after), sign(kind), cell(kind, parts));

/** Both texts of a row, with the part marked that differs. */
function textsOf({ before: from, after: to }, before, after) {
  const one = from === null ? null : before.lines[from];
  const other = to === null ? null : after.lines[to];
  if (one === null || other === null) return [one === null ? null : shown(one), other === null ? null : shown(other)];
  const { head, tail } = partOf(one, other);
  // Lines that have little in common are read better as a whole.
  if (head + tail < Math.min(one.length, other.length) / 3) return [shown(one), shown(other)];
  return [marked(one, head, tail), marked(other, head, tail)];
}

const marked = (text, head, tail) => (text.length > CHARACTERS_MAX ? shown(text)
  : [visible(text.slice(0, head)), el('b', {}, visible(text.slice(head, text.length - tail))), visible(text.slice(text.length - tail))]);

const shown = (text) => [text.length > CHARACTERS_MAX ? `${visible(text.slice(0, CHARACTERS_MAX))}…` : visible(text)];

const number = (place) => el('td.number', {}, place === null ? '' : String(place + 1));

function sign(kind) {
  if (kind === 'same') return el('td.sign', { data: { kind } });
  return el('td.sign', { data: { kind } }, el('span', { 'aria-hidden': 'true' }, kind === 'gone' ? '−' : '+'), el('span.visually-hidden', {}, kind === 'gone' ? 'gone' : 'new'));
}

const cell = (kind, parts) => el('td.text', { data: { kind } }, ...parts);
