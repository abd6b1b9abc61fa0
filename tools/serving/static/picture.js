// A file as a picture that can be sent: upright, JPEG or PNG, and no larger than the server takes.

import {orientation} from './exif.js';

const SIDE = 1600; // pixels of the longer side; a larger picture is shrunk, as networks see far fewer
const MAX_BYTES = 8 << 20; // of a file that is sent as it is
const QUALITY = .92;

/** A file that is no picture, or none that can be sent, in words. */
export class PictureError extends Error {}

/**
 * A picture of a Blob: {blob, bitmap, width, height, original}.
 *
 * blob: what is sent. original: [width, height] of the file where it was shrunk, else null.
 * limits: {max_pixels, max_body} of the server.
 */
export async function read(file, limits) {
  const bitmap = await decode(file);
  const {width, height} = bitmap;
  const most = Math.min(MAX_BYTES, limits.max_body * .7); // base64 takes a third more
  const fits = Math.max(width, height) <= SIDE && width * height <= limits.max_pixels && file.size <= most;
  if (fits && await isPlain(file)) {
    return {blob: file, bitmap, width, height, original: null};
  }
  const factor = Math.min(1, SIDE / Math.max(width, height), Math.sqrt(limits.max_pixels / (width * height)));
  const [wide, high] = [width, height].map(side => Math.max(1, Math.floor(side * factor)));
  const canvas = new OffscreenCanvas(wide, high);
  const context = canvas.getContext('2d');
  context.fillStyle = 'white'; // behind what is transparent
  context.fillRect(0, 0, wide, high);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, wide, high);
  bitmap.close();
  const blob = await canvas.convertToBlob({type: 'image/jpeg', quality: QUALITY});
  return {blob, bitmap: canvas.transferToImageBitmap(), width: wide, height: high, original: factor < 1 ? [width, height] : null};
}

/** The pixels of a Blob, upright. */
export async function decode(blob) {
  try {
    return await createImageBitmap(blob, {imageOrientation: 'from-image'});
  } catch {
    throw new PictureError('This is no picture that the browser can read.');
  }
}

/** Whether a file is a JPEG or PNG file that needs no turning: the server does not look at EXIF. */
async function isPlain(file) {
  const head = new Uint8Array(await file.slice(0, 1 << 17).arrayBuffer());
  const isPng = head[0] === 0x89 && head[1] === 0x50 && head[2] === 0x4e && head[3] === 0x47;
  const isJpeg = head[0] === 0xff && head[1] === 0xd8;
  return isPng || isJpeg && orientation(head) === 1;
}

/** The URL of a small copy of a bitmap, for the strip. Whoever asks for it revokes it. */
export async function thumbnail(bitmap, side = 144) {
  const factor = side / Math.min(bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  const [width, height] = [bitmap.width * factor, bitmap.height * factor];
  context.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height);
  return URL.createObjectURL(await canvas.convertToBlob({type: 'image/jpeg', quality: .8}));
}
