"""A contact sheet of a split: images spread over it, with their boxes and masks."""
import numpy as np

from blitznet_estimator.drawing import contact_sheet, draw, save_picture
from input_fn.datasets.reader import read_samples


def preview(source, path, count):
    """Write a picture of `count` images of a Source, evenly spaced, to `path`."""
    chosen = set(np.linspace(0, source.num_examples - 1, min(count, source.num_examples)).round().astype(int).tolist())
    pictures = [_picture(sample, source.class_names) for sample in read_samples(source) if sample.source_id in chosen]
    save_picture(path, contact_sheet(pictures))


def _picture(sample, class_names):
    return draw(sample.image(), sample.boxes, sample.classes, None, sample.mask(), class_names, sample.difficult)
