// The pictures that were given, and their way to the server: a few at a time, the others wait.

import {detections} from './found.js';
import * as pictures from './picture.js';
import {predict} from './server.js';

const PARALLEL = 4; // requests: the server makes one batch of them
const FACTS = {bitmap: null, width: 0, height: 0, original: null, thumbnail: '', prediction: null, found: [], names: [], times: null, error: ''};

/**
 * An item is {name, url, file, blob, width, height, original, thumbnail, state, prediction, found, names, times, error}.
 *
 * url: where a sample is; '' for the user's own. state: waiting, working, busy, done or failed. found, names: see found.js.
 * onUpdate(item): one of these changed. onRead(item, bitmap): its pixels are there; whoever keeps the bitmap returns true.
 */
export class Gallery {
  constructor(model, handlers) {
    Object.assign(this, {model, ...handlers});
    this.items = [];
    this.running = 0;
  }

  add(file, name, url = '') {
    const item = {...FACTS, name, url, file, state: 'waiting', abort: new AbortController()};
    this.items.push(item);
    this.onUpdate(item);
    this.next();
    return item;
  }

  /** Add a picture whose answer is known already: a frame of the camera. */
  async keep({blob, name, prediction, times}) {
    const item = {...FACTS, name, url: '', file: blob, state: 'waiting', abort: new AbortController()};
    await this.read(item);
    this.items.push(item);
    this.finish(item, {prediction, times});
  }

  again(item) {
    Object.assign(item, {state: 'waiting', error: ''});
    this.onUpdate(item);
    this.next();
  }

  remove(item) {
    item.abort.abort();
    this.items = this.items.filter(one => one !== item);
    URL.revokeObjectURL(item.thumbnail);
  }

  next() {
    for (const item of this.items.filter(one => one.state === 'waiting').slice(0, PARALLEL - this.running)) {
      this.running++;
      item.state = 'working';
      this.work(item).finally(() => {
        this.running--;
        this.next();
      });
    }
  }

  async work(item) {
    try {
      await this.read(item);
      const onBusy = (seconds, number) => {
        Object.assign(item, {state: 'busy', error: `The server is busy. It is asked again in ${seconds} s (try ${number}).`});
        this.onUpdate(item);
      };
      this.finish(item, await predict(this.model.predict, item.blob, {signal: item.abort.signal, onBusy}));
    } catch (error) {
      if (error.name !== 'AbortError') {
        Object.assign(item, {state: 'failed', error: error.message});
        this.onUpdate(item);
      }
    }
  }

  async read(item) {
    const {bitmap, ...facts} = await pictures.read(item.file, this.model);
    const thumbnail = item.thumbnail || await pictures.thumbnail(bitmap);
    Object.assign(item, facts, {thumbnail});
    this.onUpdate(item);
    if (!this.onRead(item, bitmap)) {
      bitmap.close();
    }
  }

  finish(item, {prediction, times}) {
    Object.assign(item, {state: 'done', error: '', prediction, times, ...answered(prediction)});
    this.onUpdate(item);
  }
}

/** {found, names} of a prediction. */
export const answered = prediction => ({found: detections(prediction), names: prediction.class_names ?? []});
