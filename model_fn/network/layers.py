"""Layers: convolution with batch norm or with bias, and their initial weights, under the published checkpoints' variable names."""
import contextlib
import dataclasses
from typing import Any, Callable

from blitznet_estimator import replicas
from blitznet_estimator.runtime import tf
from model_fn.network import synced_norm
from model_fn.network.ops import PlainOps, depth_of, sides_of, split_filter

EPSILON = 1e-5  # of batch norm
WEIGHTS, NORM = 'weights', 'BatchNorm'  # names of a convolution's weights, and of the scope of batch norm
HE = tf.variance_scaling_initializer(2., 'fan_in', 'truncated_normal')  # arXiv 1502.01852
SMALL = tf.variance_scaling_initializer(.1, 'fan_in', 'truncated_normal')  # of detection heads
XAVIER = tf.glorot_uniform_initializer()


def variable(name, shape, initializer, **options):
    """A float32 variable in the current scope, also in the collection MODEL_VARIABLES."""
    return tf.get_variable(name, shape, tf.float32, initializer, **options, collections=[
        tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES])


@contextlib.contextmanager
def frozen_variables(frozen):
    """Inside the `with` block the variables whose name `frozen` holds are made as ones that are not trainable."""
    def get_variable(getter, name, *args, **options):
        if frozen(name):
            options['trainable'] = False
        return getter(name, *args, **options)

    with tf.variable_scope(tf.get_variable_scope(), custom_getter=get_variable):
        yield


