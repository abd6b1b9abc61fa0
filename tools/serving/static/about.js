// What the model is.

import {byId, make, write} from './dom.js';

const LISTED = 100; // classes

/** Fill the line under the title, and the panel of the model. */
export function tell(model) {
  const {name, version, preset, step, side, classes, colors} = model;
  write('model-line', `${name}, version ${version}`);
  document.title = `${name} · BlitzNet`;
  const facts = [
    ['Preset', preset], ['Trained steps', step?.toLocaleString('en')], ['Input', side && `${side} × ${side} pixels`], ['Classes', classes.length || ''],
    ['Finds', [model.has_boxes && 'boxes', model.has_masks && 'a mask'].filter(Boolean).join(' and ')],
  ];
  byId('facts').replaceChildren(...facts.filter(([, value]) => value || value === 0).flatMap(([key, value]) => [
    make('dt', {}, key), make('dd', {}, String(value))]));
  byId('legend').replaceChildren(...classes.slice(0, LISTED).map((one, index) => {
    const swatch = make('span', {className: 'swatch', 'aria-hidden': 'true'});
    swatch.style.background = colors[index + 1][0];
    return make('li', {}, swatch, one.name);
  }));
}
