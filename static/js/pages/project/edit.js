/** Changing what a project is called, what it says, and its seed. */

import { api } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { clearErrors, readSeed, showErrors } from '../../ui/form.js';
import { isActive } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';

export class Edit {
  constructor(page) {
    this.page = page;
    this.form = null;
    byId('edit').addEventListener('click', () => this.open());
  }

  /** A run may begin or end while somebody writes. */
  render(state) {
    const { project } = this.page;
    setText(byId('name'), project.name);
    setText(byId('crumb'), project.name);
    setText(byId('brief-text'), project.brief);
    setText(byId('brief').querySelector('.brief-line'), project.brief);
    if (this.form) this.form.generate.hidden = isActive(state.status);
    if (this.form) this.note.hidden = !isActive(state.status);
  }

  open() {
    if (this.form) return;
    const { project } = this.page;
    this.note = el('p.hint', {}, 'The run that is at work goes on with the brief it began with.');
    this.form = el('form.edit', { novalidate: true },
      ...field('name', 'Name', el('input', { name: 'name', autocomplete: 'off', value: project.name })),
      ...field('brief', 'Brief', el('textarea', { name: 'brief', rows: '8' }, project.brief)),
      ...field('seed', 'Seed', el('input', { name: 'seed', inputmode: 'numeric', autocomplete: 'off', placeholder: '0', value: project.params?.seed ?? '' })),
      this.note,
      el('p.form-error', { role: 'alert', hidden: true }),
      el('div.dialog-actions', {},
        el('button.quiet', { type: 'button', onclick: () => this.dialog.close() }, 'Close'),
        el('button', { name: 'save', value: 'save' }, 'Save'),
        el('button.primary', { name: 'generate', value: 'generate' }, 'Save and generate')));
    this.dialog = el('dialog.wide', { 'aria-label': 'Edit the project' }, el('h2', {}, 'Edit the project'), this.form);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.save(event.submitter?.value === 'generate');
    });
    this.form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.form.requestSubmit(this.form.generate.hidden ? this.form.save : this.form.generate);
      // Enter in a field saves; only a deliberate press starts a run.
      else if (event.key === 'Enter' && event.target.matches('input')) this.form.requestSubmit(this.form.save);
      else return;
      event.preventDefault();
    });
    this.dialog.addEventListener('close', () => {
      this.dialog.remove();
      this.form = null;
    });
    document.body.append(this.dialog);
    this.render(this.page.state);
    this.dialog.showModal();
    this.form.elements.brief.focus();
  }

  async save(generate) {
    const { form, page } = this;
    clearErrors(form);
    const { seed, problem } = readSeed(form.seed.value);
    if (problem) return showErrors(form, [problem]);
    const before = page.project;
    const change = changes(before, { name: form.elements.name.value.trim(), brief: form.brief.value.trim(), seed });
    form.save.disabled = form.generate.disabled = true;
    try {
      if (Object.keys(change).length > 0) Object.assign(page.project, await api.update(before.id, change));
      if (generate) await api.generate(before.id);
      this.dialog.close();
      this.saved(change, generate);
    } catch (failure) {
      showErrors(form, failure.fields ?? [], failure.message);
    }
    form.save.disabled = form.generate.disabled = false;
    return undefined;
  }

  saved(change, generated) {
    const { page } = this;
    const builds = change.brief !== undefined || change.params !== undefined;
    page.edited = generated ? false : page.edited || builds;
    page.draw();
    if (generated || Object.keys(change).length === 0) return;
    if (!builds || isActive(page.state.status)) {
      toast('Saved.');
      return;
    }
    toast('Saved. The app is built from it with the next run.', {
      action: 'Generate',
      onaction: () => api.generate(page.project.id).catch((failure) => toast(failure.text)),
    });
  }
}

/** Only what differs is sent: what somebody else changed meanwhile stays. */
export function changes(before, { name, brief, seed }) {
  const change = {};
  if (name !== before.name) change.name = name;
  if (brief !== before.brief.trim()) change.brief = brief;
  if (seed !== (before.params?.seed ?? null)) {
    const { seed: _, ...others } = before.params ?? {};
    change.params = seed === null ? others : { ...others, seed };
  }
  return change;
}

function field(name, title, input) {
  input.id = `edit-${name}`;
  input.setAttribute('aria-describedby', `edit-${name}-error`);
  return [
    el('label', { for: input.id }, title),
    input,
    el('p.field-error', { id: `edit-${name}-error`, role: 'alert', data: { for: name } }),
  ];
}
