// Keys that work everywhere on the page, but where a text is typed or a control needs them itself.

import {byId} from './dom.js';

/** actions: {key: () => false where it does nothing at the moment}. onStage: key -> whether it was used for the zoom. */
export function listen(actions, onStage) {
  document.addEventListener('keydown', event => {
    const {target} = event;
    const isTaken = event.ctrlKey || event.metaKey || event.altKey || target.closest('dialog, textarea, [type=range]')
      || event.key === ' ' && target.closest('button, input, summary') || event.key.startsWith('Arrow') && target.closest('#rows-scroll');
    if (isTaken || !(byId('single-keys').checked || byId('stage').contains(target))) {
      return;
    }
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (onStage(name) || actions[name] && actions[name]() !== false) {
      event.preventDefault();
    }
  });
}
