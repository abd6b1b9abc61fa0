// The side of the page: what is shown, the classes, and the table of objects.

import {byId, count, make, show, write} from './dom.js';
import {classesIn, percent} from './found.js';

/** onChange(maskToo): a choice changed. onPoint(detection or null): a row is pointed at. onPick(detection): a row was chosen. */
export class Panel {
  constructor(choices, colors, handlers) {
    Object.assign(this, {choices, colors, ...handlers});
    this.found = [];
    this.mask = null;
    this.names = [];
    this.rows = new Map(); // of detections
    this.listen();
    this.showChoices();
    show(choices.hasOwn, 'own-row');
    show(choices.model.has_boxes, 'objects', 'boxes-row', 'names-row');
    show(choices.model.has_masks, 'opacity-row', 'mask-row', 'save-mask');
  }

  /** What was found in the picture that is shown. names: of all classes, with the background. */
  setFound(found, mask, names) {
    Object.assign(this, {found, mask, names});
    this.fill();
  }

  listen() {
    const {choices} = this;
    byId('score').addEventListener('input', event => {
      choices.minScore = Number(event.target.value);
      choices.own = false;
      this.changed();
    });
    byId('opacity').addEventListener('input', event => {
      choices.opacity = Number(event.target.value) / 100;
      this.changed(true);
    });
    for (const name of ['own', 'boxes', 'names', 'mask']) {
      byId(name).addEventListener('change', event => {
        choices[name] = event.target.checked;
        this.changed(name === 'mask');
      });
    }
    byId('all').addEventListener('click', () => {
      const present = this.classes();
      const isAnyOn = present.some(one => choices.isOn(one.number));
      choices.hidden = new Set(isAnyOn ? present.map(one => one.number) : []);
      this.changed(true);
    });
    byId('chips').addEventListener('click', event => this.clickChip(event));
    const detection = event => this.rows.get(event.target.closest('tr')) || null;
    const rows = byId('rows');
    rows.addEventListener('pointerover', event => this.onPoint(detection(event)));
    rows.addEventListener('pointerleave', () => this.onPoint(null));
    rows.addEventListener('focusin', event => this.onPoint(detection(event)));
    rows.addEventListener('focusout', () => this.onPoint(null));
    rows.addEventListener('click', event => detection(event) && this.onPick(detection(event)));
    rows.addEventListener('keydown', event => this.moveInRows(event));
  }

  clickChip(event) {
    const chip = event.target.closest('button');
    if (!chip) {
      return;
    }
    const {choices} = this;
    const number = Number(chip.dataset.number);
    const others = this.classes().map(one => one.number).filter(one => one !== number);
    if (event.shiftKey) { // it alone, or all again where it is alone already
      const isAlone = choices.isOn(number) && others.every(one => !choices.isOn(one));
      choices.hidden = new Set(isAlone ? [] : others);
    } else {
      choices.toggle(number);
    }
    this.changed(true);
    byId('chips').querySelector(`[data-number="${number}"]`)?.focus();
  }

  moveInRows(event) {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) {
      const buttons = [...byId('rows').querySelectorAll('button')];
      buttons[buttons.indexOf(event.target) + step]?.focus();
      event.preventDefault();
      event.stopPropagation();
    }
  }

  changed(maskToo = false) {
    this.showChoices();
    this.fill();
    this.onChange(maskToo);
  }

  showChoices() {
    const {choices} = this;
    byId('score').value = choices.minScore;
    byId('score').setAttribute('aria-valuetext', choices.own ? "the model's own for each class" : choices.minScore.toFixed(2));
    write('score-value', choices.own ? 'by class' : choices.minScore.toFixed(2));
    byId('score').classList.toggle('unused', choices.own);
    byId('opacity').value = Math.round(100 * choices.opacity);
    write('opacity-value', percent(choices.opacity));
    for (const name of ['own', 'boxes', 'names', 'mask']) {
      byId(name).checked = choices[name];
    }
    byId('opacity').disabled = !choices.mask;
    byId('names').disabled = !choices.boxes;
  }

  classes() {
    return classesIn(this.found, this.mask, this.names, this.choices);
  }

  fill() {
    this.fillChips(this.classes());
    if (this.choices.model.has_boxes) {
      this.fillRows();
    }
  }

  fillChips(classes) {
    const {choices, colors} = this;
    byId('chips').replaceChildren(...classes.map(({number, name, count: boxes, share}) => {
      const swatch = make('span', {className: 'swatch', 'aria-hidden': 'true'});
      swatch.style.background = colors[number][0];
      const told = [boxes && count(boxes, 'object'), share && `${percent(share)} of the picture`].filter(Boolean);
      return make('button', {
        type: 'button', className: 'chip', 'data-number': number, 'aria-pressed': choices.isOn(number),
        'aria-label': [name, ...told].join(', '), title: `Lowest score: ${choices.lowest(number).toFixed(2)}. Shift and click: this class alone.`,
      }, swatch, make('span', {className: 'name'}, name), ...(boxes ? [make('b', {}, String(boxes))] : []),
      ...(share ? [make('small', {}, percent(share))] : []));
    }));
    show(!classes.length, 'no-chips');
    byId('all').disabled = !classes.length;
    write('all', classes.length && classes.every(one => !choices.isOn(one.number)) ? 'Show all' : 'Hide all');
  }

  fillRows() {
    const {choices, colors} = this;
    const shown = this.found.filter(one => choices.isFound(one) && choices.isOn(one.number));
    this.rows = new Map();
    for (const one of shown) {
      const swatch = make('span', {className: 'swatch', 'aria-hidden': 'true'});
      swatch.style.background = colors[one.number][0];
      const bar = make('span', {className: 'score-bar', 'aria-hidden': 'true'}, make('i'));
      bar.firstChild.style.width = `${100 * one.score}%`;
      const [height, width] = [one.box[2] - one.box[0], one.box[3] - one.box[1]];
      const row = make('tr', {},
        make('td', {}, make('button', {type: 'button', className: 'row-name', title: 'Zoom to it'}, swatch, one.name)),
        make('td', {className: 'score'}, bar, one.score.toFixed(2)),
        make('td', {className: 'number'}, `${Math.round(width * this.size[0])} × ${Math.round(height * this.size[1])}`));
      this.rows.set(row, one);
    }
    byId('rows').replaceChildren(...this.rows.keys());
    show(shown.length > 0, 'rows-scroll');
    show(!shown.length, 'no-rows');
    const hidden = this.found.filter(one => choices.isFound(one)).length - shown.length;
    write('objects-count', `${shown.length}${hidden ? `, ${hidden} hidden` : ''}`);
  }

  /** The width and height of the picture that is shown, for the sizes of objects. */
  setSize(width, height) {
    this.size = [width, height];
  }

  /** Mark the row of a detection, or none, and bring it into view within the table. */
  mark(detection, isScrolled) {
    for (const [row, one] of this.rows) {
      row.classList.toggle('chosen', one === detection);
      if (one === detection && isScrolled) {
        const area = byId('rows-scroll');
        const [top, bottom] = [row.offsetTop - row.offsetHeight, row.offsetTop + row.offsetHeight];
        area.scrollTop = Math.min(Math.max(area.scrollTop, bottom - area.clientHeight), top);
      }
    }
  }
}
