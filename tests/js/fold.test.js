// The browser's fold against the vectors that the server's fold is checked with too.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { apply, emptyState, utf8Length } from '../../static/js/client/fold.js';

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

test('the length of a text is that of its UTF-8', () => {
  for (const text of ['', 'plain', 'é', 'ß€', '🎭 curtain 🎬', 'a\u0000b', '\u07ff\u0800\uffff', '\u{10000}\u{10ffff}']) {
    assert.equal(utf8Length(text), Buffer.byteLength(text), JSON.stringify(text));
  }
});
