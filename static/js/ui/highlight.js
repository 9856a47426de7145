/** Light colouring of source text: enough to find one's way, never wrong about what the text is. */

const COMMENT = String.raw`\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)`;
const STRING = String.raw`"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?`;
const KEYWORDS = 'as async await break case catch class const continue default delete do else export extends false finally '
  + 'for from function if import in instanceof let new null of return static super switch this throw true try typeof '
  + 'undefined var void while yield';

/** Per language: alternatives in order, each named by its class. */
const RULES = {
  js: rules({
    c: COMMENT,
    s: `${STRING}|\`(?:\\\\.|[^\`\\\\])*\`?`,
    n: String.raw`\b\d[\d_.]*(?:e[+-]?\d+)?n?\b`,
    k: `\\b(?:${KEYWORDS.split(' ').join('|')})\\b`,
    p: String.raw`\b[A-Za-z_$][\w$]*(?=\()`,
  }),
  json: rules({
    p: String.raw`"(?:\\.|[^"\\\n])*"(?=\s*:)`,
    s: String.raw`"(?:\\.|[^"\\\n])*"?`,
    n: String.raw`-?\b\d[\d.]*(?:[eE][+-]?\d+)?\b`,
    k: String.raw`\b(?:true|false|null)\b`,
  }),
  css: rules({
    c: String.raw`\/\*[\s\S]*?(?:\*\/|$)`,
    s: STRING,
    k: String.raw`@[\w-]+|![\w-]+`,
    p: String.raw`--[\w-]+|[\w-]+(?=\s*:[^:{]*[;}\n])`,
    n: String.raw`#[0-9a-fA-F]{3,8}\b|-?\b\d[\d.]*(?:%|[a-z]+\b)?`,
  }),
  html: rules({
    c: String.raw`<!--[\s\S]*?(?:-->|$)`,
    k: String.raw`<\/?[A-Za-z][\w-]*|\/?>|<![^>]*>`,
    p: String.raw`\b[\w-]+(?==)`,
    s: STRING,
  }),
};
const LANGUAGES = { js: 'js', mjs: 'js', cjs: 'js', ts: 'js', json: 'json', css: 'css', html: 'html', htm: 'html', svg: 'html', xml: 'html' };
/** Longer texts are shown without colours: a preview must not make the page wait. */
const COLOURED_MAX = 200000;

function rules(alternatives) {
  const source = Object.entries(alternatives).map(([name, pattern]) => `(?<${name}>${pattern})`).join('|');
  return new RegExp(source, 'g');
}

export const languageOf = (path) => LANGUAGES[path.split('.').at(-1).toLowerCase()] ?? null;

/**
 * @returns {[string | null, string][]} class and text of each piece; the texts together are the input
 */
export function highlight(text, language) {
  const pattern = RULES[language];
  if (!pattern || text.length > COLOURED_MAX) return [[null, text]];
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue;
    if (match.index > at) pieces.push([null, text.slice(at, match.index)]);
    const name = Object.keys(match.groups).find((key) => match.groups[key] !== undefined);
    pieces.push([name, match[0]]);
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push([null, text.slice(at)]);
  return pieces;
}
