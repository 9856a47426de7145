import assert from 'node:assert/strict';
import { test } from 'node:test';

import { coloursOf, DECISIONS_MAX, factsOf, groups, lengthOf, OneAtATime, Review, standing } from '../../static/js/client/review.js';

const image = (item, more = {}) => ({ item, alt_text: `Text of ${item}.`, text: `Text of ${item}.`, confidence: 0.9, decision: null, ...more });
const decision = (item, verdict, text = null) => ({ item, verdict, text, by: 'ann', at: '2026-11-21T10:00:00.000Z' });

function loaded(images) {
  const review = new Review();
  review.load({ images, max_length: 20, language: 'en' });
  return review;
}

test('one goes through the images and on to what is not decided', () => {
  const review = loaded([image('a', { decision: decision('a', 'approved') }), image('b'), image('c', { problem: 'cut off', alt_text: undefined }), image('d')]);
  assert.equal(review.current, 'b', 'begins where there is something to do');
  review.step(1);
  review.step(1);
  review.step(1);
  assert.equal(review.current, 'd');
  assert.equal(review.nextOpen(), true);
  assert.equal(review.current, 'b', 'around the end');
  review.decided(decision('b', 'rejected'));
  review.decided(decision('d', 'edited', 'Other'));
  assert.equal(review.nextOpen(), false);
  assert.equal(review.current, 'b', 'stays when all is decided');
  assert.deepEqual(review.counts(), { images: 4, open: 0, approved: 1, edited: 1, rejected: 1, failed: 1 });
});

test('the first decision stands, wherever it came from', () => {
  const review = loaded([image('a')]);
  review.write(review.image('a'), 'Mine');
  review.decided(decision('a', 'edited', 'Theirs'));
  review.decided(decision('a', 'rejected'));
  assert.equal(standing(review.image('a')), 'edited');
  assert.equal(review.text(review.image('a')), 'Theirs');
});

test('what was begun about a text goes with that text', () => {
  const of = (more) => [image('a', { sha256: '1' }), image('b', { sha256: '2' }), image('c', { sha256: '3' }), image('d', { sha256: '4' }), ...more];
  const review = loaded(of([image('e', { sha256: '5' })]));
  for (const item of ['a', 'b', 'c', 'd', 'e']) review.write(review.image(item), `Mine of ${item}`);
  const [a, b, c, d] = of([]);
  review.load({
    images: [a, { ...b, decision: decision('b', 'edited', 'Theirs'), text: 'Theirs' }, { ...c, alt_text: 'New.', text: 'New.' }, { ...d, sha256: '9' }],
    max_length: 20, language: 'en',
  });
  assert.deepEqual([...review.drafts.keys()], ['a'], 'the same text of the same picture, still open');
  assert.equal(review.text(review.image('b')), 'Theirs');
  assert.equal(review.text(review.image('c')), 'New.');
  assert.equal(review.text(review.image('d')), 'Text of d.');
});

test('wishes go in groups that the server takes, none is cut', () => {
  const list = Array.from({ length: 2 * DECISIONS_MAX + 1 }, (_, n) => n);
  assert.deepEqual(groups(list, DECISIONS_MAX).map(({ length }) => length), [1000, 1000, 1]);
  assert.deepEqual(groups(list, DECISIONS_MAX).flat(), list);
  assert.deepEqual(groups([], 5), []);
});

test('a second one is not begun while the first is under way, and is after it failed', async () => {
  const sending = new OneAtATime();
  const done = [];
  let finish;
  const first = sending.run(() => new Promise((resolve) => { finish = resolve; }));
  assert.equal(await sending.run(() => done.push('second')), undefined);
  finish('taken');
  assert.equal(await first, 'taken');
  await assert.rejects(sending.run(async () => { throw new Error('no'); }));
  assert.equal(await sending.run(() => done.push('third')), 1);
  assert.deepEqual(done, ['third']);
});

test('what is asked for says a text only when it is another', () => {
  const review = loaded([image('a')]);
  const a = review.image('a');
  assert.deepEqual(review.approval(a), { item: 'a', verdict: 'approve' });
  review.write(a, '  Red 🎭 mask ');
  assert.deepEqual(review.approval(a), { item: 'a', verdict: 'approve', text: 'Red 🎭 mask' });
  review.write(a, ' ');
  assert.match(review.approval(a), /empty/);
  review.write(a, 'x'.repeat(21));
  assert.match(review.approval(a), /21 characters; at most 20/);
  review.write(a, 'a\nb');
  assert.match(review.approval(a), /one line/);
  review.write(a, 'Text of a.');
  assert.equal(review.drafts.size, 0, 'changed back is not changed');
  assert.equal(lengthOf('🎭ü'), 2);
});

test('bulk takes what is sure enough, open and untouched', () => {
  const review = loaded([image('a', { confidence: 0.8 }), image('b', { confidence: 0.79 }), image('c'), image('d', { problem: 'x' }), image('e', { decision: decision('e', 'rejected') })]);
  review.write(review.image('c'), 'begun');
  assert.deepEqual(review.sure(0.8).map(({ item }) => item), ['a']);
});

test('filters keep the one that is looked at', () => {
  const review = loaded([image('a'), image('b')]);
  review.choose('open');
  review.decided(decision('a', 'approved'));
  assert.deepEqual(review.shown().map(({ item }) => item), ['a', 'b']);
  review.step(1);
  assert.deepEqual(review.shown().map(({ item }) => item), ['b']);
  review.choose('failed');
  assert.equal(review.current, 'b', 'none fits');
});

test('facts are said for people', () => {
  const facts = {
    file: { format: 'jpeg', width: 80, height: 40, animated: false, metadata: { make: 'Lichtwerk', model: 'L 1', exposure_s: 0.008, f_number: 2.8, iso: 200, has_place: true } },
    measured: {
      class: { class: 'photo', trust: 0.95, rule: 'grain' }, colours: [{ name: 'dark_blue', hex: '#000080', share: 0.5 }],
      tone: { mean: 50.2, contrast: 12 }, brightness: 'medium', sharpness: { blur: 1, level: 'no_detail' }, codes: [{ text: '=1+1' }],
    },
  };
  const told = Object.fromEntries(factsOf(image('a', { facts })));
  assert.equal(told.Exposure, '1/125 s, f/2.8, ISO 200');
  assert.equal(told['QR code'], '=1+1');
  assert.equal(told.Sharpness, 'no detail to tell by');
  assert.deepEqual(coloursOf(image('a', { facts })), [{ name: 'dark blue', hex: '#000080', share: '50 %' }]);
  assert.deepEqual(factsOf(image('b')), []);
});
