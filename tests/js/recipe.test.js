import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recipeIn } from '../../static/js/pages/demo/recipe.js';

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

function chunk(type, data) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, data.length);
  return [...length, ...new TextEncoder().encode(type), ...data, 0, 0, 0, 0];
}

const text = (keyword, json) => [...new TextEncoder().encode(`${keyword}\0\0\0\0\0${json}`)];
const file = (...chunks) => new Uint8Array([...SIGNATURE, ...chunks.flat()]).buffer;
const recipe = JSON.stringify({ pipeline: 'image', version: 1, prompt: 'a “blue” ball', params: { steps: 4, seed: 9, width: 'x' } });

test('the recipe of a picture is found among other chunks', () => {
  const png = file(chunk('IHDR', new Array(13).fill(0)), chunk('iTXt', text('Comment', 'hello')), chunk('iTXt', text('callboard', recipe)), chunk('IEND', []));
  assert.deepEqual(recipeIn(png), { prompt: 'a “blue” ball', params: { steps: 4, seed: 9 } });
});

test('what carries no recipe says so', () => {
  assert.throws(() => recipeIn(new Uint8Array([1, 2, 3]).buffer), /not a PNG/);
  assert.throws(() => recipeIn(file(chunk('IEND', []))), /no recipe/);
  assert.throws(() => recipeIn(file(chunk('iTXt', text('callboard', '{')))), /cannot be read/);
  assert.throws(() => recipeIn(file(chunk('iTXt', text('callboard', '{"pipeline":"app"}')))), /not one of a picture/);
  assert.throws(() => recipeIn(file(chunk('iTXt', text('callboard', recipe))).slice(0, 40)), /no recipe/);
});
