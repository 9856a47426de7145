/** Colours of a terminal as pieces of text. Pure: whoever draws makes text nodes of it, so nothing in a line can act. */

const SEQUENCE = /\u001b\[([\d;:]*)m/g;
const CUBE = [0, 95, 135, 175, 215, 255];

/**
 * @param {string} text a line with `ESC [ … m` in it
 * @returns {{ text: string, classes: string[], style: string }[]} pieces; together they have the text without its sequences
 */
export function piecesOf(text) {
  const pieces = [];
  let look = plain();
  let at = 0;
  const add = (end) => {
    if (end > at) pieces.push({ text: text.slice(at, end), classes: classesOf(look), style: styleOf(look) });
  };
  for (const found of text.matchAll(SEQUENCE)) {
    add(found.index);
    at = found.index + found[0].length;
    look = apply(look, found[1]);
  }
  add(text.length);
  return pieces;
}

/** The text without its colours, for searching and copying. */
export const withoutColours = (text) => text.replace(SEQUENCE, '');

const plain = () => ({ fore: null, back: null, bold: false, dim: false, italic: false, underline: false, inverse: false });

function apply(look, codes) {
  const list = codes.split(/[;:]/).map((code) => Number(code || '0'));
  const next = { ...look };
  for (let index = 0; index < list.length; index += 1) {
    const code = list[index];
    if (code === 0) Object.assign(next, plain());
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code >= 30 && code <= 37) next.fore = code - 30;
    else if (code >= 90 && code <= 97) next.fore = code - 90 + 8;
    else if (code === 39) next.fore = null;
    else if (code >= 40 && code <= 47) next.back = code - 40;
    else if (code >= 100 && code <= 107) next.back = code - 100 + 8;
    else if (code === 49) next.back = null;
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(list.slice(index + 1));
      index += used;
      if (colour !== null) next[code === 38 ? 'fore' : 'back'] = colour;
    }
  }
  return next;
}

/** `5;n` and `2;r;g;b`: the colour and how many codes it took. */
function extended([kind, ...rest]) {
  const isByte = (value) => Number.isInteger(value) && value >= 0 && value <= 255;
  if (kind === 5 && isByte(rest[0])) return [indexed(rest[0]), 2];
  if (kind === 2 && rest.length >= 3 && rest.slice(0, 3).every(isByte)) return [`rgb(${rest.slice(0, 3).join(' ')})`, 4];
  return [null, kind === 2 ? 4 : kind === 5 ? 2 : 0];
}

function indexed(n) {
  if (n < 16) return n;
  if (n >= 232) return `rgb(${Array(3).fill(8 + (n - 232) * 10).join(' ')})`;
  const cube = n - 16;
  return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((part) => CUBE[part]).join(' ')})`;
}

function classesOf(look) {
  const { fore, back } = shown(look);
  return [
    ...['bold', 'dim', 'italic', 'underline'].filter((name) => look[name]).map((name) => `ansi-${name}`),
    ...(typeof fore === 'number' ? [`ansi-fore-${fore}`] : []),
    ...(typeof back === 'number' ? [`ansi-back-${back}`] : []),
    ...(look.inverse && fore === null && back === null ? ['ansi-inverse'] : []),
  ];
}

function styleOf(look) {
  const { fore, back } = shown(look);
  return [
    typeof fore === 'string' ? `color:${fore}` : '',
    typeof back === 'string' ? `background-color:${back}` : '',
  ].filter(Boolean).join(';');
}

const shown = (look) => (look.inverse ? { fore: look.back, back: look.fore } : look);
