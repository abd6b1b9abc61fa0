// Elements: found, made and filled. Text is always text: nothing that a server or a file says becomes HTML.

export const byId = id => document.getElementById(id);

/** A new element. properties: of the element; those with a dash are attributes. children: elements and texts. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role') {
      element.setAttribute(name, value);
    } else {
      element[name] = value;
    }
  }
  element.append(...children);
  return element;
}

/** Show or hide elements by their ids. */
export function show(shown, ...ids) {
  for (const id of ids) {
    byId(id).hidden = !shown;
  }
}

/** Write a text where it differs: a screen reader tells each change. */
export function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

let toastTimer = 0;

/** Say something for a few seconds. */
export function toast(text) {
  write('toast', text);
  show(true, 'toast');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => show(false, 'toast'), 5000);
}

/** Let the close buttons of a dialog, and a click beside it, close it. Returns the dialog. */
export function dialog(id) {
  const element = byId(id);
  element.querySelector('.close').addEventListener('click', () => element.close());
  element.addEventListener('click', event => event.target === element && element.close());
  return element;
}

/** '3 objects', '1 object'. */
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
