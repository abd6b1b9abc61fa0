// The row of pictures, each with how far it is.

import {byId, count, make, show} from './dom.js';

const SIGNS = {waiting: '', working: '', busy: '…', failed: '!', done: '✓'};
const WORDS = {waiting: 'waits', working: 'is being looked at', busy: 'the server is busy', failed: 'failed', done: 'is done'};

/** onChoose(item), onRemove(item): a picture was clicked, or its cross. */
export class Strip {
  constructor(handlers) {
    Object.assign(this, handlers);
    this.entries = new Map(); // item -> its element
  }

  add(item) {
    const image = make('img', {alt: '', width: 64, height: 64, draggable: false});
    const sign = make('span', {className: 'sign', 'aria-hidden': 'true'});
    const button = make('button', {type: 'button', className: 'thumb', title: item.name}, image, sign);
    button.addEventListener('click', () => this.onChoose(item));
    const remove = make('button', {type: 'button', className: 'remove', 'aria-label': `Remove ${item.name}`, title: 'Remove'}, '×');
    remove.addEventListener('click', () => this.onRemove(item));
    const entry = make('li', {}, button, remove);
    this.entries.set(item, {entry, button, image, sign});
    byId('strip').append(entry);
    this.update(item);
    show(true, 'strip-row');
  }

  /** Show the state of an item: its thumbnail, and how many objects there are; null where the model finds none, but a mask. */
  update(item, numShown = null) {
    const parts = this.entries.get(item);
    if (!parts) {
      return;
    }
    if (item.thumbnail && parts.image.src !== item.thumbnail) {
      parts.image.src = item.thumbnail;
    }
    parts.button.dataset.state = item.state;
    const [sign, words] = item.state === 'done' && numShown !== null ? [String(numShown), count(numShown, 'object')] : [SIGNS[item.state], WORDS[item.state]];
    parts.sign.textContent = sign;
    parts.button.setAttribute('aria-label', `${item.name}: ${words}`);
  }

  /** Mark the item that is shown, or none. */
  mark(item) {
    for (const [one, {button}] of this.entries) {
      button.setAttribute('aria-current', one === item);
    }
    this.entries.get(item)?.entry.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }

  remove(item) {
    this.entries.get(item)?.entry.remove();
    this.entries.delete(item);
    show(this.entries.size > 0, 'strip-row');
  }
}
