// Texts for images: added, written, looked over with keys, on two pages at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';

import { assertNoSidewaysScroll, live, onPage, stage, until } from './support/stage.mjs';

const here = stage();

/** A PNG of two halves. */
function png(left, right, width = 60, height = 40) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) Buffer.from(x < width / 2 ? left : right).copy(rows, y * (1 + width * 3) + 1 + x * 3);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc(body), body.length + 4);
  return whole;
}

function crc(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

const RED = [220, 20, 20];
const BLUE = [20, 40, 220];
const file = (name, buffer) => ({ name, mimeType: 'image/png', buffer });

test('images are added, and their texts looked over with keys', onPage(here, { allowed: /status of 400 .*\/api\/projects$/ }, async ({ page, context, url }) => {
  await page.goto(`${url}/captions`);
  await page.fill('#max_length', '12');
  await page.click('#submit');
  await page.getByText('must be an integer from 40 to 1000').waitFor();
  await page.fill('#max_length', '60');
  await page.click('#submit');
  await page.waitForURL('**/review');
  await live(page);
  await page.getByText('No images yet').waitFor();
  await page.setInputFiles('#upload', [
    file('a.png', png(RED, BLUE)), file('b.png', png(BLUE, RED)), file('c.png', png(RED, RED)),
    file('d.png', png(BLUE, BLUE)), file('e.png', png(RED, BLUE).subarray(0, 60)),
  ]);
  await page.getByText('5 images are here').waitFor();
  await page.click('#generate');
  await page.locator('#desk').waitFor();
  await page.locator('#status', { hasText: 'Partial' }).waitFor();
  const text = page.locator('#text');
  const standing = (item) => page.locator(`#strip [data-item="${item}"]`).getAttribute('data-standing');
  assert.equal(await text.inputValue(), 'Graphic: left half red, right half blue.');
  await until('the image itself', () => page.locator('#image').evaluate((image) => image.naturalWidth === 60));
  assert.equal(await standing('e.png'), 'failed');

  // Somebody else looks as well.
  const other = await context.newPage();
  await other.goto(page.url());
  await live(other);
  await other.locator('#desk').waitFor();

  // Pressed twice before the answer is here, a key decides once.
  const asked = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/captions')) asked.push(request.postDataJSON());
  });
  await page.evaluate(() => {
    for (let n = 0; n < 2; n += 1) document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }));
  });
  await until('the next one', async () => (await page.locator('#caption-of').textContent()).startsWith('b.png'));
  assert.equal(await standing('a.png'), 'approved');
  assert.deepEqual(asked, [{ decisions: [{ item: 'a.png', verdict: 'approve' }] }]);
  await other.locator('#strip [data-item="a.png"][data-standing="approved"]').waitFor();

  await page.keyboard.press('e');
  await page.keyboard.type(' And much more than there is room for.');
  await page.getByText('at most 60 are allowed').waitFor();
  assert.match(await page.locator('#counter').textContent(), /^7\d \/ 60$/);
  await page.keyboard.press('Enter');
  assert.equal(await standing('b.png'), 'open', 'too long is not sent');
  await text.fill('Blue beside red.');
  await page.keyboard.press('Enter');
  await until('the text is taken', async () => (await standing('b.png')) === 'edited');
  await page.keyboard.press('r');
  await until('the text is refused', async () => (await standing('c.png')) === 'rejected');

  // The first decision stands: this page has not heard of the other one's when it presses the key.
  await other.keyboard.press('ArrowRight');
  assert.match(await other.locator('#caption-of').textContent(), /^b\.png/);
  assert.equal(await other.locator('#approve').isDisabled(), true);
  assert.equal(await other.locator('#text').inputValue(), 'Blue beside red.');
  await other.close();

  await page.keyboard.press('b');
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await until('all are decided', async () => (await standing('d.png')) === 'approved');
  assert.equal(await page.locator('#counts').textContent(), '3 of 5 approved · 1 rejected · 1 failed');
  const download = page.waitForEvent('download');
  await page.click('#csv');
  assert.equal((await download).suggestedFilename(), 'captions.csv');

  // After a reload it is as it was, on a phone as well.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await page.locator('#desk').waitFor();
  await until('what was decided', async () => (await standing('b.png')) === 'edited');
  await assertNoSidewaysScroll(page);
  await page.selectOption('#filter', 'failed');
  await until('the reason', async () => /cut off|damaged/.test(await page.locator('#picture').getAttribute('data-problem')));

  // Another run has pictures of its own under the same names.
  await page.selectOption('#filter', 'all');
  const thumb = () => page.locator('#strip [data-item="a.png"] img').getAttribute('src');
  const before = await thumb();
  await page.click('#generate');
  await until('texts of another run', async () => (await standing('b.png')) === 'open');
  assert.notEqual(await thumb(), before);
}));
