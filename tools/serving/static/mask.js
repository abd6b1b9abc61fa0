// The mask of a picture: a PNG whose pixels hold the numbers of classes.

const IGNORED = 255; // no class
const EDGE_SIDE = 640; // of a picture whose edges are one pixel wide

/** {width, height, labels, edges, shares} of a mask's PNG in base64. shares: Map of class -> fraction of the pixels. */
export async function decode(base64) {
  const exact = {colorSpaceConversion: 'none', premultiplyAlpha: 'none'}; // the numbers are no colours
  const bitmap = await createImageBitmap(file(base64), exact);
  const {width, height} = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height).data;
  const labels = new Uint8Array(width * height);
  for (let index = 0; index < labels.length; index++) {
    labels[index] = pixels[4 * index];
  }
  return {width, height, labels, edges: edges(labels, width, height), shares: shares(labels)};
}

/** A mask's PNG file, a Blob. */
export const file = base64 => new Blob([Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))], {type: 'image/png'});

/** Which pixels are at the border of their class, so that neighbours of like colours are told apart. */
function edges(labels, width, height) {
  const found = new Uint8Array(labels.length);
  const step = Math.max(1, Math.round(Math.max(width, height) / EDGE_SIDE));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const index = y * width + x;
      const label = labels[index];
      found[index] = (x + step < width && labels[index + step] !== label) || (x >= step && labels[index - step] !== label)
        || (y + step < height && labels[index + step * width] !== label) || (y >= step && labels[index - step * width] !== label);
    }
  }
  return found;
}

function shares(labels) {
  const counts = new Uint32Array(256);
  for (const label of labels) {
    counts[label]++;
  }
  const found = new Map();
  counts.forEach((pixels, number) => pixels && number && number !== IGNORED && found.set(number, pixels / labels.length));
  return found;
}

/** A canvas of a mask. colors: ['#rrggbb', ...] by class. isShown: class -> whether it is. opacity: 0 to 1; edges have twice as much. */
export function paint(mask, colors, isShown, opacity) {
  const table = [0, 1].map(edge => colorTable(colors, isShown, Math.min(1, opacity * (1 + edge))));
  const image = new ImageData(mask.width, mask.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let index = 0; index < pixels.length; index++) {
    pixels[index] = table[mask.edges[index]][mask.labels[index]];
  }
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

/** The colour of each class as the four bytes of a pixel. */
function colorTable(colors, isShown, opacity) {
  const bytes = new Uint8Array(4 * 256);
  for (let number = 1; number < IGNORED; number++) {
    if (isShown(number)) {
      const color = Number.parseInt(colors[number].slice(1), 16);
      bytes.set([color >> 16, color >> 8 & 255, color & 255, Math.round(255 * opacity)], 4 * number);
    }
  }
  return new Uint32Array(bytes.buffer);
}
