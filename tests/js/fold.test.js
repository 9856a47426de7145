// The browser's fold against the vectors that the server's fold is checked with too.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { apply, cutTo, emptyState, jsonBytes } from '../../static/js/client/fold.js';

const folder = new URL('../vectors/fold/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are vectors', () => assert.ok(files.length >= 10));

for (const file of files) {
  const { note, events, checks } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  test(`${file}: ${note}`, () => {
    assert.ok(checks.length > 0);
    for (const { after, state } of checks) {
      const folded = events.slice(0, after).reduce(apply, emptyState());
      assert.deepEqual(folded, state, `after ${after} events`);
    }
  });

  test(`${file}: a state that was sent as JSON goes on like the original`, () => {
    const { after, state } = checks.at(-1);
    for (let cut = 0; cut <= after; cut += 1) {
      const sent = JSON.parse(JSON.stringify(events.slice(0, cut).reduce(apply, emptyState())));
      assert.deepEqual(events.slice(cut, after).reduce(apply, sent), state, `cut at ${cut}`);
    }
  });
}

const written = (text) => Buffer.byteLength(JSON.stringify(text)) - 2;

test('the length of a text is that of its JSON', () => {
  for (const text of ['', 'plain', 'é', 'ß€', '🎭 curtain 🎬', 'a\u0000b', '\b\t\n\f\r\u000b\u001f\u007f', '"\\/', '\u07ff\u0800\uffff', '\u{10000}\u{10ffff}']) {
    assert.equal(jsonBytes(text), written(text), JSON.stringify(text));
  }
});

test('what is too long is cut between characters', () => {
  for (const [text, bytesMax, expected] of [
    ['short', 64, 'short'], ['exactly', 7, 'exactly'], ['one more', 7, 'one …'], ['ööö', 6, 'ööö'], ['öööö', 6, 'ö…'],
    ['\u0001\u0001', 12, '\u0001\u0001'], ['\u0001\u0001\u0001', 12, '\u0001…'], ['🎭🎭', 7, '🎭…'], ['""""', 6, '"…'],
  ]) {
    assert.equal(cutTo(text, bytesMax), expected, `${JSON.stringify(text)} to ${bytesMax}`);
  }
});
