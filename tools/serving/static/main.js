// The page: puts the parts together. What is shown is one item, a picture that was given or the camera's last frame.

import {tell} from './about.js';
import {byId, count, dialog, show, toast, write} from './dom.js';
import {Choices, summary} from './found.js';
import {Gallery} from './gallery.js';
import * as inputs from './inputs.js';
import * as keys from './keys.js';
import {Live} from './live.js';
import * as masks from './mask.js';
import {Panel} from './panel.js';
import {decode} from './picture.js';
import * as save from './save.js';
import {fetchModel} from './server.js';
import {Strip} from './strip.js';
import {showTimes} from './times.js';
import {Viewer} from './viewer.js';

class Page {
  constructor(model) {
    this.model = model;
    this.choices = new Choices(model);
    this.item = null;
    this.viewer = new Viewer(this.choices, model.colors, {
      onPoint: detection => this.point(detection, true), onDraw: time => this.drawn(time)});
    this.panel = new Panel(this.choices, model.colors, {
      onChange: maskToo => this.changed(maskToo), onPoint: detection => this.point(detection, false),
      onPick: detection => this.viewer.zoomTo(detection)});
    this.strip = new Strip({onChoose: item => this.choose(item), onRemove: item => this.remove(item)});
    this.gallery = new Gallery(model, {
      onUpdate: item => this.updated(item), onRead: (item, bitmap) => this.read(item, bitmap)});
    this.live = new Live(model, {
      onTurn: isOn => this.cameraTurned(isOn), onFrame: (frame, bitmap) => this.showFrame(frame, bitmap),
      onKeep: frame => this.gallery.keep(frame)});
    this.listen();
    tell(model);
  }

  listen() {
    const on = (id, act) => byId(id).addEventListener('click', act);
    inputs.listen(files => this.add(files));
    inputs.offerSamples(this.model.samples, (blob, name, url) => this.choose(this.gallery.add(blob, name, url)), toast);
    on('clear', () => [...this.gallery.items].forEach(item => this.remove(item)));
    on('again', () => this.gallery.again(this.item));
    on('zoom-in', () => this.viewer.key('+'));
    on('zoom-out', () => this.viewer.key('-'));
    on('zoom-fit', () => this.viewer.key('0'));
    on('save-png', async () => save.download(await save.drawnPicture(this.viewer), `${save.stem(this.item.name)}-found.png`));
    on('save-mask', () => this.saveMask());
    on('save-json', () => this.saveJson());
    on('copy-curl', () => save.copy(save.curlCommand(this.item, this.model.predict)));
    const help = dialog('help-dialog');
    on('help', () => help.showModal());
    dialog('curl-dialog');
    const toggle = id => () => byId(id).click();
    keys.listen({
      o: toggle('choose'), c: toggle('camera'), b: toggle('boxes'), n: toggle('names'), m: toggle('mask'), '?': toggle('help'),
      ' ': () => this.live.pause(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
    }, name => this.viewer.key(name));
    document.addEventListener('visibilitychange', () => document.hidden || this.refresh());
  }

  // Pictures

  add(files) {
    const items = files.map(file => this.gallery.add(file, file.name || 'pasted.png'));
    if (items.length) {
      this.choose(items[0]);
    }
  }

  /** Show a picture. */
  async choose(item) {
    this.live.stop();
    this.item = item;
    this.strip.mark(item);
    this.viewer.setPicture(null);
    this.showState();
    const {blob} = item;
    const bitmap = blob && await decode(blob).catch(() => null);
    if (bitmap && this.item === item) {
      this.viewer.setPicture(bitmap);
      await this.showFound();
    }
  }

  /** A picture was read. Returns whether its bitmap is kept. */
  read(item, bitmap) {
    if (this.item !== item) {
      return false;
    }
    this.viewer.setPicture(bitmap);
    return true;
  }

  /** An item changed. */
  updated(item) {
    if (!this.gallery.items.includes(item)) {
      return;
    }
    if (!this.strip.entries.has(item)) {
      this.strip.add(item);
    }
    this.strip.update(item, this.numShown(item));
    if (this.item === item) {
      this.showState();
      if (item.state === 'done') {
        this.showFound();
        write('said', this.told(item));
      }
    }
  }

  remove(item) {
    const {items} = this.gallery;
    const index = items.indexOf(item);
    this.gallery.remove(item);
    this.strip.remove(item);
    if (this.item === item) {
      const next = items[index + 1] || items[index - 1];
      if (next) {
        this.choose(next);
      } else {
        this.item = null;
        this.viewer.setPicture(null);
        this.showState();
        this.label();
      }
    }
  }

  /** Show the picture so many places further. Returns whether there is one. */
  step(places) {
    const {items} = this.gallery;
    const next = items[items.indexOf(this.item) + places];
    if (next && this.item) {
      this.choose(next);
    }
    return Boolean(next && this.item);
  }

  /** The detections of an item that are shown. */
  shown(item) {
    return item.found.filter(one => this.choices.isFound(one) && this.choices.isOn(one.number));
  }

  /** How many they are; null for a model that finds none. */
  numShown(item) {
    return this.model.has_boxes ? this.shown(item).length : null;
  }

  /** What is in a picture, in words. */
  told(item) {
    return `${item.name}: ${this.model.has_boxes ? summary(this.shown(item)) || 'no object above the lowest score' : 'its mask is there'}`;
  }

  // What is shown

  /** Show how far the item is. */
  showState() {
    const {item} = this;
    const state = item?.state ?? (this.live.isOn ? 'working' : 'none');
    byId('main').classList.toggle('empty', !item && !this.live.isOn);
    byId('main').classList.toggle('done', state === 'done');
    show(['waiting', 'working', 'busy'].includes(state), 'working');
    show(state === 'failed', 'problem');
    write('problem-title', item ? `${item.name} could not be looked at` : '');
    write('problem-text', state === 'failed' ? item.error : '');
    const size = item?.width && `${item.width} × ${item.height}`;
    const shrunk = item?.original ? `, of ${item.original.join(' × ')}` : '';
    write('caption', state === 'busy' ? item.error : [item?.name, size && size + shrunk].filter(Boolean).join(' · '));
    show(Boolean(item) && !this.live.isOn, 'caption');
  }

  /** Show what was found in the item, once its answer and its pixels are there. */
  async showFound() {
    const {item, viewer} = this;
    if (item?.state !== 'done' || !viewer.bitmap) {
      return;
    }
    const began = performance.now();
    const png = item.prediction.segmentation_png_bytes?.b64;
    const mask = png ? await masks.decode(png) : null;
    if (this.item !== item) {
      return;
    }
    this.decoding = performance.now() - began;
    this.panel.setSize(item.width, item.height);
    this.panel.setFound(item.found, mask, item.names);
    viewer.setFound(item.found, mask);
    this.label();
  }

  drawn(time) {
    showTimes({...this.item.times, draw: this.decoding + time});
  }

  /** Say on the canvas what is on it. */
  label() {
    byId('canvas').setAttribute('aria-label', this.item ? this.told(this.item) : 'No picture yet');
  }

  changed(maskToo) {
    this.viewer.update(maskToo);
    this.gallery.items.forEach(item => this.strip.update(item, this.numShown(item)));
    this.label();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => write('said', count(this.viewer.shown.length, 'object')), 700);
  }

