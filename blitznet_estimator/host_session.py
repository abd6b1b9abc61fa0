"""Sessions of the host: for what is computed beside the training, in a process that may drive an NPU.

TensorFlow makes its threads once per process, as many as the first session says. All later sessions compute on these.
"""
import sys

from blitznet_estimator.platforms import ADAPTERS
from blitznet_estimator.runtime import tf


def host_session(**options):
    """A tf.Session of the default graph on the CPU. options: of tf.ConfigProto.

    From CANN 6 on, importing the NPU's adapter makes every session of the process one of the NPU, unless it is told not to.
    """
    config = tf.ConfigProto(device_count={'GPU': 0}, **options)
    if any(name in sys.modules for name in ADAPTERS):
        optimizer = config.graph_options.rewrite_options.custom_optimizers.add()  # the adapter adds its own only where there is none
        optimizer.name = 'NpuOptimizer'
        optimizer.parameter_map['use_off_line'].b = False  # and leaves such a session to TensorFlow
    return tf.Session(config=config)


def claim_threads(count):
    """Let every session of this process compute on `count` threads. No effect where the process has had a session."""
    host_session(intra_op_parallelism_threads=count, inter_op_parallelism_threads=count).close()
