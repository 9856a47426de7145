/** Building elements. Text is always text: nothing here reads HTML. */

/**
 * @param {string} tag `button`, or with classes: `button.small.quiet`
 * @param {object} [attributes] `on…` are listeners, `data` goes into the dataset, false and null are left out
 * @param {...(Node|string|null|false)} children
 */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'data') Object.assign(element.dataset, value);
    else if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Writes only what differs, so that assistive technology hears only what changed. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setData(element, key, value) {
  if (element.dataset[key] !== value) element.dataset[key] = value;
}

/** What the server put into the page. */
export function initialData() {
  return JSON.parse(byId('initial').textContent);
}

/** Calls `render` soon, once for many changes; also in a hidden page, where no frames are drawn. */
export function scheduler(render) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const turn = () => {
      waiting = false;
      render();
    };
    if (document.visibilityState === 'visible') requestAnimationFrame(turn);
    else setTimeout(turn, 250);
  };
}
