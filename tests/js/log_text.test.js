// Colours and groups of log lines.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

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
