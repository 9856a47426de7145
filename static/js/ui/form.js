/** What is wrong with a form: each message at its field, the others at the form. */

import { fieldSentence } from './api.js';

/** A seed as somebody typed it, with what is wrong with it. */
export function readSeed(text) {
  const seed = text.trim();
  if (!/^\d{0,15}$/.test(seed)) return { problem: { field: 'seed', message: 'A seed is a whole number from 0.' } };
  return { seed: seed === '' ? null : Number(seed) };
}

export function clearErrors(form) {
  for (const box of form.querySelectorAll('.field-error')) box.textContent = '';
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  form.querySelector('.form-error').hidden = true;
}

/**
 * Shows messages in boxes that name their field with `data-for`, and leads to the first field that needs a hand.
 *
 * @param {{ field: string, message: string }[]} errors
 */
export function showErrors(form, errors, message = '') {
  const homeless = [];
  let first = null;
  for (const error of errors) {
    const name = error.field.split('.').at(-1);
    const box = form.querySelector(`.field-error[data-for="${CSS.escape(name)}"]`);
    const field = form.elements[name];
    const text = fieldSentence(error.field, error.message);
    if (!box || !field) {
      homeless.push(text);
      continue;
    }
    box.textContent = text;
    field.setAttribute('aria-invalid', 'true');
    const folded = field.closest('details');
    if (folded) folded.open = true;
    first ??= field;
  }
  if (errors.length === 0 && message !== '') homeless.push(message);
  if (homeless.length > 0) {
    const box = form.querySelector('.form-error');
    box.textContent = homeless.join(' ');
    box.hidden = false;
  }
  (first ?? form.elements.brief).focus();
}
