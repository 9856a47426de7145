// What differs between texts and between runs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { compareFiles, diffLines, LINES_MAX, linesOf, partOf, rowsOf } from '../../static/js/client/diff.js';

/** The difference as text: ` a` same, `-a` gone, `+a` new. */
function sketch(before, after) {
  const [one, other] = [before.split(''), after.split('')];
  return diffLines(one, other).map(({ kind, from, to, fromAfter, toAfter }) => (kind === 'same'
    ? ` ${one.slice(from, to).join('')}` : `-${one.slice(from, to).join('')}+${other.slice(fromAfter, toAfter).join('')}`)).join('|');
}

/** Blocks put together are the two texts, and what is called the same is. */
function check(before, after) {
  const blocks = diffLines(before, after);
  let [x, y] = [0, 0];
  for (const { kind, from, to, fromAfter, toAfter } of blocks) {
    assert.deepEqual([from, fromAfter], [x, y]);
    if (kind === 'same') assert.deepEqual(before.slice(from, to), after.slice(fromAfter, toAfter));
    [x, y] = [to, toAfter];
  }
  assert.deepEqual([x, y], [before.length, after.length]);
  return blocks.reduce((sum, { kind, from, to, fromAfter, toAfter }) => (kind === 'same' ? sum : sum + to - from + toAfter - fromAfter), 0);
}

/** The least number of edits, the slow way. */
function least(before, after) {
  const table = Array.from({ length: before.length + 1 }, () => new Array(after.length + 1).fill(0));
  for (let x = before.length - 1; x >= 0; x -= 1) {
    for (let y = after.length - 1; y >= 0; y -= 1) {
      table[x][y] = before[x] === after[y] ? table[x + 1][y + 1] + 1 : Math.max(table[x + 1][y], table[x][y + 1]);
    }
  }
  return before.length + after.length - 2 * table[0][0];
}

describe('lines', () => {
  test('that differ are found', () => {
    for (const [before, after, expected] of [
      ['', '', ''], ['abc', 'abc', ' abc'], ['', 'ab', '-+ab'], ['ab', '', '-ab+'],
      ['abcd', 'axcd', ' a|-b+x| cd'], ['abc', 'abxyc', ' ab|-+xy| c'], ['abc', 'c', '-ab+| c'], ['ab', 'xy', '-ab+xy'],
      ['abcabba', 'cbabac', '-ab+| c|-+b| ab|-b+| a|-+c'],
    ]) assert.equal(sketch(before, after), expected, `${before} ${after}`);
  });

  test('differ as little as can be', () => {
    let seed = 42;
    const random = (below) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    for (let round = 0; round < 300; round += 1) {
      const before = Array.from({ length: random(30) }, () => 'abcd'[random(4)]);
      const after = random(2) ? Array.from({ length: random(30) }, () => 'abcd'[random(4)]) : before.filter(() => random(4) > 0);
      assert.equal(check(before, after), least(before, after), `${before.join('')} ${after.join('')}`);
    }
  });

  test('of two texts that have nothing in common end in time', () => {
    const many = (word) => Array.from({ length: LINES_MAX }, (_, at) => `${word} ${at}`);
    assert.equal(check(['head', ...many('a'), 'tail'], ['head', ...many('b'), 'tail']), 2 * LINES_MAX);
    const changed = many('a');
    for (let at = 7; at < LINES_MAX; at += 50) changed[at] = `changed ${at}`;
    assert.equal(check(many('a'), changed), 2 * (LINES_MAX / 50));
  });

  test('of a text know its end', () => {
    assert.deepEqual(linesOf('a\nb\n'), { lines: ['a', 'b'], open: false });
    assert.deepEqual(linesOf('a\r\nb'), { lines: ['a', 'b'], open: true });
    assert.deepEqual(linesOf(''), { lines: [], open: false });
    assert.deepEqual(linesOf('\n\n'), { lines: ['', ''], open: false });
  });

  test('become rows with context and gaps', () => {
    const before = Array.from({ length: 40 }, (_, at) => `line ${at}`);
    const after = [...before.slice(0, 20), 'one', 'two', ...before.slice(21)];
    const rows = rowsOf(diffLines(before, after));
    assert.deepEqual(rows.map(({ kind }) => kind[0]).join(''), 'gsssccsssg');
    assert.deepEqual(rows[0], { kind: 'gap', before: 0, after: 0, lines: 17 });
    assert.deepEqual(rows.slice(4, 6), [{ kind: 'changed', before: 20, after: 20 }, { kind: 'changed', before: null, after: 21 }]);
    assert.deepEqual(rows.at(-1), { kind: 'gap', before: 24, after: 25, lines: 16 });
    // A gap of one line is no gap.
    assert.equal(rowsOf(diffLines('abcdX'.split(''), 'abcdY'.split(''))).length, 5);
  });

  test('say which part of them differs', () => {
    for (const [before, after, head, tail] of [
      ['let a = 1;', 'let a = 23;', 8, 1], ['same', 'same', 4, 0], ['', 'x', 0, 0], ['aa', 'aaa', 2, 0],
      ['a😀b', 'a😃b', 1, 1],
    ]) assert.deepEqual(partOf(before, after), { head, tail }, `${before} ${after}`);
  });
});

test('files of two runs', () => {
  const file = (path, sha256) => ({ path, sha256 });
  const compared = compareFiles([file('b', '1'), file('a', '1'), file('z', '1')], [file('a', '1'), file('b', '2'), file('c', '3')]);
  assert.deepEqual(compared.map(({ path, kind }) => `${path} ${kind}`), ['a same', 'b changed', 'c new', 'z gone']);
  assert.deepEqual([compared[1].before.sha256, compared[1].after.sha256, compared[2].before, compared[3].after], ['1', '2', null, null]);
  assert.deepEqual(compareFiles([], []), []);
});
