// The ways in which pictures come: chosen, dropped, pasted, or one of the server's samples.

import {byId, dialog, make, show} from './dom.js';

/** Listen for pictures. onFiles([File, ...]): some came. */
export function listen(onFiles) {
  const input = byId('files');
  for (const id of ['choose', 'choose-first']) {
    byId(id).addEventListener('click', () => input.click());
  }
  input.addEventListener('change', () => {
    onFiles([...input.files]);
    input.value = ''; // so that the same file can be chosen again
  });
  document.addEventListener('paste', event => {
    const files = [...event.clipboardData.files];
    if (files.length) {
      event.preventDefault();
      onFiles(files);
    }
  });
  let depth = 0; // of the elements that a dragged file is over
  const isOfFiles = event => [...event.dataTransfer.types].includes('Files');
  const over = step => event => {
    if (isOfFiles(event)) {
      event.preventDefault();
      depth = step ? depth + step : 0;
      show(depth > 0, 'dropping');
    }
  };
  document.addEventListener('dragenter', over(1));
  document.addEventListener('dragleave', over(-1));
  document.addEventListener('dragover', event => isOfFiles(event) && event.preventDefault());
  document.addEventListener('drop', event => {
    over(0)(event);
    onFiles([...event.dataTransfer.files]);
  });
}

/** Offer the samples of the server. onSample(Blob, name, url): one was chosen. */
export function offerSamples(number, onSample, onError) {
  if (!number) {
    return;
  }
  const element = dialog('samples-dialog');
  for (const id of ['try-list', 'samples-list']) {
    byId(id).replaceChildren(...Array.from({length: number}, (_, index) => {
      const [url, name] = [`page/samples/${index}`, `sample ${index + 1}`];
      const button = make('button', {type: 'button', className: 'tile', 'aria-label': name},
        make('img', {src: url, alt: '', loading: 'lazy', draggable: false}));
      button.addEventListener('click', async () => {
        element.close();
        try {
          onSample(await (await fetch(url)).blob(), `${name}.jpg`, url);
        } catch {
          onError('The sample cannot be loaded. Is the server running?');
        }
      });
      return make('li', {}, button);
    }));
  }
  byId('samples').addEventListener('click', () => element.showModal());
  show(true, 'samples', 'try');
}
