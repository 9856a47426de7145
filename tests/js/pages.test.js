// What the pages compute, without a page.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { LogMatches, PAGE_MATCHES } from '../../static/js/client/log_matches.js';
import { CHARACTERS_MAX, CHUNK_LINES, CHUNKS_MAX, LogStore } from '../../static/js/client/log_store.js';
import { readResult } from '../../static/js/client/report.js';
import { nameOf, EXAMPLES } from '../../static/js/ui/examples.js';
import { fits } from '../../static/js/pages/project/log_filter.js';
import { visible } from '../../static/js/pages/project/log_line.js';
import { downloadText, messageOf } from '../../static/js/pages/project/head.js';
import { saysMore } from '../../static/js/pages/project/outcome.js';
import { treeOf } from '../../static/js/ui/file_tree.js';
import { ago, bytes, duration, etaNow, etaText, percent, placeText, workedMs } from '../../static/js/ui/format.js';
import { highlight, languageOf } from '../../static/js/ui/highlight.js';
import { parseMarkdown } from '../../static/js/ui/markdown.js';
import { Standing, spans } from '../../static/js/ui/virtual_list.js';

describe('log store', () => {
  const line = (n) => ({ n, text: `line ${n}` });

  test('asks for whole chunks as far as the log reaches, and for nothing twice', () => {
    const store = new LogStore();
    const chunk = (number) => ({ from: number * CHUNK_LINES + 1, to: (number + 1) * CHUNK_LINES });
    const total = 4 * CHUNK_LINES + 100;
    for (let n = total - 199; n <= total; n += 1) store.add(line(n));
    assert.deepEqual(store.missing(total - 199, total), []);
    assert.deepEqual(store.missing(total - 205, total), [chunk(3)]);
    assert.deepEqual(store.missing(1, 5), [chunk(0)]);
    assert.deepEqual(store.missing(CHUNK_LINES, 2 * CHUNK_LINES), [chunk(0), chunk(1)]);
    assert.deepEqual(store.missing(total - 50, 9000000), []);
    for (let n = 1; n <= CHUNK_LINES; n += 1) store.add(line(n));
    assert.deepEqual(store.missing(1, CHUNK_LINES), []);
  });

  test('a hole within a chunk is found', () => {
    const store = new LogStore();
    for (const n of [1, 2, 3, 7]) store.add(line(n));
    assert.deepEqual(store.missing(1, 3), []);
    assert.deepEqual(store.missing(1, 7), [{ from: 1, to: 7 }]);
    assert.equal(store.get(5), undefined);
  });

  test('a million lines stay bounded; the ones looked at are kept', () => {
    const store = new LogStore();
    store.add(line(1));
    for (let n = 2; n <= 1000000; n += 1) {
      store.add(line(n));
      if (n % CHUNK_LINES === 1) store.get(1);
    }
    assert.equal(store.total, 1000000);
    assert.ok(store.chunks.size <= CHUNKS_MAX);
    assert.equal(store.get(1).n, 1);
    assert.equal(store.get(1000000).n, 1000000);
    assert.equal(store.get(300000), undefined);
  });

  test('long lines count by what they hold, and a chunk that grows stays', () => {
    const store = new LogStore();
    const long = 'x'.repeat(16000);
    for (let n = 1; n <= 5000; n += 1) {
      store.add({ n, text: long });
      assert.ok(store.characters <= CHARACTERS_MAX + CHUNK_LINES * long.length);
      assert.ok(store.get(n));
    }
    store.add({ n: 5000, text: 'short' });
    const held = [...store.chunks.values()].reduce((sum, { characters }) => sum + characters, 0);
    assert.equal(store.characters, held);
  });

  test('what was skipped is known by its range', () => {
    const store = new LogStore();
    for (const range of [{ from: 3, to: 9 }, { from: 10, to: 12 }, { from: 100, to: 100 }]) store.skip(range);
    assert.equal(store.total, 100);
    for (const [n, range] of [[2, null], [3, [3, 12]], [11, [3, 12]], [12, [3, 12]], [13, null], [100, [100, 100]], [101, null]]) {
      const found = store.skippedAt(n);
      assert.deepEqual(found && [found.from, found.to], range, `line ${n}`);
    }
    for (let n = 200; n < 40000; n += 3) store.skip({ from: n, to: n });
    assert.ok(store.skipped.length <= 4000);
    assert.ok(store.skippedAt(3) && store.skippedAt(39998));
  });

  test('what came after a line, in order', () => {
    const store = new LogStore();
    for (const n of [1200, 499, 500, 501, 3]) store.add(line(n));
    assert.deepEqual(store.after(499).map(({ n }) => n), [500, 501, 1200]);
    assert.deepEqual(store.after(1200), []);
  });
});

