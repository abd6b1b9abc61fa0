"""From raw outputs to predictions, in the graph: boxes by NMS, and a mask at the image's own size."""
from blitznet_estimator.anchors import make_anchors
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.runtime import tf


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
    boxes = decode(location, make_anchors(network.grids, network.scales, network.aspect_ratios))
    scores = _candidates(tf.nn.softmax(confidence)[..., 1:], config.top_k_nms)
    boxes, scores, classes, count = tf.image.combined_non_max_suppression(
        boxes[:, :, None], scores, max_output_size_per_class=config.top_k_after_nms, max_total_size=config.top_k_post_nms,
        iou_threshold=config.nms_thresh, score_threshold=config.conf_thresh, clip_boxes=False)
    real = tf.range(config.top_k_post_nms) < count[:, None]
    return {'boxes': boxes, 'scores': scores, 'classes': tf.where(real, tf.to_int32(classes) + 1, tf.zeros_like(classes, tf.int32)),
            'num_detections': count}


def _candidates(scores, count):
    """Scores [B, A, classes] with 0 where they are not among the best `count` of their class."""
    by_class = tf.transpose(scores, [0, 2, 1])
    last = tf.nn.top_k(by_class, min(count, int(scores.shape[1])))[0][..., -1]  # [B, classes]
    return tf.where(scores >= last[:, None], scores, tf.zeros_like(scores))


def decode(offsets, anchors):
    """Boxes [B, A, 4] of offsets [B, A, (tx, ty, tw, th)] from anchors, centers [A, 4]; as `boxes.decode`, in the graph."""
    anchors = tf.constant(anchors)
    center = offsets[..., 1::-1] * VARIANCES[0] * anchors[:, 2:] + anchors[:, :2]
    size = tf.exp(offsets[..., :1:-1] * VARIANCES[1]) * anchors[:, 2:]
    low = tf.maximum(center - size / 2, 0.)
    return tf.concat([low, tf.minimum(low + size, 1.)], axis=-1)


def full_size_mask(logits, sizes):
    """Masks [B, H, W] uint8 from logits [B, s, s, C]: resized to each image's size [B, 2] (bilinear, TF1 legacy), then argmax.

    H and W are the batch's largest; the rest of a smaller image is 0.
    """
    largest = tf.reduce_max(sizes, axis=0)

    def one(item):
        image_logits, size = item
        resized = tf.image.resize_bilinear(image_logits[None], size)[0]
        mask = tf.cast(tf.argmax(resized, axis=-1, output_type=tf.int32), tf.uint8)
        return tf.pad(mask, [[0, largest[0] - size[0]], [0, largest[1] - size[1]]])

    return tf.map_fn(one, (logits, sizes), dtype=tf.uint8, parallel_iterations=4)
