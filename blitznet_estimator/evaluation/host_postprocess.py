"""Finishes raw network outputs in numpy, for devices whose graph can't hold NMS.

Equal to `model_fn.predictions.postprocess`, which does it in the graph.
"""
import numpy as np

from blitznet_estimator import boxes as box_ops
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.batch import prediction_spec
from blitznet_estimator.heads import HEADS, heads_in, heads_of
from blitznet_estimator.resizing import lerp, taps

DETECTIONS = 'boxes', 'scores', 'classes'
# What bounds the arrays of a full-size mask, as a picture may be very large: rows and columns at once, and logits of the columns at once.
ROWS, COLUMNS, STRIP = 64, 1024, 8 << 20
AT_ONCE = 64  # boxes that are compared with all that follow: one by one would cost more, and all are seldom needed


def postprocess(outputs, sizes, network, detection):
    """The predictions of batch.py (without source_id) from a batch of raw outputs.

    Args:
      outputs: {name: array} of the raw outputs of one head or more: confidence [B, A, C] logits and location [B, A, 4] offsets,
        segmentation [B, s, s, C] logits. Other keys are left alone.
      sizes: [B, 2] height and width of each image.
      network, detection: the NetworkConfig and the DetectionConfig.
    """
    predictions = {'size': np.asarray(sizes, np.int32)}
    for name in heads_in(outputs):
        predictions.update(FINISH[name](outputs, sizes, network, detection))
    return predictions


def _finish_detection(outputs, sizes, network, config):
    del sizes
    anchors = anchors_of(network)
    images = [detect(logits, offsets, anchors, config) for logits, offsets in zip(outputs['confidence'], outputs['location'])]
    return _pad_detections([dict(zip(DETECTIONS, found)) for found in images], prediction_spec(network, config, len(images)))


def _finish_segmentation(outputs, sizes, network, config):
    del network, config
    return _pad_masks([{'segmentation': segment(logits, size)} for logits, size in zip(outputs['segmentation'], sizes)])


FINISH = {'detection': _finish_detection, 'segmentation': _finish_segmentation}  # by the names of heads.HEADS


def of_image(batch, i):
    """The predictions of image i of a finished batch, without padding: boxes, scores, classes [n] and a mask of the image's own size."""
    found = {}
    for name, head in HEADS.items():
        if head.predictions[0] in batch:
            found.update(OF_IMAGE[name](batch, i))
    return found


def _detections_of_image(batch, i):
    count = int(batch['num_detections'][i])
    return {key: batch[key][i, :count] for key in DETECTIONS}


def _mask_of_image(batch, i):
    height, width = (int(side) for side in batch['size'][i])
    return {'segmentation': batch['segmentation'][i, :height, :width]}


OF_IMAGE = {'detection': _detections_of_image, 'segmentation': _mask_of_image}  # by the names of heads.HEADS


def batch_of(images, network, detection, keys):
    """The opposite of `of_image`: the padded predictions of batch.py (without source_id and size) of several images, which may be none.

    Args:
      images: list of dicts of boxes, scores, classes [n] and segmentation [h, w], as the network has heads for.
      network, detection: the NetworkConfig and the DetectionConfig.
      keys: what is wanted. Nothing is padded of a head that gives none of it: masks take the largest height times the largest width each.
    """
    spec, batch = prediction_spec(network, detection, len(images)), {}
    for name, head in heads_of(network).items():
        if set(head.predictions) & set(keys):
            batch.update(PAD[name](images, spec))
    return batch


def detect(logits, offsets, anchors, config):
    """Detections of one image, best first: (boxes [n, 4], scores [n], classes [n] from 1).

    Args:
      logits [A, C]; offsets [A, 4]; anchors [A, 4] as centers; config: a DetectionConfig.
    """
    offsets, found = np.asarray(offsets, np.float32), [(np.zeros([0, 4], np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))]
    for number, scores in enumerate(class_probabilities(logits)[1:], 1):
        candidates = np.flatnonzero(scores > config.conf_thresh)
        candidates = candidates[best_first(scores[candidates], config.top_k_nms)]
        boxes = box_ops.decode(offsets[candidates], anchors[candidates])
        kept, kept_scores = NMS[config.nms](boxes, scores[candidates], config)
        found.append((boxes[kept], kept_scores, np.full(len(kept), number, np.int32)))
    boxes, scores, classes = (np.concatenate(column) for column in zip(*found))
    best = best_first(scores, config.top_k_post_nms)
    return box_ops.clip(boxes[best]), scores[best], classes[best]


def best_first(scores, limit):
    """Indices of the `limit` best scores, best first; of equal ones the first comes first."""
    if len(scores) <= limit:
        return np.argsort(-scores, kind='stable')
    lowest = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    chosen = np.flatnonzero(scores >= lowest)  # a few, instead of sorting all
    return chosen[np.argsort(-scores[chosen], kind='stable')[:limit]]


def class_probabilities(logits):
    """Softmax over the classes, float32 [C, A], of logits [A, C]: numpy is faster along whole rows."""
    powers = np.array(np.transpose(logits), np.float32, order='C')
    powers -= powers.max(axis=0)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=0)
    return powers