describe('matches of a search', () => {
  const match = (n) => ({ n, text: `match ${n}` });

  test('all numbers are kept, the lines of what is looked at', () => {
    const matches = new LogMatches();
    for (let n = 2; n <= 200000; n += 2) matches.push(match(n));
    matches.push(match(8));
    assert.equal(matches.count, 100000);
    assert.equal(matches.get(99999).n, 200000);
    assert.equal(matches.get(0), undefined);
    assert.deepEqual(matches.missing(10, 30), [{ first: 0, from: 2, limit: PAGE_MATCHES }]);
    matches.fill(0, Array.from({ length: PAGE_MATCHES }, (_, at) => match(2 + 2 * at)));
    assert.deepEqual(matches.missing(10, 30), []);
    assert.equal(matches.get(10).text, 'match 22');
    assert.deepEqual(matches.missing(99990, 100000), []);
  });

  test('an answer of another search is not taken', () => {
    const matches = new LogMatches();
    for (let n = 1; n <= 30000; n += 1) matches.push(match(n));
    matches.fill(0, [match(1), match(7)]);
    assert.equal(matches.get(0).n, 1);
    assert.equal(matches.get(1), undefined);
  });
});

describe('a line as it is shown', () => {
  test('what cannot be seen is named, colours of a terminal are left out', () => {
    for (const [text, expected] of [
      ['plain', 'plain'], ['tab\tstays', 'tab\tstays'], ['\u001b[1;31mred\u001b[0m', 'red'], ['a\u0000b\u0007', 'a␀b␇'],
      ['\u001b]0;title', '␛]0;title'], ['\u007f\u0085', '␡⟨0085⟩'], ['\u202etxt.exe', '⟨202E⟩txt.exe'], ['👩‍👧 é', '👩‍👧 é'],
    ]) assert.equal(visible(text), expected);
  });
});

describe('virtual list', () => {
  const measures = (count) => ({ count, rowHeight: 20, viewHeight: 600 });

  const standing = (at, count) => {
    const here = new Standing();
    here.at = Math.max(0, Math.min(at, spans(measures(count)).end));
    // Browsers scroll to whole pixels.
    here.scrollTop = Math.round(here.wanted(measures(count)));
    return here;
  };
  const inSight = (here, row, count) => {
    const { first, last, top } = here.layout(measures(count));
    const y = top + (row - first) * 20 - here.scrollTop;
    return first <= row && row < last && y > -20.5 && y < 600;
  };

  test('every row can be reached, whatever the count', () => {
    for (const count of [0, 1, 29, 30, 31, 1000, 749999, 750001, 1000000, 20000000]) {
      for (const row of [0, 1, Math.floor(count / 3), count - 1].filter((row) => row >= 0 && row < count)) {
        const here = standing(row * 20, count);
        assert.ok(inSight(here, row, count), `${row} of ${count}: ${JSON.stringify(here)}`);
        const { first, last } = here.layout(measures(count));
        assert.ok(last - first <= 60);
        assert.ok(spans(measures(count)).height <= 15000000);
      }
    }
  });

  test('the end is the end, and the top the top', () => {
    for (const count of [100, 1000000, 20000000]) {
      const { way } = spans(measures(count));
      const here = standing(count * 10, count);
      here.moved(way, measures(count));
      assert.ok(inSight(here, count - 1, count));
      here.moved(0, measures(count));
      assert.ok(inSight(here, 0, count));
    }
  });

  test('a list that grows does not move what is read', () => {
    let count = 740000;
    const here = standing(700000 * 20, count);
    for (; count < 2000000; count += 10000) assert.ok(inSight(here, 700000, count), `at ${count}`);
  });

  test('a step of the wheel moves as far as it says, a drag of the bar in proportion', () => {
    const count = 20000000;
    const here = standing(5000000 * 20, count);
    const { at } = here;
    here.moved(here.scrollTop + 100, measures(count));
    assert.equal(here.at, at + 100);
    here.moved(here.scrollTop - 1200, measures(count));
    assert.equal(here.at, at - 1100);
    here.moved(7500000, measures(count));
    assert.ok(Math.abs(here.at / spans(measures(count)).end - 0.5) < 0.001);
  });
});

