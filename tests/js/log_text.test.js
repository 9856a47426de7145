// Colours and groups of log lines.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { LogGroups } from '../../static/js/pages/project/log_groups.js';
import { piecesOf, withoutColours } from '../../static/js/ui/ansi.js';

const ESC = '\u001b';

describe('colours', () => {
  test('become pieces with classes', () => {
    for (const [text, expected] of [
      ['plain', [['plain', '', '']]],
      [`a${ESC}[1;31mb${ESC}[0mc`, [['a', '', ''], ['b', 'ansi-bold ansi-fore-1', ''], ['c', '', '']]],
      [`${ESC}[92;44mx${ESC}[39my`, [['x', 'ansi-fore-10 ansi-back-4', ''], ['y', 'ansi-back-4', '']]],
      [`${ESC}[38;5;196mx`, [['x', '', 'color:rgb(255 0 0)']]],
      [`${ESC}[48;5;240;1mx`, [['x', 'ansi-bold', 'background-color:rgb(88 88 88)']]],
      [`${ESC}[38;2;1;2;3mx`, [['x', '', 'color:rgb(1 2 3)']]],
      [`${ESC}[7mx${ESC}[31my${ESC}[27mz`, [['x', 'ansi-inverse', ''], ['y', 'ansi-back-1', ''], ['z', 'ansi-fore-1', '']]],
      [`${ESC}[38;5;999mx${ESC}[38mz`, [['x', '', ''], ['z', '', '']]],
      [`${ESC}[m`, []],
    ]) {
      assert.deepEqual(piecesOf(text).map((piece) => [piece.text, piece.classes.join(' '), piece.style]), expected, JSON.stringify(text));
    }
  });

  test('bring nothing but numbers into a style, whatever a line says', () => {
    const hostile = `${ESC}[38;2;1;2;3;url(x)m${ESC}[38;2;1;2;-3mx<script>${ESC}[38;5;"mred`;
    for (const piece of piecesOf(hostile)) assert.match(piece.style, /^(color:rgb\(\d+ \d+ \d+\))?$/);
    assert.equal(piecesOf(hostile).map((piece) => piece.text).join(''), withoutColours(hostile));
    assert.ok(withoutColours(hostile).includes('<script>'), 'text stays text');
  });
});

describe('groups', () => {
  const lines = [
    { n: 1, agent: 'a', text: 'before' },
    { n: 2, agent: 'a', text: '::group::Build' },
    { n: 3, agent: 'a', text: 'inside' },
    { n: 4, agent: 'b', text: 'of another agent' },
    { n: 5, agent: 'a', text: '::endgroup::' },
    { n: 6, agent: 'a', text: `${ESC}[m::group::only text` },
    { n: 7, agent: 'a', text: '::group::Open' },
    { n: 8, agent: 'a', text: 'still inside' },
  ];

  test('fold the lines of their agent', () => {
    const groups = new LogGroups();
    for (const line of [...lines, ...lines]) groups.add(line);
    assert.deepEqual(groups.roleOf(lines[1]), { kind: 'begin', title: 'Build', folded: false, lines: 2 });
    assert.equal(groups.roleOf(lines[5]).kind, 'text');
    assert.equal(groups.roleOf(lines[6]).lines, null);
    groups.toggle(2);
    groups.toggle(7);
    groups.toggle(1);
    assert.deepEqual(lines.filter((line) => groups.isShown(line)).map((line) => line.n), [1, 2, 4, 6, 7]);
    groups.toggle(2);
    assert.deepEqual(lines.filter((line) => groups.isShown(line)).map((line) => line.n), [1, 2, 3, 4, 5, 6, 7]);
  });
});
