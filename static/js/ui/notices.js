/** Short messages, questions and texts to copy. */

import { byId, el } from './dom.js';

/**
 * Shows a message for a while.
 *
 * @param {{ action?: string, onaction?: () => void, onend?: () => void, ms?: number }} [options]
 * @returns {() => void} takes it away
 */
export function toast(text, { action, onaction, onend, ms = 6000 } = {}) {
  const box = el('div.toast', {}, el('span', {}, text));
  const end = () => {
    clearTimeout(timer);
    box.remove();
  };
  const timer = setTimeout(() => {
    end();
    onend?.();
  }, ms);
  if (action) {
    box.append(el('button.small', {
      type: 'button',
      onclick: () => {
        end();
        onaction();
      },
    }, action));
  }
  byId('toasts').append(box);
  return end;
}

/** What an administrator says to everybody: a text, or an object that may have one. */
export function announce(message) {
  const text = typeof message === 'string' ? message : message.text ?? message.message ?? JSON.stringify(message);
  toast(String(text), { ms: 20000, action: 'Close', onaction: () => {} });
}

/** @returns {Promise<boolean>} whether the person said yes */
export function confirm({ title, text, yes, no = 'Keep it', danger = true }) {
  return new Promise((resolve) => {
    const dialog = el('dialog', { 'aria-label': title },
      el('h2', {}, title),
      el('p', {}, text),
      el('form.dialog-actions', { method: 'dialog' },
        el('button', { value: 'no' }, no),
        el(danger ? 'button.danger' : 'button.primary', { value: 'yes' }, yes)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A dialog to read; closes with Escape, its button or a click beside it. */
export function show(title, ...content) {
  const dialog = el('dialog', { 'aria-label': title },
    el('h2', {}, title), ...content,
    el('form.dialog-actions', { method: 'dialog' }, el('button', {}, 'Close')));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A command that can be copied. */
export function snippet(title, command) {
  const button = el('button.small', { type: 'button' }, 'Copy');
  button.addEventListener('click', async () => {
    button.textContent = (await copy(command)) ? 'Copied' : 'Select it';
  });
  return el('div.snippet', {}, el('strong', {}, title), el('pre', { tabindex: '0' }, command), button);
}

async function copy(text) {
  try {
    // Not there on pages without TLS, other than those of the own machine.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** The help of a page. */
export function showShortcuts(pairs) {
  show('Keyboard shortcuts', el('dl.shortcuts', {}, ...pairs.flatMap(([keys, what]) => [
    el('dt', {}, ...keys.split(' ').map((key) => el('kbd', {}, key))),
    el('dd', {}, what),
  ])));
}

/** Keys that act on the page, unless somebody is writing. */
export function shortcuts(keys) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (event.target.closest?.('input, textarea, select, [contenteditable]')) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