describe('result', () => {
  const requirements = {
    requirements: [
      { id: 'R1', sentence: 'S1', text: 'Books', criteria: [{ id: 'R1.1', text: 'a' }, { id: 'R1.10', text: 'b' }] },
      { id: 'R2', sentence: null, text: 'Edit', criteria: [{ id: 'R2.1', text: 'c' }] },
    ],
    not_covered: [{ sentence: 'S2', text: 'It sings', reason: 'sound' }], sentences_total: 2, sentences_covered: 1,
  };
  const brief = { sentences: [{ id: 'S1', text: 'books with title' }] };

  test('each criterion finds its own test', () => {
    const report = {
      tests: [
        { file: 'a', name: 'books > R1.10 other', passed: false },
        { file: 'a', name: 'R1.1 first', passed: true },
        { file: 'a', name: 'R2.1 later', passed: true, note: 'skipped' },
      ],
      mutation: { score: 87.5, killed: 7, total: 8, survivors: [] },
    };
    const result = readResult(requirements, brief, report);
    const [books, edit] = result.requirements;
    assert.deepEqual(books.criteria.map(({ verdict }) => verdict), ['passed', 'failed']);
    assert.deepEqual([books.passed, books.failed, books.sentence], [1, 1, 'books with title']);
    assert.deepEqual([edit.sentence, edit.criteria[0].verdict], [null, 'open']);
    assert.deepEqual(result.tests, { total: 3, passed: 2 });
    assert.equal(result.mutation.score, 87.5);
  });

  test('what is not there yet is open, never passed', () => {
    const result = readResult(requirements, null, null);
    assert.equal(result.tests, null);
    assert.equal(result.mutation, null);
    assert.equal(result.requirements[0].sentence, 'S1');
    assert.ok(result.requirements.every(({ passed }) => passed === 0));
  });
});

describe('log filter', () => {
  const line = { n: 1, text: 'Three Entities', level: 'warning', agent: 'intake' };
  const all = { agent: '', level: '', words: '' };

  test('finds what the server finds', () => {
    for (const [criteria, expected] of [
      [{}, true], [{ level: 'debug' }, true], [{ level: 'warning' }, true], [{ level: 'error' }, false],
      [{ agent: 'intake' }, true], [{ agent: 'design' }, false], [{ words: 'three ent' }, true], [{ words: 'four' }, false],
    ]) assert.equal(fits(line, { ...all, ...criteria }), expected, JSON.stringify(criteria));
  });
});

