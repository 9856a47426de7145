// What the pages say about a result and about mistakes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Problem, fieldSentence, plainText } from '../../static/js/ui/api.js';
import { readSeed } from '../../static/js/ui/form.js';
import { changes } from '../../static/js/pages/project/edit.js';
import { factsOf } from '../../static/js/pages/project/facts.js';

describe('messages of the server', () => {
  test('become sentences that name their field when they do not stand alone', () => {
    for (const [field, message, expected] of [
      ['brief', 'must say what is wanted', 'The brief must say what is wanted.'],
      ['params.seed', 'must be a whole number', 'The seed must be a whole number.'],
      ['brief', 'has 30 characters; at most 20 are allowed', 'The brief has 30 characters; at most 20 are allowed.'],
      ['brief', 'nothing was found; try `books with title`', 'Nothing was found; try “books with title”'],
      ['brief', 'Say what the app should do.', 'Say what the app should do.'],
    ]) assert.equal(fieldSentence(field, message), expected);
    assert.equal(plainText('like `a`, `b`'), 'Like “a”, “b”');
  });

  test('a problem tells its fields before its detail', () => {
    assert.equal(new Problem(409, { detail: 'run 1 is still active' }).text, 'Run 1 is still active.');
    assert.equal(new Problem(500, {}).text, 'The server answered 500.');
    const errors = [{ field: 'name', message: 'must not be empty' }, { field: 'brief', message: 'is missing' }];
    assert.equal(new Problem(400, { detail: 'invalid', errors }).text, 'The name must not be empty. The brief is missing.');
  });
});

test('a seed is a whole number or nothing', () => {
  assert.deepEqual(readSeed(' '), { seed: null });
  assert.deepEqual(readSeed('007'), { seed: 7 });
  for (const text of ['x', '-1', '1.5', '1e3', '9999999999999999']) assert.equal(readSeed(text).problem.field, 'seed', text);
});

test('only what was changed is sent', () => {
  const before = { name: 'A', brief: 'books with title\n', params: { seed: 3, other: true } };
  const same = { name: 'A', brief: 'books with title', seed: 3 };
  assert.deepEqual(changes(before, same), {});
  assert.deepEqual(changes(before, { ...same, name: 'B' }), { name: 'B' });
  assert.deepEqual(changes(before, { ...same, brief: 'films' }), { brief: 'films' });
  assert.deepEqual(changes(before, { ...same, seed: 4 }), { params: { seed: 4, other: true } });
  assert.deepEqual(changes(before, { ...same, seed: null }), { params: { other: true } });
  assert.deepEqual(changes({ name: 'A', brief: 'b' }, { name: 'A', brief: 'b', seed: null }), {});
});

describe('facts of a result', () => {
  const whole = { covered: 2, sentences: 2, notCovered: [], tests: { passed: 9, total: 9 }, mutation: { score: 96.9 } };
  const said = (result) => factsOf(result, 3).map(({ tone, text }) => `${tone}: ${text}`);

  test('say what is good and never round it up', () => {
    assert.deepEqual(said(whole), ['go: 2 of 2 sentences covered', 'go: 9 of 9 tests passed', 'off: 96 % of planted faults caught', 'off: 3 files']);
  });

  test('say what is missing', () => {
    assert.deepEqual(said({ ...whole, covered: 1, notCovered: [{}], tests: { passed: 8, total: 9 }, mutation: null }),
      ['standby: 1 of 2 sentences covered', 'stop: 8 of 9 tests passed', 'off: 3 files']);
    assert.deepEqual(said({ ...whole, tests: null, mutation: null }), ['go: 2 of 2 sentences covered', 'off: 3 files']);
  });
});
