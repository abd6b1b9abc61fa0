// The camera's controls, and its frames with what was found in them.

import {Camera} from './camera.js';
import {byId, show, toast, write} from './dom.js';
import {answered} from './gallery.js';
import {predict} from './server.js';

/** onTurn(whether it is on): the user, or an error, turned it. onFrame(item, bitmap): see gallery.js. onKeep(item): a frame is to be kept. */
export class Live {
  constructor(model, handlers) {
    Object.assign(this, {model, ...handlers});
    this.frame = null;
    this.kept = 0;
    this.camera = new Camera({
      ask: (blob, bitmap) => this.ask(blob, bitmap), onRate: rate => write('rate', `${rate.toFixed(1)} frames per second`),
      onError: error => this.failed(error)});
    for (const id of ['camera', 'camera-first', 'stop']) {
      byId(id).addEventListener('click', () => this.toggle());
    }
    byId('pause').addEventListener('click', () => this.pause());
    byId('keep').addEventListener('click', () => this.keep());
    window.addEventListener('pagehide', () => this.stop());
  }

  get isOn() {
    return this.camera.isOn;
  }

  async toggle() {
    if (this.isOn) {
      this.stop();
    } else {
      try {
        await this.camera.start();
      } catch (error) {
        toast(error.message);
        return;
      }
      this.frame = null;
      write('rate', 'starting');
      this.showControls();
    }
    this.onTurn(this.isOn);
  }

  /** Turn the camera off, where something else is to be shown. */
  stop() {
    this.camera.stop();
    this.showControls();
  }

  /** Pause, or go on. Returns whether the camera is on. */
  pause() {
    if (this.isOn) {
      this.camera.isPaused = !this.camera.isPaused;
      this.showControls();
    }
    return this.isOn;
  }

  failed(error) {
    this.showControls();
    this.onTurn(false);
    toast(error.message);
  }

  showControls() {
    const {isOn, isPaused} = this.camera;
    byId('camera').setAttribute('aria-pressed', isOn);
    byId('pause').setAttribute('aria-pressed', isPaused);
    write('pause', isPaused ? 'Go on' : 'Pause');
    byId('live').classList.toggle('paused', isPaused);
    show(isOn, 'live');
  }

  async ask(blob, bitmap) {
    const onBusy = () => write('rate', 'the server is busy');
    const {prediction, times} = await predict(this.model.predict, blob, {onBusy});
    if (!this.isOn || this.camera.isPaused) {
      bitmap.close();
      return;
    }
    const {width, height} = bitmap;
    this.frame = {name: 'camera.jpg', url: '', blob, width, height, state: 'done', prediction, times, ...answered(prediction)};
    await this.onFrame(this.frame, bitmap);
  }

  async keep() {
    if (this.frame) {
      this.kept++;
      await this.onKeep({...this.frame, name: `camera ${this.kept}.jpg`});
      toast('Kept, among the pictures below.');
    }
  }
}
