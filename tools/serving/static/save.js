// What was found, for elsewhere: as a picture, a mask, JSON, or a command.

import {byId, make, toast} from './dom.js';
import {drawDetections} from './draw.js';
import {className} from './found.js';

const SIDE = 640; // to which the longer side of a small picture is enlarged, so that names can be read

/** The picture as it is shown, whole: a PNG Blob. */
export function drawnPicture(viewer) {
  const {bitmap, layer, choices, colors, shown} = viewer;
  const factor = Math.max(1, Math.ceil(SIDE / Math.max(bitmap.width, bitmap.height)));
  const [width, height] = [bitmap.width * factor, bitmap.height * factor];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  if (layer) {
    context.drawImage(layer, 0, 0, width, height);
  }
  if (choices.boxes) {
    const font = Math.max(13, Math.sqrt(width * height) / 40);
    const place = ([ymin, xmin, ymax, xmax]) => [xmin * width, ymin * height, xmax * width, ymax * height];
    drawDetections(context, shown, {colors, place, size: {line: Math.max(2, font / 5), font}, area: [width, height], names: choices.names});
  }
  return canvas.convertToBlob({type: 'image/png'});
}

/** What is shown of a picture, as an object for JSON. */
export function described(item, viewer, model) {
  const {choices, shown, mask} = viewer;
  const names = item.names;
  return {
    picture: item.name, width: item.width, height: item.height, model: model.name, version: model.version,
    min_score: choices.own ? Object.fromEntries(model.classes.map(one => [one.name, one.min_score])) : choices.minScore,
    box: '[ymin, xmin, ymax, xmax], fractions of the picture',
    detections: shown.map(({number, name, score, box}) => ({class: number, name, score, box})),
    ...(mask && {segmentation: Object.fromEntries([...mask.shares].map(([number, share]) => [className(names, number), Number(share.toFixed(5))]))}),
  };
}

/** A shell's command that asks the server about a picture. Only curl and base64 are needed. */
export function curlCommand(item, path) {
  const url = new URL(path, document.baseURI).href;
  const source = item.url ? `curl -s ${quoted(new URL(item.url, document.baseURI).href)} | base64` : `base64 < ${quoted(item.name)}`;
  return `(printf '{"instances": [{"b64": "'; ${source} | tr -d '\\n'; printf '"}]}') | curl -s -d @- ${quoted(url)}`;
}

const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;

/** Let the browser save a Blob under a name. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  make('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** The name of a file without its ending. */
export const stem = name => name.replace(/\.\w+$/, '') || 'picture';

/** Copy a text; where the browser does not let the page, show it for the user to copy. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied. Run it in the folder of the picture.');
  } catch {
    byId('curl-text').value = text;
    byId('curl-dialog').showModal();
    byId('curl-text').select();
  }
}
