"""From raw outputs to predictions, in the graph: boxes by NMS, and a mask at the image's own size."""
import math

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.heads import heads_in
from blitznet_estimator.runtime import map_fn, tf
from model_fn.predictions.masks import full_size_mask

ROUNDING = .05  # more than what the difference of two logits misses where it decides, also in bfloat16


def predictions(outputs, features, network, detection):
    """The predictions of `blitznet_estimator.batch` from the raw outputs of the network's heads."""
    found = {key: features[key] for key in ('source_id', 'size') if key in features}
    for name in heads_in(outputs):
        found.update(FINISH[name](outputs, features, network, detection))
    return found


def _finish_detection(outputs, features, network, detection):
    del features
    return detections(outputs['confidence'], outputs['location'], network, detection)


def _finish_segmentation(outputs, features, network, detection):
    del network, detection
    return {'segmentation': full_size_mask(outputs['segmentation'], features['size'])}


FINISH = {'detection': _finish_detection, 'segmentation': _finish_segmentation}  # by the names of heads.HEADS


def detections(confidence, location, network, config):
    """{boxes [B, K, 4], scores [B, K], classes [B, K], num_detections [B]}, best first, padded with 0.

    Per class the best `top_k_nms` scores above `conf_thresh`, hard or soft NMS, at most `top_k_after_nms`; of all classes the best
    K = `top_k_post_nms`.
    """
    return after_nms(*candidates(confidence, location, anchors_of(network), config), config=config)


def candidates(confidence, location, anchors, config):
    """Boxes [B, N, C - 1, 4] and scores [B, N, C - 1] that go into NMS, of raw outputs and anchors [A, 4] as centers."""
    scores, anchor = _candidates(confidence, config.conf_thresh, config.top_k_nms)
    return decode(tf.gather(location, anchor, batch_dims=1), tf.gather(tf.constant(anchors), anchor)), scores


def after_nms(boxes, scores, config):
    """The detections of `candidates`, by the NMS of a DetectionConfig."""
    boxes, scores, classes, count = NMS[config.nms](boxes, scores, config)
    real = tf.range(config.top_k_post_nms) < count[:, None]
    return {'boxes': boxes, 'scores': scores, 'classes': tf.where(real, tf.to_int32(classes) + 1, tf.zeros_like(classes, tf.int32)),
            'num_detections': count}


def _hard_nms(boxes, scores, config):
    """(boxes [B, K, 4] clipped, scores [B, K], classes [B, K] from 0, their number [B]) of boxes [B, N, C - 1, 4] with scores [B, N, C - 1]."""
    return tf.image.combined_non_max_suppression(
        boxes, scores, max_output_size_per_class=config.top_k_after_nms, max_total_size=config.top_k_post_nms,
        iou_threshold=config.nms_thresh, score_threshold=config.conf_thresh, clip_boxes=True)


def _soft_nms(boxes, scores, config):
    """As `_hard_nms`, by Soft-NMS, gaussian (arXiv 1704.04503, equation 3): the best box is taken, the scores of the others are multiplied by
    exp(-IoU^2 / sigma), and so on, until none is above `conf_thresh`.
    """
    num_classes, most = int(scores.shape[2]), config.top_k_after_nms

    def of_class(item):
        boxes, scores = item
        # TensorFlow's sigma is half of the published one; an IoU above its threshold would drop a box.
        kept, softened = tf.image.non_max_suppression_with_scores(
            boxes, scores, most, iou_threshold=1., score_threshold=config.conf_thresh, soft_nms_sigma=config.soft_nms_sigma / 2)
        missing = [0, most - tf.size(kept)]
        return tf.pad(tf.gather(boxes, kept), [missing, [0, 0]]), tf.pad(softened, [missing])

    count = int(scores.shape[1])
    of_classes = tf.reshape(tf.transpose(boxes, [0, 2, 1, 3]), [-1, count, 4]), tf.reshape(tf.transpose(scores, [0, 2, 1]), [-1, count])
    boxes, scores = map_fn(of_class, of_classes, dtype=(tf.float32, tf.float32), parallel_iterations=4)
    spare = max(config.top_k_post_nms - num_classes * most, 0)
    boxes = tf.pad(tf.reshape(boxes, [-1, num_classes * most, 4]), [[0, 0], [0, spare], [0, 0]])
    scores, place = tf.nn.top_k(tf.pad(tf.reshape(scores, [-1, num_classes * most]), [[0, 0], [0, spare]]), config.top_k_post_nms)
    boxes = tf.clip_by_value(tf.gather(boxes, place, batch_dims=1), 0., 1.)
    return boxes, scores, tf.to_float(place // most), tf.reduce_sum(tf.to_int32(scores > 0), axis=1)


NMS = {'hard': _hard_nms, 'soft': _soft_nms}  # by --nms


def _candidates(confidence, threshold, limit):
    """The best `limit` scores of each class [B, N, C - 1], and the anchors that have them, from logits [B, A, C].

    Sorting all anchors for each class would be most of the work of post-processing, and nearly all of them are background: each image is
    narrowed first to those that may have some score above the threshold. Other scores are 0, which costs little to sort; where there are fewer
    than `limit`, such take the rest.
    """
    num_anchors, num_classes = [int(length) for length in confidence.shape[1:]]
    limit = min(limit, num_anchors)
    logits = tf.reshape(confidence, [-1, num_classes])

    def best_of_image(item):
        first, hopeful = item  # its first anchor among all the batch's
        anchor = tf.to_int32(tf.where(hopeful)[:, 0])
        missing = [0, tf.maximum(limit - tf.size(anchor), 0)]
        scores = tf.nn.softmax(tf.gather(logits, first + anchor))
        scores = tf.where(scores > threshold, scores, tf.zeros_like(scores))
        best, place = tf.nn.top_k(tf.transpose(tf.pad(scores, [missing, [0, 0]]))[1:], limit)  # [C - 1, limit]
        return tf.transpose(best), tf.transpose(tf.gather(tf.pad(anchor, [missing]), place))

    images = num_anchors * tf.range(tf.shape(confidence)[0]), _hopeful(confidence, threshold)
    return map_fn(best_of_image, images, dtype=(tf.float32, tf.int32), parallel_iterations=4)


def _hopeful(confidence, threshold):
    """[B, A]: which anchors may have a score above the threshold, without softmax: as that divides by a sum which holds the background, a
    class's score is at most exp(its logit - the background's)."""
    by_class = tf.transpose(tf.reshape(confidence, [-1, confidence.shape[-1]]))  # faster than leaving the background out of each anchor
    lead = tf.reduce_max(by_class[1:], axis=0) - by_class[0]
    return tf.reshape(lead > (math.log(threshold) - ROUNDING if threshold else -math.inf), tf.shape(confidence)[:2])


def decode(offsets, anchors):
    """Boxes [..., 4] of offsets [..., (tx, ty, tw, th)] from anchors, centers [..., 4]; as `boxes.decode`, in the graph."""
    tx, ty, tw, th = tf.unstack(offsets, axis=-1)
    y, x, height, width = tf.unstack(anchors, axis=-1)
    lows, highs = [], []
    for shift, growth, place, extent in (ty, th, y, height), (tx, tw, x, width):
        size = tf.exp(growth * VARIANCES[1]) * extent
        lows.append(tf.maximum(shift * VARIANCES[0] * extent + place - size / 2, 0.))
        highs.append(tf.minimum(lows[-1] + size, 1.))
    return tf.stack(lows + highs, axis=-1)
