// The EXIF orientation of a JPEG file.

const [EXIF_MARKER, SCAN_MARKER, TAG] = [0xe1, 0xda, 0x0112];

/** 1 (upright) to 8, of the first bytes of a JPEG file. 1 where it says nothing. */
export function orientation(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    for (let at = 2; view.getUint8(at) === 0xff && view.getUint8(at + 1) !== SCAN_MARKER; at += 2 + view.getUint16(at + 2)) {
      const isExif = view.getUint8(at + 1) === EXIF_MARKER && view.getUint32(at + 4) === 0x45786966; // 'Exif'
      if (isExif) {
        return ofTiff(view, at + 10);
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) { // which is a file that ends early
      throw error;
    }
  }
  return 1;
}

function ofTiff(view, start) {
  const little = view.getUint16(start) === 0x4949; // 'II'
  const directory = start + view.getUint32(start + 4, little);
  for (let entry = directory + 2, left = view.getUint16(directory, little); left > 0; entry += 12, left--) {
    if (view.getUint16(entry, little) === TAG) {
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}
