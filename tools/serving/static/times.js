// How long each part of an answer took.

import {byId, make, write} from './dom.js';

const PARTS = [
  ['encode', 'Encode', 'the picture as text, in the browser'], ['upload', 'Upload', 'to the server, and until it begins'],
  ['queue', 'Queue', 'waiting for the model'], ['model', 'Model', 'the network, and what is around it'],
  ['server', 'Server', 'reading the request and writing the answer'], ['download', 'Download', 'of the answer'],
  ['draw', 'Draw', 'the mask and the boxes, in the browser'],
];

/** Show the times of a picture: {part: milliseconds}. */
export function showTimes(times) {
  const told = PARTS.filter(([key]) => times[key] !== undefined);
  const total = told.reduce((sum, [key]) => sum + times[key], 0);
  write('time-total', `${milliseconds(total)} in all`);
  byId('time-bar').replaceChildren(...told.map(([key]) => {
    const part = make('i', {className: `time-${key}`});
    part.style.flexGrow = times[key] / Math.max(total, .001);
    return part;
  }));
  byId('times').replaceChildren(...told.flatMap(([key, name, title]) => [
    make('dt', {title}, make('span', {className: `swatch time-${key}`, 'aria-hidden': 'true'}), name), make('dd', {}, milliseconds(times[key]))]));
}

function milliseconds(value) {
  return value >= 10000 ? `${(value / 1000).toFixed(1)} s` : value >= 10 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}
