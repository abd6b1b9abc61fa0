// The stage: a picture with its mask and boxes, which can be zoomed, moved and pointed at.

import {byId, write} from './dom.js';
import {drawDetections} from './draw.js';
import * as masks from './mask.js';
import {listenToPointers} from './pointer.js';

const MAX_SCALE = 40; // screen pixels of a pixel
const MAX_FIT = 8; // by how much a small picture is enlarged to fit
const STEP = 1.25; // of a zoom by button or key
const MARGIN = 14; // pixels around a picture that fits in
const PAN = 60; // pixels of a move by key
const NARROW = 600; // pixels of a stage without margins
const LINE = 2.5;
const FONT = 13;
const CRISP = 6; // screen pixels of a pixel, from which each is seen as a square

/** onPoint(detection or null): the pointer is over its box. onDraw(milliseconds): the picture was drawn. */
export class Viewer {
  constructor(choices, colors, {onPoint, onDraw}) {
    this.stage = byId('stage');
    this.canvas = byId('canvas');
    this.context = this.canvas.getContext('2d');
    Object.assign(this, {choices, colors, onPoint, onDraw});
    this.bitmap = this.mask = this.layer = this.chosen = null;
    this.detections = [];
    this.view = {scale: 1, left: 0, top: 0, isFit: true};
    this.frame = 0;
    new ResizeObserver(() => this.resize()).observe(this.stage);
    listenToPointers(this);
  }

  /** Show a picture, or none. keepView: whether it takes the place of one of the same size, as the camera's do. */
  setPicture(bitmap, keepView = false) {
    const isSame = keepView && bitmap && this.bitmap?.width === bitmap.width && this.bitmap?.height === bitmap.height;
    this.bitmap?.close();
    this.bitmap = bitmap;
    this.mask = this.layer = this.chosen = null;
    this.detections = [];
    if (bitmap) {
      this.stage.style.setProperty('--aspect', Math.max(bitmap.width / bitmap.height, .8)); // for narrow screens
    }
    if (!isSame) {
      this.fit();
    }
    this.redraw();
  }

  /** What was found in the picture. */
  setFound(detections, mask) {
    const began = performance.now();
    Object.assign(this, {detections, mask});
    this.paintMask();
    this.draw();
    this.onDraw(performance.now() - began);
  }

  /** The choices of classes, opacity or scores have changed. maskToo: those that the mask depends on. */
  update(maskToo) {
    if (maskToo) {
      this.paintMask();
    }
    if (this.chosen && !this.shown.includes(this.chosen)) {
      this.chosen = null;
    }
    this.redraw();
  }

  /** The detections that are drawn. */
  get shown() {
    return this.detections.filter(one => this.choices.isFound(one) && this.choices.isOn(one.number));
  }

  /** Point at a detection, or at none. */
  choose(detection) {
    if (this.chosen !== detection) {
      this.chosen = detection;
      this.redraw();
    }
  }

  paintMask() {
    const {choices, mask} = this;
    const isSeen = mask && choices.mask && choices.opacity > 0;
    this.layer = isSeen ? masks.paint(mask, this.colors.map(([color]) => color), number => choices.isOn(number), choices.opacity) : null;
  }

  // Drawing

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.stage.clientWidth * ratio);
    this.canvas.height = Math.round(this.stage.clientHeight * ratio);
    if (this.view.isFit) {
      this.fit();
    }
    this.draw();
  }

  redraw() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const {context, bitmap, view} = this;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.stage.clientWidth, this.stage.clientHeight);
    if (!bitmap) {
      return;
    }
    const target = [view.left, view.top, bitmap.width * view.scale, bitmap.height * view.scale];
    context.imageSmoothingEnabled = view.isFit || view.scale < CRISP;
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, ...target);
    if (this.layer) {
      context.drawImage(this.layer, ...target);
    }
    if (this.choices.boxes) {
      drawDetections(context, this.shown, {
        colors: this.colors, place: box => this.place(box), size: {line: LINE, font: FONT}, chosen: this.chosen, names: this.choices.names,
        area: [this.stage.clientWidth, this.stage.clientHeight],
      });
    }
  }

  /** [left, top, right, bottom] of a box on the stage. */
  place([ymin, xmin, ymax, xmax]) {
    const {view: {left, top, scale}, bitmap: {width, height}} = this;
    return [left + xmin * width * scale, top + ymin * height * scale, left + xmax * width * scale, top + ymax * height * scale];
  }

  // The view

  get fitScale() {
    const {bitmap, stage} = this;
    const margin = stage.clientWidth > NARROW ? 2 * MARGIN : 0;
    return bitmap ? Math.min((stage.clientWidth - margin) / bitmap.width, (stage.clientHeight - margin) / bitmap.height, MAX_FIT) : 1;
  }

  /** Show the whole picture. */
  fit() {
    this.setView(this.fitScale, 0, 0);
  }

  /** Zoom by a factor around a point of the stage, by default its middle. */
  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const {scale, left, top} = this.view;
    const wanted = Math.min(scale * factor, MAX_SCALE);
    this.setView(wanted, x - (x - left) * wanted / scale, y - (y - top) * wanted / scale);
  }

  move(x, y) {
    this.setView(this.view.scale, this.view.left + x, this.view.top + y);
  }

  /** Bring a detection into view. */
  zoomTo({box: [ymin, xmin, ymax, xmax]}) {
    const {bitmap: {width, height}, stage: {clientWidth, clientHeight}} = this;
    const wanted = .6 * Math.min(clientWidth / ((xmax - xmin) * width || 1), clientHeight / ((ymax - ymin) * height || 1));
    const scale = Math.min(Math.max(wanted, this.fitScale), MAX_SCALE);
    this.setView(scale, clientWidth / 2 - (xmin + xmax) / 2 * width * scale, clientHeight / 2 - (ymin + ymax) / 2 * height * scale);
  }

  setView(scale, left, top) {
    const {bitmap, stage, fitScale} = this;
    const isFit = scale <= fitScale * 1.001;
    const kept = isFit ? fitScale : scale;
    const [width, height] = bitmap ? [bitmap.width * kept, bitmap.height * kept] : [0, 0];
    this.view = {scale: kept, left: bounded(left, width, stage.clientWidth), top: bounded(top, height, stage.clientHeight), isFit};
    stage.classList.toggle('zoomed', !isFit);
    write('zoom-level', `${Math.round(100 * kept)} %`);
    this.redraw();
  }

  /** The smallest shown box at a point of the stage, or null. */
  under(x, y) {
    const inside = this.bitmap && this.choices.boxes ? this.shown.filter(one => {
      const [left, top, right, bottom] = this.place(one.box);
      return x >= left && x <= right && y >= top && y <= bottom;
    }) : [];
    const area = ({box: [ymin, xmin, ymax, xmax]}) => (ymax - ymin) * (xmax - xmin);
    return inside.reduce((least, one) => !least || area(one) < area(least) ? one : least, null);
  }

  /** Whether a key of the stage was used. */
  key(name) {
    const moves = {ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN]};
    if (name === '+' || name === '=') {
      this.zoom(STEP);
    } else if (name === '-') {
      this.zoom(1 / STEP);
    } else if (name === '0') {
      this.fit();
    } else if (moves[name] && !this.view.isFit && document.activeElement === this.stage) {
      this.move(...moves[name]);
    } else {
      return false;
    }
    return true;
  }
}

/** The place of a picture's edge: in the middle where it is smaller than the stage, else so that it covers the stage. */
function bounded(edge, size, space) {
  return size <= space ? (space - size) / 2 : Math.min(0, Math.max(edge, space - size));
}