describe('markdown', () => {
  const texts = (nodes) => nodes.map((node) => (typeof node === 'string' ? node : texts(node.slice(2)))).join('');
  const links = (nodes) => nodes.flatMap((node) => (typeof node === 'string' ? [] : [...(node[0] === 'a' ? [node[1].href] : []), ...links(node.slice(2))]));

  test('blocks', () => {
    const tags = (source) => parseMarkdown(source).map(([tag]) => tag);
    assert.deepEqual(tags('# A\n\ntext\nmore\n\n- a\n- b\n\n1. x\n\n```js\n# no\n```\n> q\n\n---'), ['h1', 'p', 'ul', 'ol', 'pre', 'blockquote', 'hr']);
    assert.deepEqual(tags('| a | b |\n|---|---|\n| 1 | 2 |'), ['table']);
    assert.equal(texts(parseMarkdown('| a | b |\n|--|--|\n| x \\| y | `z` |')), 'abx | yz');
  });

  test('hostile input stays text', () => {
    for (const source of ['<script>alert(1)</script>', '[x](javascript:alert(1))', '[x](JAVASCRIPT:a)', '[x](data:text/html,a)', '![x](//evil)', '<img src=x onerror=y>', '```', '**', '|', '- ', '#', '[', '\u0000']) {
      const nodes = parseMarkdown(source);
      assert.deepEqual(links(nodes), [], source);
    }
    assert.deepEqual(links(parseMarkdown('[x](https://example.org/a)')), ['https://example.org/a']);
  });

  test('any text ends', () => {
    let chance = 7;
    const alphabet = '#-*`|>[]()\n\n 1.a~_:\\';
    for (let turn = 0; turn < 3000; turn += 1) {
      let source = '';
      for (let at = 0; at < 40; at += 1) {
        chance = (chance * 48271) % 2147483647;
        source += alphabet[chance % alphabet.length];
      }
      parseMarkdown(source);
    }
  });
});

describe('highlight', () => {
  test('never changes the text', () => {
    const samples = ['const a = "x\\"y"; // c\n/* open', '{"a": [1, -2.5e3, true, null], "b', 'a { color: #fff; --x: 1px !important }', '<a href="x">&amp;</a><!-- c', '`open ${', "'", '\\', '/'];
    for (const text of samples) {
      for (const language of ['js', 'json', 'css', 'html', null]) {
        assert.equal(highlight(text, language).map(([, piece]) => piece).join(''), text, `${language}: ${text}`);
      }
    }
  });

  test('knows the languages by their names', () => {
    assert.deepEqual(['a.js', 'b/c.test.mjs', 'x.JSON', 'y.svg', 'LICENSE', 'z.csv'].map(languageOf), ['js', 'js', 'json', 'html', null, null]);
  });

  test('sees what is what', () => {
    const classes = (text, language) => highlight(text, language).filter(([name]) => name).map(([name, piece]) => `${name}:${piece}`);
    assert.deepEqual(classes('return f(1) // x', 'js'), ['k:return', 'p:f', 'n:1', 'c:// x']);
    assert.deepEqual(classes('{"a": "b"}', 'json'), ['p:"a"', 's:"b"']);
  });
});

