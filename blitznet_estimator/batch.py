"""The batch, key by key: what `input_fn` yields, what `model_fn` takes, and what its predictions hold.

`batch_spec` and `prediction_spec` give this as data. The table below says the same for readers, and a test holds the two equal.

B is the batch size, S the input's side, s the segmentation size, A the number of anchors, M = max_boxes, C = num_classes with the background,
K = top_k_post_nms. H and W are the largest height and width of the batch's images. Every size but H and W is fixed.
Boxes are as in `boxes.py`: float32 [ymin, xmin, ymax, xmax], fractions of the image.
The number after the type is the padding: the value where an entry stands for no image, no box or no pixel.

features
  image           [B, S, S, 3] float32 0    RGB in [0, 1]; the whole image resized, aspect ratio not kept; augmented in TRAIN
  source_id       [B]          int64   -1   EVAL, PREDICT: index of the image in its split's order, from 0
  size            [B, 2]       int32   1    EVAL, PREDICT: height and width of the image's own pixels
labels, in TRAIN and EVAL
  match           [B, A]       int32   -2   index of the anchor's box in `boxes`; BACKGROUND (-1); UNUSED (-2), where the image has no box labels
  boxes           [B, M, 4]    float32 0    ground truth
  classes         [B, M]       int32   0    class of each box, 1 to C - 1
  mask            [B, s, s]    int32   255  class of each pixel; 255 = no label, everywhere if the image has no mask
predictions, and the features source_id and size
  boxes           [B, K, 4]    float32 0    detect: best first, clipped to the image
  scores          [B, K]       float32 0    detect: in [0, 1]
  classes         [B, K]       int32   0    detect: 1 to C - 1
  num_detections  [B]          int32   0    detect: how many of the K places are taken
  segmentation    [B, H, W]    uint8   0    segment: class of each pixel at the image's own size
raw predictions, and the features source_id and size
  confidence      [B, A, C]    float32 0    detect: before softmax
  location        [B, A, 4]    float32 0    detect: offsets as in `boxes.py`
  segmentation    [B, s, s, C] float32 0    segment: before softmax

A platform whose graph cannot hold NMS asks for the raw predictions; the host finishes them with `evaluation.host_postprocess`.

Ground truth for scoring does not travel through the device: the host reads it by `source_id` (`input_fn.ground_truth`), so that
evaluation has static shapes everywhere, and images of any size.
"""
import dataclasses
from typing import Dict, Optional, Tuple

from blitznet_estimator.config import IGNORE_LABEL, DetectionConfig
from blitznet_estimator.heads import heads_of

BACKGROUND = -1
UNUSED = -2
TRAIN, EVAL, PREDICT = 'train', 'eval', 'infer'  # the values of tf.estimator.ModeKeys


@dataclasses.dataclass(frozen=True)
class Spec:
    """One tensor of a batch: its shape (None = differs between batches), dtype by name, padding and meaning."""
    shape: Tuple[Optional[int], ...]
    dtype: str
    padding: int
    meaning: str


@dataclasses.dataclass(frozen=True)
class BatchSpec:
    """{key: Spec} of the features and of the labels, which are empty in PREDICT."""
    features: Dict[str, Spec]
    labels: Dict[str, Spec]

    @property
    def flat(self):
        """{key: Spec} of all, for features and labels share no key."""
        return dict(self.features, **self.labels)


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table: a Spec whose shape is in letters, and where the tensor is (modes or heads; empty = everywhere)."""
    shape: str
    dtype: str
    padding: int
    meaning: str
    where: Tuple[str, ...] = ()


FEATURES = {
    'image': Row('B, S, S, 3', 'float32', 0, 'RGB in [0, 1]; the whole image resized, aspect ratio not kept; augmented in TRAIN'),
    'source_id': Row('B', 'int64', -1, "index of the image in its split's order, from 0", (EVAL, PREDICT)),
    'size': Row('B, 2', 'int32', 1, "height and width of the image's own pixels", (EVAL, PREDICT)),
}
LABELS = {
    'match': Row('B, A', 'int32', UNUSED,
                 "index of the anchor's box in `boxes`; BACKGROUND (-1); UNUSED (-2), where the image has no box labels"),
    'boxes': Row('B, M, 4', 'float32', 0, 'ground truth'),
    'classes': Row('B, M', 'int32', 0, 'class of each box, 1 to C - 1'),
    'mask': Row('B, s, s', 'int32', IGNORE_LABEL, 'class of each pixel; 255 = no label, everywhere if the image has no mask'),
}
PREDICTIONS = {
    'boxes': Row('B, K, 4', 'float32', 0, 'best first, clipped to the image', ('detect',)),
    'scores': Row('B, K', 'float32', 0, 'in [0, 1]', ('detect',)),
    'classes': Row('B, K', 'int32', 0, '1 to C - 1', ('detect',)),
    'num_detections': Row('B', 'int32', 0, 'how many of the K places are taken', ('detect',)),
    'segmentation': Row('B, H, W', 'uint8', 0, "class of each pixel at the image's own size", ('segment',)),
}
RAW_PREDICTIONS = {
    'confidence': Row('B, A, C', 'float32', 0, 'before softmax', ('detect',)),
    'location': Row('B, A, 4', 'float32', 0, 'offsets as in `boxes.py`', ('detect',)),
    'segmentation': Row('B, s, s, C', 'float32', 0, 'before softmax', ('segment',)),
}


def batch_spec(config, mode):
    """The BatchSpec of a Config in TRAIN, EVAL or PREDICT."""
    sizes = dict(_network_sizes(config.network), M=config.data.max_boxes,
                 B=config.data.batch_size if mode == TRAIN else config.data.eval_batch_size)
    return BatchSpec(_specs(FEATURES, (mode,), sizes), {} if mode == PREDICT else _specs(LABELS, (mode,), sizes))


def prediction_spec(network, detection, batch_size=None, raw=False):
    """{key: Spec} of predictions without `source_id` and `size`, of a NetworkConfig and a DetectionConfig; `raw`: of raw predictions."""
    heads = tuple(head.flag for head in heads_of(network).values())
    sizes = dict(_network_sizes(network), K=detection.top_k_post_nms, B=batch_size)
    return _specs(RAW_PREDICTIONS if raw else PREDICTIONS, heads, sizes)


def raw_output_shapes(network):
    """{name: shape without the batch} of a network's raw outputs, in the order of frozen graphs."""
    return {name: list(spec.shape[1:]) for name, spec in prediction_spec(network, DetectionConfig(), raw=True).items()}


def _network_sizes(network):
    return {'S': network.image_size, 's': network.segmentation_size, 'A': network.num_anchors, 'C': network.num_classes}


def _specs(rows, here, sizes):
    """{key: Spec} of the rows that are `here` (modes or heads), with numbers for letters; a letter without a number is None."""
    return {key: Spec(tuple(int(size) if size.isdigit() else sizes.get(size) for size in row.shape.split(', ')),
                      row.dtype, row.padding, row.meaning)
            for key, row in rows.items() if not row.where or set(row.where) & set(here)}
