"""What this machine can do at most, by TensorFlow's own kernels: the yardsticks beside every result."""
import numpy as np

from blitznet_estimator.runtime import IS_TF1, tf
from tools.benchmarks.rounds import sustained, timed

PRODUCT_SIDE = 2048
# (side, kernel, input and output channels) of the convolutions that most of BlitzNet300's arithmetic is in.
CONVOLUTIONS = ((75, 3, 128, 128), (75, 1, 512, 128), (38, 3, 128, 128), (19, 3, 256, 256), (75, 3, 512, 128))


def number_types(precision):
    """The type whose arithmetic `precision` uses on this CPU."""
    return tf.bfloat16 if precision == 'mixed' and not IS_TF1 else tf.float32


def _rate(session, operation, work, seconds):
    """Work a second, at the fastest of the calls: a limit is what is possible."""
    session.run(operation)
    return work / min(timed(lambda: session.run(operation), 1, seconds))


def _product(kind):
    shape = [PRODUCT_SIDE, PRODUCT_SIDE]
    a, b = (tf.get_variable(name, initializer=tf.cast(tf.random.uniform(shape, seed=1), kind)) for name in 'ab')
    return tf.matmul(a, b).op, 2. * PRODUCT_SIDE ** 3


def _convolution(kind, batch, index):
    side, kernel, depth, filters = CONVOLUTIONS[index]
    image = tf.get_variable('image%d' % index, initializer=tf.cast(tf.random.uniform([batch, side, side, depth], seed=1), kind))
    weights = tf.get_variable('weights%d' % index, initializer=tf.cast(tf.random.uniform([kernel, kernel, depth, filters], seed=2), kind))
    return tf.nn.conv2d(image, weights, 1, 'SAME').op, 2. * batch * side ** 2 * kernel ** 2 * depth * filters


def _arithmetic(precision, batch, seconds, session_config):
    kind = number_types(precision)
    with tf.Graph().as_default(), tf.Session(config=session_config) as session:
        product = _product(kind)
        convolutions = [_convolution(kind, batch, i) for i in range(len(CONVOLUTIONS))]
        session.run(tf.global_variables_initializer())
        rates = [_rate(session, operation, work, seconds) / 1e9 for operation, work in convolutions]
        return {'matrix product, GFLOP/s': _rate(session, product[0], product[1], seconds) / 1e9,
                'convolution, GFLOP/s': float(np.median(rates)), 'fastest convolution, GFLOP/s': max(rates)}


def memory_copy(seconds, megabytes=256):
    """GB/s of copying memory with one thread, counted once (not read plus written)."""
    source = np.ones(megabytes * 2 ** 20, np.uint8)
    target = np.empty_like(source)
    np.copyto(target, source)
    return len(source) / min(timed(lambda: np.copyto(target, source), 1, seconds)) / 1e9


def decoding(jpegs, seconds, threads):
    """Images/s of decoding `jpegs` (encoded bytes) and nothing else, on `threads` threads."""
    with tf.Graph().as_default(), tf.Session() as session:
        dataset = tf.data.Dataset.from_tensor_slices(np.array(jpegs, object)).repeat()
        dataset = dataset.map(lambda data: tf.image.decode_jpeg(data, 3, dct_method='INTEGER_FAST')[0, 0, 0], threads)
        item = tf.data.make_one_shot_iterator(dataset.batch(len(jpegs))).get_next()
        session.run(item)
        return 1 / sustained(lambda: session.run(item), len(jpegs), seconds)[0]


def measure(precision, batch, seconds, threads, session_config, jpegs):
    """{limit: rate} of this machine, with its unit in the name."""
    limits = _arithmetic(precision, batch, seconds, session_config)
    limits['memory copy, GB/s'] = memory_copy(seconds)
    if jpegs:
        limits['JPEG decoding, images/s'] = decoding(jpegs, seconds, threads)
    return limits
