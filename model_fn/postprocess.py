"""From raw outputs to predictions, in the graph: boxes by NMS, and a mask at the image's own size."""
import math

from blitznet_estimator.anchors import make_anchors
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.runtime import tf

ROUNDING = .05  # more than what the difference of two logits misses where it decides, also in bfloat16
WHOLE = 8 << 20  # resized logits of an image that are held at once: 32 MB
BAND = 2 << 20  # of a larger image: 8 MB


def predictions(outputs, features, network, detection):
    """The predictions of `contract.py` from the raw outputs of the network's heads."""
    found = {key: features[key] for key in ('source_id', 'size') if key in features}
    if 'confidence' in outputs:
        found.update(detections(outputs['confidence'], outputs['location'], network, detection))
    if 'segmentation' in outputs:
        found['segmentation'] = full_size_mask(outputs['segmentation'], features['size'])
    return found


def detections(confidence, location, network, config):
    """{boxes [B, K, 4], scores [B, K], classes [B, K], num_detections [B]}, best first, padded with 0.

    Per class the best `top_k_nms` scores above `conf_thresh`, greedy NMS, at most `top_k_after_nms`; of all classes the best
    K = `top_k_post_nms`.
    """
    anchors = make_anchors(network.grids, network.scales, network.aspect_ratios)
    scores, anchor = _candidates(confidence, config.conf_thresh, config.top_k_nms)  # [B, N, C - 1]
    boxes = decode(tf.gather(location, anchor, batch_dims=1), tf.gather(tf.constant(anchors), anchor))
    boxes, scores, classes, count = tf.image.combined_non_max_suppression(
        boxes, scores, max_output_size_per_class=config.top_k_after_nms, max_total_size=config.top_k_post_nms,
        iou_threshold=config.nms_thresh, score_threshold=config.conf_thresh, clip_boxes=True)
    real = tf.range(config.top_k_post_nms) < count[:, None]
    return {'boxes': boxes, 'scores': scores, 'classes': tf.where(real, tf.to_int32(classes) + 1, tf.zeros_like(classes, tf.int32)),
            'num_detections': count}


def _candidates(confidence, threshold, limit):
    """The best `limit` scores of each class [B, N, C - 1], and the anchors that have them, from logits [B, A, C].

    Sorting all anchors for each class is most of the work of post-processing, and nearly all of them are background: first the
    batch is narrowed to as many anchors an image as may have, in one of the images, some score above the threshold. A class's
    score is at most exp(its logit - the background's), as softmax divides by a sum that holds the background.
    """
    limit = min(limit, int(confidence.shape[1]))
    classes = tf.nn.bias_add(confidence, [-math.inf] + [0.] * (int(confidence.shape[-1]) - 1))  # faster than a slice without the background
    lead = tf.reduce_max(classes, axis=-1) - confidence[..., 0]  # [B, A]
    least = math.log(threshold) - ROUNDING if threshold else -math.inf
    hopeful = tf.to_float(lead > least)
    width = tf.maximum(tf.to_int32(tf.reduce_max(tf.reduce_sum(hopeful, axis=-1))), limit)
    anchor = tf.nn.top_k(hopeful, width, sorted=False)[1]  # [B, width]
    scores = tf.nn.softmax(tf.gather(confidence, anchor, batch_dims=1))
    narrowed = tf.transpose(scores[..., 1:], [0, 2, 1])  # [B, C - 1, width]
    best, place = [tf.transpose(found, [0, 2, 1]) for found in tf.nn.top_k(narrowed, limit)]
    return best, tf.gather(anchor, place, batch_dims=1)


def decode(offsets, anchors):
    """Boxes [..., 4] of offsets [..., (tx, ty, tw, th)] from anchors, centers [..., 4]; as `boxes.decode`, in the graph."""
    center = offsets[..., 1::-1] * VARIANCES[0] * anchors[..., 2:] + anchors[..., :2]
    size = tf.exp(offsets[..., :1:-1] * VARIANCES[1]) * anchors[..., 2:]
    low = tf.maximum(center - size / 2, 0.)
    return tf.concat([low, tf.minimum(low + size, 1.)], axis=-1)


def full_size_mask(logits, sizes):
    """Masks [B, H, W] uint8 from logits [B, s, s, C]: resized to each image's size [B, 2] (bilinear, TF1 legacy), then argmax.

    H and W are the batch's largest; the rest of a smaller image is 0.
    """
    largest = tf.reduce_max(sizes, axis=0)

    def one(item):
        image_logits, size = item
        small = size[0] * size[1] <= WHOLE // int(logits.shape[-1])
        mask = tf.cond(small, lambda: _mask(image_logits, size), lambda: _mask_by_bands(image_logits, size))
        return tf.pad(mask, [[0, largest[0] - size[0]], [0, largest[1] - size[1]]])

    return tf.map_fn(one, (logits, sizes), dtype=tf.uint8, parallel_iterations=4)


def _mask(logits, size):
    return _argmax(tf.image.resize_bilinear(logits[None], size)[0])


def _mask_by_bands(logits, size):
    """Equal to _mask, for large images: a photograph of 12 megapixels would take 1 GB of logits, or 4 with COCO's classes."""
    side, num_classes = int(logits.shape[0]), int(logits.shape[-1])
    rows = tf.maximum(BAND // num_classes // size[1], 1)  # of a band
    columns = tf.image.resize_bilinear(logits[None], [side, size[1]])[0]  # [s, W, C]

    def band(first):
        at = tf.to_float(first + tf.range(rows)) * (side / tf.to_float(size[0]))
        low = tf.minimum(tf.to_int32(at), side - 1)
        upper, lower = tf.gather(columns, low), tf.gather(columns, tf.minimum(low + 1, side - 1))
        return _argmax(upper + (lower - upper) * (at - tf.to_float(low))[:, None, None])

    bands = tf.map_fn(band, tf.range(0, size[0], rows), dtype=tf.uint8, parallel_iterations=2)
    return tf.reshape(bands, [-1, size[1]])[:size[0]]


def _argmax(logits):
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32), tf.uint8)
