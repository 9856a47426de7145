/**
 * Markdown as a tree: what generated documents use of it. There is no way from a text to markup: the tree has elements of
 * a fixed list, and texts.
 *
 * A node is a text, or [tag, attributes, ...nodes].
 */

export function parseMarkdown(source) {
  const lines = source.replace(/\r\n?/gu, '\n').split('\n');
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const block = blocks.find(({ starts }) => starts(lines[at], lines[at + 1] ?? ''));
    const { node, next } = block.read(lines, at);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

const LIST = /^\s*(?:[-*+]|\d{1,9}[.)])\s+(.*)$/u;

const blocks = [
  {
    starts: (line) => line.trim() === '',
    read: (_lines, at) => ({ next: at + 1 }),
  },
  {
    starts: (line) => /^\s*(?:```|~~~)/u.test(line),
    read(lines, at) {
      const fence = lines[at].trim().slice(0, 3);
      let end = at + 1;
      while (end < lines.length && !lines[end].trim().startsWith(fence)) end += 1;
      return { node: ['pre', {}, ['code', {}, lines.slice(at + 1, end).join('\n')]], next: end + 1 };
    },
  },
  {
    starts: (line) => /^#{1,6}\s/u.test(line),
    read(lines, at) {
      const [, marks, text] = /^(#{1,6})\s+(.*?)\s*#*\s*$/u.exec(lines[at]) ?? [null, '#', ''];
      return { node: [`h${Math.min(4, marks.length)}`, {}, ...inline(text)], next: at + 1 };
    },
  },
  {
    starts: (line) => /^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/u.test(line),
    read: (_lines, at) => ({ node: ['hr', {}], next: at + 1 }),
  },
  {
    starts: (line, next) => line.includes('|') && /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/u.test(next) && next.includes('|'),
    read(lines, at) {
      const rows = [];
      let end = at + 2;
      while (end < lines.length && lines[end].includes('|')) rows.push(cells(lines[end++]));
      const row = (tag) => (texts) => ['tr', {}, ...texts.map((text) => [tag, {}, ...inline(text)])];
      return {
        node: ['table', {}, ['thead', {}, row('th')(cells(lines[at]))], ['tbody', {}, ...rows.map(row('td'))]],
        next: end,
      };
    },
  },
  {
    starts: (line) => /^\s*>/u.test(line),
    read(lines, at) {
      let end = at;
      while (end < lines.length && /^\s*>/u.test(lines[end])) end += 1;
      const text = lines.slice(at, end).map((line) => line.replace(/^\s*>\s?/u, '')).join(' ');
      return { node: ['blockquote', {}, ...inline(text)], next: end };
    },
  },
  {
    starts: (line) => LIST.test(line),
    read(lines, at) {
      const ordered = /^\s*\d/u.test(lines[at]);
      const items = [];
      let end = at;
      for (; end < lines.length && lines[end].trim() !== ''; end += 1) {
        const found = LIST.exec(lines[end]);
        if (found) items.push(found[1]);
        else items[items.length - 1] += ` ${lines[end].trim()}`;
      }
      return { node: [ordered ? 'ol' : 'ul', {}, ...items.map((text) => ['li', {}, ...inline(text)])], next: end };
    },
  },
  {
    starts: () => true,
    read(lines, at) {
      let end = at + 1;
      const others = blocks.slice(0, -1);
      while (end < lines.length && !others.some(({ starts }) => starts(lines[end], lines[end + 1] ?? ''))) end += 1;
      return { node: ['p', {}, ...inline(lines.slice(at, end).join(' '))], next: end };
    },
  },
];

function cells(line) {
  const trimmed = line.trim().replace(/^\|/u, '').replace(/(?<!\\)\|$/u, '');
  return trimmed.split(/(?<!\\)\|/u).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** Emphasis, code and links within a line. What is not closed stays as it is written. */
function inline(text) {
  const nodes = [];
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^()\s]*)\)/gu;
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) nodes.push(text.slice(at, match.index));
    const [, code, strong, emphasis, label, address] = match;
    if (code !== undefined) nodes.push(['code', {}, code]);
    else if (strong !== undefined) nodes.push(['strong', {}, ...inline(strong)]);
    else if (emphasis !== undefined) nodes.push(['em', {}, ...inline(emphasis)]);
    else nodes.push(link(label, address));
    at = match.index + match[0].length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

/** Only addresses of the web become links: the rest (other files, scripts) is shown as text. */
function link(label, address) {
  if (!/^https?:\/\//iu.test(address)) return label;
  return ['a', { href: address, rel: 'noopener noreferrer', target: '_blank' }, label];
}