describe('words', () => {
  test('a name comes from the brief', () => {
    for (const [brief, name] of [
      ['A reading list: books with title', 'Reading list'],
      ['Track my plants and water them every day please now', 'Track my plants and water them'],
      ['the  office   inventory. More text: here', 'Office inventory'],
      ['', 'Untitled project'], ['...', 'Untitled project'], ['a: b', 'A'], ['élan: x', 'Élan'],
      ['x'.repeat(500), `X${'x'.repeat(59)}`],
    ]) assert.equal(nameOf(brief), name, brief);
    for (const [title, brief] of EXAMPLES) assert.equal(nameOf(brief), title);
  });

  test('durations, sizes and ranges', () => {
    assert.deepEqual([0, 400, 1234, 59400, 61000, 3700000, null].map(duration), ['0 ms', '400 ms', '1.2 s', '59 s', '1 min 1 s', '1 h 1 min', '']);
    assert.deepEqual([0, 999, 1500, 25000, 2500000].map(bytes), ['0 B', '999 B', '1.5 kB', '25 kB', '2.5 MB']);
    assert.equal(etaText(null), '');
    assert.equal(etaText({ low_ms: 200, high_ms: 900 }), 'up to 1 s left');
    assert.equal(etaText({ low_ms: 9000, high_ms: 14000 }), '9–14 s left');
    assert.equal(etaText({ low_ms: 120000, high_ms: 120000 }), 'about 2 min left');
    assert.deepEqual([0, 99.99, 100, 130, -4, undefined].map(percent), [0, 99, 100, 100, 0, 0]);
    assert.equal(ago('2026-11-20T09:30:00.000Z', Date.parse('2026-11-20T11:30:00.000Z')), '2 h ago');
  });

  test('an expectation runs down and then the run is late', () => {
    const said = '2026-11-20T09:30:00.000Z';
    const at = (seconds) => Date.parse(said) + seconds * 1000;
    const eta = { low_ms: 5000, high_ms: 20000 };
    assert.equal(etaNow(eta, said, at(0)), '5–20 s left');
    assert.equal(etaNow(eta, said, at(10)), 'up to 10 s left');
    assert.equal(etaNow(eta, said, at(20.5)), 'up to 1 s left');
    assert.equal(etaNow(eta, said, at(32)), 'late by 12 s');
    assert.equal(etaNow(null, undefined, at(32)), '');
  });

  test('the clock of a run that rests stands', () => {
    const run = { started_at: '2026-11-20T09:30:00.000Z', halted_ms: 4000 };
    const now = Date.parse('2026-11-20T09:31:00.000Z');
    assert.equal(workedMs(run, now), 56000);
    assert.equal(workedMs({ ...run, halted_at: '2026-11-20T09:30:10.000Z' }, now), 6000);
    assert.equal(workedMs({ started_at: null }, now), null);
  });

  test('a place in the queue says how many are before it and when it starts', () => {
    assert.equal(placeText(0, { low_ms: 0, high_ms: 0 }), 'Next in the queue · starts now');
    assert.equal(placeText(1, null), '1 run is before it');
    assert.equal(placeText(7, { low_ms: 9000, high_ms: 14000 }), '7 runs are before it · starts in 9–14 s');
    assert.equal(placeText(undefined, null), 'Waits for its turn');
  });

  test('files stand by folder, folders first', () => {
    const tree = treeOf([{ path: 'b.txt' }, { path: 'src/ui/x.js' }, { path: 'a.txt' }, { path: 'src/a.js' }, { path: '__proto__/x' }]);
    assert.deepEqual(tree.files.map(({ name }) => name), ['a.txt', 'b.txt']);
    assert.deepEqual(tree.folders.map(([name]) => name), ['__proto__', 'src']);
    assert.equal(tree.folders[1][1].folders[0][0], 'ui');
  });
});

test('how a run ended in vain is said once', () => {
  const evidence = { processes_ended: 1, processes_left: 0, took_ms: 200 };
  const cancelled = { status: 'cancelled', evidence };
  assert.equal(saysMore('Cancelled: 1 process ended, 0 left, 0.2s', cancelled), false);
  assert.equal(saysMore('Cancelled in the queue by ada', cancelled), true);
  assert.equal(saysMore('Cancelled by force: design agent did not stop', cancelled), true);
  assert.equal(saysMore('boom', { status: 'failed', evidence: null }), true);
  assert.equal(messageOf({ status: 'cancelled', message: 'Cancelled: 1 process ended', completion: cancelled }), '');
  assert.equal(messageOf({ status: 'completed', message: 'Completed 12 agents', completion: { status: 'completed' } }), 'Completed 12 agents');
  assert.equal(messageOf({ status: 'running', message: 'Starting design agent', completion: null }), 'Starting design agent');
});

test('only the result of a run that completed is offered as one', () => {
  assert.equal(downloadText({ status: 'completed' }), 'Download zip');
  for (const status of ['running', 'cancelled', 'partial', 'failed']) assert.equal(downloadText({ status }), 'Download what is there');
});

test('a list that was filled before it was seen stands where its lines are', () => {
  const short = new Standing();
  // At the end of five rows while nothing of them could be seen.
  short.at = spans({ count: 5, rowHeight: 20, viewHeight: 0 }).end;
  assert.deepEqual(short.layout({ count: 5, rowHeight: 20, viewHeight: 600 }), { first: 0, last: 5, top: 0 });
});
