/** Says something to everybody, or to the viewers of one room. */

import { api } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { toast } from '../../ui/notices.js';

export function broadcast(rooms, total) {
  const text = el('textarea', { name: 'message', rows: '3', maxlength: '2000', required: true, 'aria-label': 'Message', placeholder: 'Back in ten minutes: the server gets more memory.' });
  const to = el('select', { name: 'channel', 'aria-label': 'To whom' }, el('option', { value: '' }, `Every client${total === null ? '' : ` (${total})`}`),
    ...[...rooms].map(([id, name]) => el('option', { value: `project:${id}` }, `Viewers of ${name}`)));
  const wrong = el('p.field-error', { role: 'alert' });
  const send = el('button.primary', { type: 'submit' }, 'Broadcast');
  const form = el('form.broadcast', { novalidate: true }, text, to, wrong,
    el('div.dialog-actions', {}, el('button', { type: 'button', onclick: () => dialog.close() }, 'Not now'), send));
  const dialog = el('dialog', { 'aria-label': 'Broadcast' }, el('h2', {}, 'Broadcast'),
    el('p.hint', {}, 'Project pages show it as a notice; programs hear it as “broadcast”.'), form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      const { clients } = await api.broadcast({ message: text.value.trim(), ...(to.value ? { channel: to.value } : {}) });
      dialog.close();
      toast(clients === 1 ? 'One client was told.' : `${clients} clients were told.`);
    } catch (problem) {
      wrong.textContent = problem.text ?? problem.message;
      send.disabled = false;
      text.focus();
    }
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
