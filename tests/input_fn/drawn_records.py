"""Small TFRecords for the pipeline's tests, in the layout of prepared datasets, and ways to run a tf.data.Dataset."""
import cv2
import numpy as np

from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.datasets.formats import PREPARED
from input_fn.datasets.source import Source

CLASS_NAMES = ('one', 'two', 'three')


def tiny_config(**sections):
    """A config for S = 128, s = 32, in small batches on one thread."""
    data = dict(dict(batch_size=4, eval_batch_size=4, max_boxes=8, zoomout_prob=.5), **sections.pop('data', {}))
    run = dict(dict(threads=1), **sections.pop('run', {}))
    network = dict(dict(num_classes=len(CLASS_NAMES) + 1), **sections.pop('network', {}))
    return preset_config('tiny', network=network, data=data, run=run, **sections)


def png(pixels):
    """PNG bytes of RGB or grey uint8 pixels."""
    return cv2.imencode('.png', pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1].tobytes()


def example(image, boxes=(), labels=(), mask=None, **changed):
    """A serialized Example of uint8 image [h, w, 3], boxes in [0, 1], labels from 0, and uint8 mask [h, w]; features by name in
    `changed`, with __ for /."""
    features = {
        'image': [png(image)], 'mask': [b'' if mask is None else png(mask)],
        'objects/bbox': np.reshape(boxes, -1).astype(float).tolist(), 'objects/label': list(labels),
        'objects/is_difficult': [0] * len(labels), 'objects/is_crowd': [0] * len(labels), 'filename': [b'drawn.png'],
        'height': [image.shape[0]], 'width': [image.shape[1]], 'has_boxes': [1], 'has_mask': [int(mask is not None)]}
    features.update({key.rstrip('_').replace('__', '/'): value for key, value in changed.items()})
    return tf.train.Example(features=tf.train.Features(feature={
        key: _feature(key, values) for key, values in features.items() if values is not None})).SerializeToString()


def _feature(key, values):
    if key in ('image', 'mask', 'filename'):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if key == 'objects/bbox':
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def write_source(folder, shards, record_format=PREPARED):
    """The Source of files of serialized examples: one file a list."""
    files = []
    for i, records in enumerate(shards):
        files.append(str(folder / ('drawn-%d.tfrecord' % i)))
        with tf.python_io.TFRecordWriter(files[-1]) as writer:
            for record in records:
                writer.write(record)
    return Source('drawn', 'train', tuple(files), record_format, CLASS_NAMES, sum(map(len, shards)))


def numbered(count, height=24, width=32):
    """Examples whose image is of one colour, (10 * i, 5, 5), with one box."""
    return [example(np.full([height, width, 3], (10 * i, 5, 5), np.uint8), [[.1, .2, .7, .9]], [i % 3]) for i in range(count)]


def run(make_dataset, count=None):
    """The first `count` elements of a dataset that `make_dataset` builds, or all, as numpy."""
    elements = []
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = tf.data.make_initializable_iterator(make_dataset())
        element = iterator.get_next()
        session.run(iterator.initializer)
        while count is None or len(elements) < count:
            try:
                elements.append(session.run(element))
            except tf.errors.OutOfRangeError:
                break
    return elements


def evaluate(build, *arrays):
    """`build` of constant tensors, evaluated."""
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(build(*[tf.constant(array) for array in arrays]))