def _turned(boxes):
    """Boxes with their low edge first. An anchor outside the image can decode to one clipped below it, and TensorFlow's NMS turns that over."""
    return np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)


def nms(boxes, iou_threshold, max_kept):
    """Indices of boxes [n, 4], given best first, that greedy non-maximum suppression keeps, at most `max_kept`."""
    boxes, dropped, kept = _turned(boxes), np.zeros(len(boxes), bool), []
    for start in range(0, len(boxes), AT_ONCE):
        left = start + np.flatnonzero(~dropped[start:start + AT_ONCE])
        for i, overlaps in zip(left, box_ops.iou(boxes[left], boxes[start:]) > iou_threshold):
            if len(kept) == max_kept:
                return np.array(kept, np.int64)
            if not dropped[i]:
                kept.append(i)
                dropped[start:] |= overlaps
    return np.array(kept, np.int64)


def soft_nms(boxes, scores, sigma, threshold, max_kept):
    """(indices [k], scores [k]) of the boxes [n, 4] that Soft-NMS, gaussian, keeps, best first, at most `max_kept`.

    The best box is taken, the scores of the others are multiplied by exp(-IoU^2 / sigma), and so on, until none is above `threshold`.
    Source: arXiv 1704.04503, equation 3.
    """
    boxes = _turned(boxes)
    weights = np.exp(-box_ops.iou(boxes, boxes) ** 2 / np.float32(sigma))
    left, kept, kept_scores = np.array(scores, np.float32), [], []
    while len(kept) < min(max_kept, len(left)):
        best = int(left.argmax())
        if not left[best] > threshold:
            break
        kept.append(best)
        kept_scores.append(left[best])
        left *= weights[best]
        left[best] = -np.inf
    return np.array(kept, np.int64), np.array(kept_scores, np.float32)


def _hard(boxes, scores, config):
    kept = nms(boxes, config.nms_thresh, config.top_k_after_nms)
    return kept, scores[kept]


def _soft(boxes, scores, config):
    return soft_nms(boxes, scores, config.soft_nms_sigma, config.conf_thresh, config.top_k_after_nms)


NMS = {'hard': _hard, 'soft': _soft}  # by --nms: (boxes [n, 4] best first, scores [n], DetectionConfig) -> (indices, scores)


def segment(logits, size):
    """Class of each pixel, uint8 [height, width]: logits [s, s, C] resized to `size`, then argmax."""
    logits = np.ascontiguousarray(np.transpose(logits, (2, 0, 1)), np.float32)
    (num_classes, rows, side), mask = logits.shape, np.zeros(size, np.uint8)
    down, across = taps(rows, size[0]), taps(side, size[1])
    count = max(min(STRIP // max(rows, ROWS) // num_classes, COLUMNS), 1)
    for left in range(0, size[1], count):
        strip = slice(left, left + count)
        _segment_strip(logits, down, [one[strip] for one in across], mask[:, strip])
    return mask


def _segment_strip(logits, down, across, mask):
    """Write the classes of a strip of columns, uint8 [height, w], 0 before. logits: [C, s, s]. down, across: the taps of its rows and columns.

    Each array is as small as a core's cache, and is used again: that takes a third of the time.
    """
    columns = np.empty(logits.shape[:2] + mask.shape[1:], np.float32)
    scratch = np.empty(columns.shape[1:], np.float32)
    for resized, one in zip(columns, logits):
        lerp(one, *across, 1, resized, scratch)
    buffers = np.empty([3, ROWS, mask.shape[1]], np.float32)
    for top in range(0, len(mask), ROWS):
        low, high, part = (one[top:top + ROWS] for one in down)
        best, found, scratch = buffers[:, :len(low)]
        lerp(columns[0], low, high, part[:, None], 0, best, scratch)
        for number in range(1, len(columns)):
            lerp(columns[number], low, high, part[:, None], 0, found, scratch)
            # Of equal classes the first wins. A later winner has a higher number. Writing under a mask would take ten times as long.
            np.maximum(mask[top:top + ROWS], (found > best) * np.uint8(number), out=mask[top:top + ROWS])
            np.maximum(best, found, out=best)


def _pad_detections(images, spec):
    """Detections of several images as padded arrays of `spec`, a prediction_spec, with their number."""
    padded = {key: np.full(spec[key].shape, spec[key].padding, spec[key].dtype) for key in DETECTIONS + ('num_detections',)}
    for i, image in enumerate(images):
        padded['num_detections'][i] = count = len(image['scores'])
        for key in DETECTIONS:
            padded[key][i, :count] = image[key]
    return padded


def _pad_masks(images, spec=None):
    """Masks of several images as one uint8 [B, H, W], padded with 0."""
    del spec  # its sizes are open
    masks = [image['segmentation'] for image in images]
    height, width = np.max([mask.shape for mask in masks] + [(1, 1)], axis=0)
    padded = np.zeros((len(masks), height, width), np.uint8)
    for i, mask in enumerate(masks):
        padded[i, :mask.shape[0], :mask.shape[1]] = mask
    return {'segmentation': padded}


PAD = {'detection': _pad_detections, 'segmentation': _pad_masks}  # by the names of heads.HEADS
