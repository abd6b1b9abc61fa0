"""The dataset `shapes`: drawn here, so that everything works on a fresh machine without a download."""
import dataclasses
import functools
import zlib

from input_fn.datasets.images import encode_jpeg, encode_png
from input_fn.datasets.plan import Example, Plan, SplitPlan
from input_fn.datasets.prepared import open_plan
from input_fn.datasets.shapes_drawing import CLASS_NAMES, draw_shapes

VERSION = 1  # of the pictures: whoever changes what is drawn raises it, and what was drawn before is drawn anew
COUNTS = {'shapes': dict(train=2000, val=200), 'shapes_small': dict(train=20, val=8)}
_SEED = 1708


def class_names(data_config):
    """Names of the shapes."""
    return CLASS_NAMES


def split_names(data_config):
    """Splits of the dataset."""
    return 'train', 'val'


def open_split(data_config, split):
    """The Source of a split, drawn first where it isn't yet: there are no files of the user's, so it goes to data_dir."""
    data_config = dataclasses.replace(data_config, prepared_dir=data_config.prepared_dir or data_config.data_dir)
    counts = COUNTS[data_config.dataset]
    splits = {name: SplitPlan(range(count), functools.partial(_draw, name)) for name, count in counts.items()}
    config = '%s-%02d' % (data_config.dataset, VERSION)  # the form whose earlier states are removed
    return open_plan(data_config, Plan('shapes', config, CLASS_NAMES, lambda: splits), split)


def _draw(split, index):
    """(Example number `index` of a split, no notes)."""
    drawing = draw_shapes(_SEED + zlib.crc32(split.encode()) % 1000, index)
    height, width = drawing.mask.shape
    example = Example(image=encode_jpeg(drawing.image), height=height, width=width, filename='%s_%05d.jpg' % (split, index),
                      boxes=drawing.boxes, labels=drawing.labels, difficult=drawing.difficult, crowd=(0,) * len(drawing.labels),
                      mask=encode_png(drawing.mask))
    return example, {}
