"""A contact sheet of splits: images from all over each, with boxes, masks and the names of their files."""
import cv2
import numpy as np

from blitznet_estimator import drawing
from input_fn.datasets.reader import read_samples

COLUMNS, CELL = 4, (360, 480)  # height and width, in pixels, of an image with its legend
LEGEND = 40  # pixels of a cell that are left for the legend
HEADING = 26  # pixels of a split's heading


def sheet(sources, count):
    """RGB picture: for each Source its heading, and `count` of its images, evenly spaced."""
    return np.concatenate([_split_sheet(source, count) for source in sources])


def _split_sheet(source, count):
    chosen = set(np.linspace(0, source.num_examples - 1, min(count, source.num_examples)).round().astype(int).tolist())
    samples = [sample for sample in read_samples(source) if sample.source_id in chosen]
    pictures = [_picture(sample, source.class_names) for sample in samples]
    titles = [sample.filename or 'image %d' % sample.source_id for sample in samples]
    heading = '%s, split %s: %d of %d images' % (source.name, source.split, len(samples), source.num_examples)
    return drawing.titled(drawing.contact_sheet(pictures, COLUMNS, CELL, titles), heading, HEADING)


def _picture(sample, class_names):
    """The image at the size of its cell, so that what is drawn on it can be read."""
    image, mask = sample.image(), sample.mask()
    factor = min((CELL[0] - LEGEND) / image.shape[0], CELL[1] / image.shape[1])
    size = tuple(max(1, int(side * factor)) for side in image.shape[1::-1])
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    if mask is not None:
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return drawing.draw(image, sample.boxes, sample.classes, None, mask, class_names, sample.difficult | sample.crowd)
