"""Record formats: which key of a tf.train.Example holds what, for every kind of TFRecord that this project reads.

A `RecordFormat` is data only. The host's reader (`reader.py`) and the graph's parser (`input_fn.parsing`) both follow it.
"""
import dataclasses
from typing import Optional, Tuple

from blitznet_estimator.errors import UserError


@dataclasses.dataclass(frozen=True)
class RecordFormat:
    """Keys of one kind of Example; None where it has no such feature."""
    name: str
    image: str  # encoded JPEG or PNG bytes; with `raw`, height * width * 3 bytes of RGB pixels
    boxes: Tuple[str, ...]  # one key of n * 4 floats (ymin, xmin, ymax, xmax), or four keys of n floats in that order; in [0, 1]
    label: str  # int64 [n]
    label_offset: int  # added to a label to make a class, 1 to num_classes - 1
    mask: Optional[str] = None  # PNG bytes, empty = no mask; with `raw`, height * width bytes. 0 background, 255 no label
    difficult: Optional[str] = None  # int64 [n]
    crowd: Optional[str] = None  # int64 [n]
    filename: Optional[str] = None
    height: Optional[str] = None
    width: Optional[str] = None
    has_boxes: Optional[str] = None  # int64, 0 = the image has no box labels (not: no objects); without the key every image has
    has_mask: Optional[str] = None  # int64; without the key an image has a mask when its mask bytes are not empty
    raw: bool = False


# What this project's own TFDS builders write (`tfds_builder.py`).
PREPARED = RecordFormat(
    name='prepared', image='image', mask='mask', boxes=('objects/bbox',), label='objects/label', label_offset=1,
    difficult='objects/is_difficult', crowd='objects/is_crowd', filename='filename', height='height', width='width',
    has_boxes='has_boxes', has_mask='has_mask')

# Processed data of the public BlitzNet implementation.
REFERENCE_JPEG = RecordFormat(
    name='reference_jpeg', image='image/encoded', mask='image/segmentation/encoded',
    boxes=('image/object/bbox/ymin', 'image/object/bbox/xmin', 'image/object/bbox/ymax', 'image/object/bbox/xmax'),
    label='image/object/class/label', label_offset=0, difficult='image/object/difficulty',
    filename='image/filename', height='image/height', width='image/width')

# Processed data of its Ascend port: the same keys, with decoded pixels in place of JPEG and PNG.
ASCEND_RAW = dataclasses.replace(REFERENCE_JPEG, name='ascend_raw', raw=True)

# Datasets of the TFDS catalogue with object boxes (voc, coco, ...), as TFDS prepares them. Detection only.
TFDS_VOC = RecordFormat(
    name='tfds_voc', image='image', boxes=('objects/bbox',), label='objects/label', label_offset=1,
    difficult='objects/is_difficult', filename='image/filename')
TFDS_COCO = dataclasses.replace(TFDS_VOC, name='tfds_coco', difficult=None, crowd='objects/is_crowd')
TFDS_PLAIN = dataclasses.replace(TFDS_VOC, name='tfds_plain', difficult=None)


def detect_format(features, where):
    """The RecordFormat of an Example's features {key: Feature}, by its content; `where` names it in errors."""
    if all(key in features for key in (REFERENCE_JPEG.image, REFERENCE_JPEG.label) + REFERENCE_JPEG.boxes):
        sizes = [features[key].int64_list.value for key in (REFERENCE_JPEG.height, REFERENCE_JPEG.width) if key in features]
        pixels = sizes[0][0] * sizes[1][0] if all(len(size) == 1 for size in sizes) and len(sizes) == 2 else 0
        image = features[REFERENCE_JPEG.image].bytes_list.value
        return ASCEND_RAW if len(image) == 1 and len(image[0]) == 3 * pixels else REFERENCE_JPEG
    if all(key in features for key in (PREPARED.image, PREPARED.label) + PREPARED.boxes):
        if PREPARED.has_boxes in features:
            return PREPARED
        return next((known for known in (TFDS_VOC, TFDS_COCO) if (known.difficult or known.crowd) in features), TFDS_PLAIN)
    raise UserError('%s: neither processed BlitzNet data (image/encoded, image/object/...) nor a TFDS dataset with boxes (image, '
                    'objects/...); its keys are %s.' % (where, ', '.join(sorted(features)) or 'none'))
