/** Where a new set of images begins. */

import { api } from '../ui/api.js';
import { byId } from '../ui/dom.js';
import { clearErrors, showErrors } from '../ui/form.js';

const form = byId('create');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  clearErrors(form);
  byId('submit').disabled = true;
  const name = byId('name').value.trim();
  const folder = byId('folder').value.trim();
  const length = byId('max_length').value.trim();
  try {
    const project = await api.create({
      name,
      brief: `Texts for images: ${name}`,
      pipeline: 'caption',
      params: {
        language: byId('language').value,
        max_length: /^\d+$/.test(length) ? Number(length) : length,
        ...(folder === '' ? {} : { folder }),
      },
    });
    location.assign(`/projects/${project.id}/review`);
  } catch (problem) {
    byId('submit').disabled = false;
    showErrors(form, (problem.fields ?? []).map((field) => ({ ...field, field: field.field.replace('params.', '') })), problem.message);
  }
});
window.addEventListener('pageshow', () => { byId('submit').disabled = false; });
