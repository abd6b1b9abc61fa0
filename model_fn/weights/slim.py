"""Checkpoints of TensorFlow's slim models: the same layers and names as here.

ResNet and VGG-16 differ in the order of the colours. MobileNetV2 holds two sets of weights: slim reports the accuracy of their averages.

Slim's ResNet halves the map in the last unit of a block, and this network in the first unit of the next. Both see the same pixels: a 3x3
convolution of stride 2 with padding 1 is one of stride 1 of which every second pixel is taken. So the weights fit as they are.
"""
from blitznet_estimator import checkpoint_variables
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf

LIBRARY = 'slim'
MEAN = 'mean_rgb'  # variable of slim's own checkpoints: the mean that they take from RGB images
MARKS = MEAN, 'Logits/Conv2d_1c_1x1/weights'  # in no checkpoint of this network; the second is the classifier of MobileNetV2
AVERAGE = '/ExponentialMovingAverage'  # end of the name of an average
LEAVES = 'weights', 'depthwise_weights', 'gamma', 'beta', 'moving_mean', 'moving_variance'
MOST_BYTES = 2 * 2 ** 30


def is_slim(shapes, trunk):
    """Whether a checkpoint with {name: shape} is one of slim's."""
    return any('%s/%s' % (trunk.scope, mark) in shapes for mark in MARKS)


def what_is_done(trunk):
    """What the conversion of a trunk's weights does, in words."""
    return 'its first weights turned from RGB to BGR' if trunk.normalisation.bgr else 'the averages of its weights, where it has them'


def read(prefix):
    """{name: array} of the checkpoint's variables of floating point."""
    try:
        reader = tf.train.load_checkpoint(prefix)
        types, shapes = checkpoint_variables.types(reader), checkpoint_variables.shapes(reader)
        floats = [name for name in sorted(types) if types[name] == tf.float32]
        if 4 * sum(_size(shapes[name]) for name in floats) > MOST_BYTES:
            raise UserError('%s holds over %d bytes of weights: it is no trunk.' % (prefix, MOST_BYTES))
        return {name: reader.get_tensor(name) for name in floats}
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise UserError('%s is not a TensorFlow checkpoint that can be read: %s' % (prefix, str(error).splitlines()[0]))


def _size(shape):
    count = 1
    for side in shape:
        count *= side
    return count


def to_bgr(values, trunk):
    """The trunk's variables, with first weights that see BGR."""
    own = {name: value for name, value in values.items() if name.startswith(trunk.prefixes)}
    first = own.get(trunk.first_weights)
    if first is None or first.ndim != 4:
        raise UserError('The checkpoint of slim has no %s.' % trunk.first_weights)
    own.pop('%s/%s' % (trunk.scope, MEAN), None)
    return dict(own, **{trunk.first_weights: first[:, :, ::-1].copy()})


def averaged(values, trunk):
    """The trunk's variables that convolutions and batch norm have, each as its average where the checkpoint has one; without the classifier."""
    names = [name for name in values if name.startswith(trunk.prefixes) and name.rpartition('/')[2] in LEAVES and not name.startswith(tuple(
        '%s/%s/' % (trunk.scope, part) for part in ('Conv_1', 'Logits')))]
    return {name: values.get(name + AVERAGE, values[name]) for name in names}
