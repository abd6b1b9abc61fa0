"""Small trees of real formats that the tests draw: VOC directories, and pictures and masks of unusual kinds."""
import base64
import os
import struct
import zlib

import cv2
import numpy as np

from blitznet_estimator.config import DataConfig
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset

CLASSES = ('cat', 'dog', 'horse')

# A 6 x 4 CMYK JPEG of one colour, RGB (200, 40, 90) before coding.
CMYK_JPEG = base64.b64decode(
    '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgA'
    'BAAGBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAkI/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkASwAAPwBIBPpnP4//2Q==')


def picture(height=20, width=30, seed=0):
    """A smooth RGB picture, so that JPEG keeps it nearly."""
    coarse = np.random.RandomState(seed).randint(0, 256, (2, 2, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def jpeg(image, turn=None):
    """JPEG bytes of RGB or grey pixels, with an EXIF orientation if `turn` is given."""
    data = cv2.imencode('.jpg', image[..., ::-1] if image.ndim == 3 else image, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    if turn is None:
        return data
    tag = b'Exif\x00\x00II*\x00\x08\x00\x00\x00' + struct.pack('<HHHIHH', 1, 0x112, 3, 1, turn, 0) + bytes(4)
    return data[:2] + b'\xff\xe1' + struct.pack('>H', len(tag) + 2) + tag + data[2:]


def png(pixels):
    """PNG bytes of grey, RGB or RGBA pixels."""
    order = {2: slice(None), 3: np.array([2, 1, 0]), 4: np.array([2, 1, 0, 3])}[pixels.ndim if pixels.ndim == 2 else pixels.shape[2]]
    return cv2.imencode('.png', pixels[..., order] if pixels.ndim == 3 else pixels)[1].tobytes()


def indexed_png(indices, depth=8):
    """PNG bytes with a palette of VOC's kind; `indices` [h, w] uint8 packed to `depth` bits."""
    height, width = indices.shape
    rows = indices.astype(np.uint8) if depth == 8 else np.packbits(
        np.unpackbits(indices[..., None].astype(np.uint8), axis=2)[..., 8 - depth:].reshape(height, -1), axis=1)
    palette = bytes(value * 7 % 256 for value in range(3 * 2 ** depth))
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, 3, 0, 0, 0)), (b'PLTE', palette),
              (b'IDAT', zlib.compress(b''.join(b'\x00' + row.tobytes() for row in rows))), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body) & 0xffffffff) for kind, body in chunks)


def voc_object(name, xmin, ymin, xmax, ymax, extra=''):
    """One <object> of an annotation."""
    return ('<object><name>%s</name>%s<bndbox><xmin>%s</xmin><ymin>%s</ymin><xmax>%s</xmax><ymax>%s</ymax></bndbox></object>'
            % (name, extra, xmin, ymin, xmax, ymax))


def voc_xml(*objects, size=(30, 20)):
    """An annotation file's text; size is (width, height)."""
    return '<annotation><size><width>%d</width><height>%d</height></size>%s</annotation>' % (size + (''.join(objects),))


def write(root, path, content):
    """Write a file under `root`, text or bytes, with the folders it needs."""
    path = os.path.join(str(root), path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def move(root, old, new):
    """Rename a file under `root`, with the folders that its new path needs."""
    os.makedirs(os.path.dirname(os.path.join(root, new)), exist_ok=True)
    os.rename(os.path.join(root, old), os.path.join(root, new))


def voc_tree(root, count=3):
    """A VOC directory of `count` images of 30 x 20 pixels, a to c ..., each with a box of its own class and a mask; listed backwards."""
    names = [chr(ord('a') + i) for i in range(count)]
    write(root, 'classes.txt', '\n'.join(CLASSES) + '\n')
    for split in ('train', 'val'):
        write(root, 'ImageSets/Main/%s.txt' % split, '\n'.join(reversed(names)) + '\n')
    for i, name in enumerate(names):
        mask = np.zeros((20, 30), np.uint8)
        mask[5:10, 3:12] = 1 + i % len(CLASSES)
        mask[10, 3:12] = 255
        write(root, 'JPEGImages/%s.jpg' % name, jpeg(picture(seed=i)))
        write(root, 'Annotations/%s.xml' % name, voc_xml(voc_object(CLASSES[i % len(CLASSES)], 3, 5, 12, 10)))
        write(root, 'SegmentationClass/%s.png' % name, indexed_png(mask))
    return str(root)


def config_of(dataset, root, **fields):
    """The DataConfig of a dataset in the folder `root`, prepared beside it."""
    return DataConfig(**dict(dict(dataset=dataset, data_dir=str(root), prepared_dir=str(root) + '-prepared'), **fields))


def samples(config, role='train'):
    """All samples of the split for a role."""
    return list(read_samples(open_dataset(config, role)))


def samples_of(dataset, root, role='train', **fields):
    """All samples of a dataset in the folder `root`."""
    return samples(config_of(dataset, root, **fields), role)