  point(detection, isScrolled) {
    this.viewer.choose(detection);
    this.panel.mark(detection, isScrolled);
    byId('stage').classList.toggle('pointing', Boolean(detection));
  }

  // The camera

  /** The camera went on or off. */
  async cameraTurned(isOn) {
    this.item = null;
    this.strip.mark(null);
    this.viewer.setPicture(null);
    const {items} = this.gallery;
    if (!isOn && items.length) {
      await this.choose(items[items.length - 1]);
    }
    this.showState();
  }

  /** Show a frame with what was found in it. */
  async showFrame(frame, bitmap) {
    this.item = frame;
    this.viewer.setPicture(bitmap, true);
    await this.showFound();
    this.showState();
  }

  // Files

  saveMask() {
    save.download(masks.file(this.item.prediction.segmentation_png_bytes.b64), `${save.stem(this.item.name)}-mask.png`);
  }

  saveJson() {
    const text = JSON.stringify(save.described(this.item, this.viewer, this.model), null, 2);
    save.download(new Blob([text], {type: 'application/json'}), `${save.stem(this.item.name)}.json`);
  }

  /** Ask again what the model is: another version may be served by now. */
  async refresh() {
    const fresh = await fetchModel().catch(() => null);
    if (fresh && fresh.version !== this.model.version) {
      Object.assign(this.model, fresh);
      tell(this.model);
      toast(`Version ${fresh.version} of the model is served now.`);
    }
  }
}

try {
  const model = await fetchModel();
  if (!model.takes_pictures) {
    throw new Error(`The model ${model.name} takes no pictures. This page is for models that --mode=export wrote.`);
  }
  new Page(model);
  document.body.dataset.ready = 'yes';
} catch (error) {
  show(true, 'problem');
  show(false, 'welcome', 'again');
  write('problem-title', 'This page cannot start');
  write('problem-text', error.message);
}
