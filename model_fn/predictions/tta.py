"""Test-time augmentation in the graph: boxes of all views go through one NMS, and the probabilities of their masks are averaged."""
from blitznet_estimator import tta
from blitznet_estimator.anchors import make_anchors
from blitznet_estimator.heads import heads_in
from blitznet_estimator.runtime import tf
from model_fn.predictions import postprocess
from model_fn.predictions.masks import full_size_mask

_LEAST = 1e-30  # a probability whose logarithm is finite


def predictions(features, network, detection, views, build):
    """The predictions of `blitznet_estimator.batch` from the Views of the images.

    Args:
      network, detection: a NetworkConfig and a DetectionConfig.
      views: tta.Views.
      build: (images [B, S', S', 3], NetworkConfig of that size) -> raw outputs, with the same variables each time.
    """
    found = {key: features[key] for key in ('source_id', 'size') if key in features}
    seen = [view for scale in views.scales for view in _views(features['image'], network, scale, views.flip, build)]
    for name in heads_in(seen[0][0]):
        found.update(MERGE[name](seen, features, network, detection))
    return found


def _views(images, network, scale, flip, build):
    """[(raw outputs, NetworkConfig, mirrored)] of one scale. The mirrored images are more of the same batch."""
    view = tta.network_of(network, scale)
    if view.image_size != network.image_size:
        images = tf.image.resize_bilinear(images, [view.image_size] * 2)
    if not flip:
        return [(build(images, view), view, False)]
    both = build(tf.concat([images, tf.reverse(images, [2])], axis=0), view)
    halves = {name: tf.split(output, 2) for name, output in both.items()}
    return [({name: parts[mirrored] for name, parts in halves.items()}, view, bool(mirrored)) for mirrored in range(2)]


def anchors_of_view(view, network):
    """Anchors of the NetworkConfig of a view, as centers: as large in pixels as those of the network, which its weights have learnt."""
    shrunk = [scale * network.image_size / view.image_size for scale in network.scales]
    return make_anchors(view.grids, tuple(shrunk), network.aspect_ratios)


def mirrored_boxes(boxes):
    """Boxes [..., 4] of a mirrored image as those of the image."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([ymin, 1 - xmax, ymax, 1 - xmin], axis=-1)


def mirrored_map(values, pixels):
    """A map [B, s, s, C] of a mirrored image as that of the image. pixels: per cell.

    A cell stands for its first pixel. Cell k of the image, at pixel k * pixels, is the mirrored image's pixel S - 1 - k * pixels: its cell
    s - k - 1 / pixels, which lies between two.
    """
    side = int(values.shape[2])
    place = tf.maximum(side - tf.range(side, dtype=tf.float32) - 1. / pixels, 0.)
    place = tf.minimum(place, side - 1.)
    low = tf.cast(tf.floor(place), tf.int32)
    first, second = tf.gather(values, low, axis=2), tf.gather(values, tf.minimum(low + 1, side - 1), axis=2)
    return first + (second - first) * (place - tf.floor(place))[:, None]


def _merge_boxes(seen, features, network, detection):
    del features
    boxes, scores = [], []
    for outputs, view, mirrored in seen:
        found, of_them = postprocess.candidates(outputs['confidence'], outputs['location'], anchors_of_view(view, network), detection)
        boxes.append(mirrored_boxes(found) if mirrored else found)
        scores.append(of_them)
    return postprocess.after_nms(tf.concat(boxes, axis=1), tf.concat(scores, axis=1), detection)


def _merge_masks(seen, features, network, detection):
    del detection
    side, total = network.segmentation_size, 0.
    for outputs, _, mirrored in seen:
        shares = tf.image.resize_bilinear(tf.nn.softmax(outputs['segmentation']), [side] * 2)
        total += mirrored_map(shares, network.image_size / side) if mirrored else shares
    return {'segmentation': full_size_mask(tf.log(tf.maximum(total / len(seen), _LEAST)), features['size'])}


MERGE = {'detection': _merge_boxes, 'segmentation': _merge_masks}  # by the names of heads.HEADS