@dataclasses.dataclass(frozen=True)
class Layers:
    """The layers of one network. Each function of the network takes this object, and makes all its layers by it.

    Maps are [B, h, w, depth], of static shape but for B. Variables are made in the current scope.
    """
    ops: PlainOps  # the operations that layers are made of
    training: bool  # batch norm takes the batch's own statistics, and updates the moving averages by UPDATE_OPS
    bn_decay: float  # of the moving averages
    synced: bool = False  # batch norm takes the statistics of all replicas together
    folded: Any = None  # a FoldedValues: batch norm's scale is in the weights already, and beta is the bias that is left
    frozen: Callable[[str], bool] = lambda name: False  # whether the variable of a name stays as it is

    def conv_norm(self, x, depth, size, scope, stride=1, padding='SAME', relu=True):
        """Convolution without bias, batch norm, and relu unless told otherwise: [B, h, w, _] -> [B, h', w', depth]."""
        with tf.variable_scope(scope):
            return self.batch_norm(self.ops.convolve(x, self._normed_weights([size, size, depth_of(x), depth]), stride, padding), relu)

    def named_conv_norm(self, x, depth, size, weights, norm, stride=1, epsilon=EPSILON, activation=None):
        """`conv_norm` of trunks that name their variables in another way: [B, h, w, _] -> [B, h', w', depth].

        Args:
          depth: of the output; None convolves each channel by itself (a depthwise convolution).
          weights, norm: the name of the weights, and the scope of batch norm, below the current scope.
          epsilon: of batch norm.
          activation: a function of the map, or None.
        """
        if depth is None:
            filters = self._normed_weights([size, size, depth_of(x), 1], weights, norm, epsilon, _depthwise_initializer(size))
            x = self.ops.convolve_channels(x, filters, stride)
        else:
            x = self.ops.convolve(x, self._normed_weights([size, size, depth_of(x), depth], weights, norm, epsilon), stride)
        x = self.batch_norm(x, scope=norm, epsilon=epsilon)
        return activation(x) if activation else x

    def joined_conv_norm(self, x, skip, depth, scope, method):
        """`conv_norm` by 1x1 of `x`, resized to the size of `skip`, beside `skip`: [B, h', w', _] and [B, h, w, _] -> [B, h, w, depth].

        `x` is convolved before it is resized: that is the same, for both are linear and neither looks at the other's axes, but of fewer pixels.
        """
        with tf.variable_scope(scope):
            channels = [depth_of(x), depth_of(skip)]
            of_x, of_skip = split_filter(self._normed_weights([1, 1, sum(channels), depth]), channels)
            x = self.ops.resize(self.ops.convolve(x, of_x), sides_of(skip), method)
            if self.folded:  # only a bias is left, which counts once: beside the convolution both become one op
                return tf.nn.relu(self.batch_norm(self.ops.convolve(skip, of_skip)) + x)
            return self.batch_norm(self.ops.convolve(skip, of_skip) + x, relu=True)

    def conv_bias(self, x, depth, size, scope, stride=1, rate=1, padding='SAME', relu=True, initializer=XAVIER):
        """Convolution with bias, and relu unless told otherwise: [B, h, w, _] -> [B, h', w', depth]. The same scope again shares its weights."""
        weights, biases = _weights_and_biases(depth_of(x), depth, size, scope, initializer)
        x = tf.nn.bias_add(self.ops.convolve(x, weights, stride, padding, rate), biases)
        return tf.nn.relu(x) if relu else x

    def conv_pair(self, x, depths, size, scopes, initializer=XAVIER, sparse_gradient=False):
        """Two convolutions with bias, without relu: [B, h, w, _] -> [[B, h, w, depth] for depth in depths].

        sparse_gradient: whether the outputs' gradients will be 0 at most pixels.
        """
        filters, biases = zip(*[_weights_and_biases(depth_of(x), depth, size, scope, initializer) for depth, scope in zip(depths, scopes)])
        return self.ops.convolve_with_biases(x, filters, biases, sparse_gradient)

    def resized_conv_bias(self, maps, size, depth, kernel, scope, initializer=XAVIER):
        """Convolution with bias, without relu, of maps [B, h, w, _] side by side, each resized to `size` by nearest neighbours: [B, *size, depth]."""
        weights, biases = _weights_and_biases(sum(depth_of(x) for x in maps), depth, kernel, scope, initializer)
        return tf.nn.bias_add(self.ops.convolve_resized(maps, weights, size), biases)

    def _normed_weights(self, shape, name=WEIGHTS, norm=NORM, epsilon=EPSILON, initializer=HE):
        """Weights of a convolution that batch norm follows, which is made in the scope `norm` next."""
        if self.folded:
            self.folded.follow(_full_name(name), _full_name(norm), epsilon)
        return variable(name, shape, initializer)

    def batch_norm(self, x, relu=False, scope=NORM, epsilon=EPSILON):
        """Batch norm of [B, h, w, depth] over all axes but the last, with variables in `scope`, and relu if told so."""
        depth = [depth_of(x)]
        with tf.variable_scope(scope):
            beta = variable('beta', depth, tf.zeros_initializer())
            if self.folded:
                y = tf.nn.bias_add(x, beta)
                return tf.nn.relu(y) if relu else y
            gamma = variable('gamma', depth, tf.ones_initializer())
            mean = _moving_average('moving_mean', depth, tf.zeros_initializer())
            variance = _moving_average('moving_variance', depth, tf.ones_initializer())
            if not self.training or self.frozen(_full_name('gamma')):
                y, _, _ = tf.nn.fused_batch_norm(x, gamma, beta, mean, variance, epsilon=epsilon, is_training=False)
                return tf.nn.relu(y) if relu else y
            norm = synced_norm.batch_norm if self.synced and replicas.count() > 1 else self.ops.batch_norm
            y, batch_mean, batch_variance = norm(x, gamma, beta, epsilon, relu)
            # The fused op normalises by the biased variance but returns the unbiased one (times n / (n - 1)): published checkpoints average that.
            for average, value in zip((mean, variance), replicas.mean([batch_mean, batch_variance])):
                _update(average, value, self.bn_decay)
            return y


def _weights_and_biases(channels, depth, size, scope, initializer):
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        return variable(WEIGHTS, [size, size, channels, depth], initializer), variable('biases', [depth], tf.zeros_initializer())


def _depthwise_initializer(size):
    """As HE, whose own reckoning would take all channels for inputs of each."""
    return tf.truncated_normal_initializer(stddev=(2. / size ** 2) ** .5 / .87962566103423978)  # the deviation of a normal truncated at two sigmas


def _full_name(name):
    scope = tf.get_variable_scope().name
    return '%s/%s' % (scope, name) if scope else name


def _moving_average(name, shape, initializer):
    # All replicas update their copies by the same value, so that these stay equal, and a checkpoint needs one of them only.
    return variable(name, shape, initializer, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)


def _update(average, value, decay):
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, average.assign_sub((average - value) * (1 - decay)))
