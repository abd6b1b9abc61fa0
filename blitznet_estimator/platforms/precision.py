"""What --precision=auto is.

A training on a CPU computes in bfloat16 where the processor has it and a short test shows that it is faster. All else is float32.
"""
import os
import time

from blitznet_estimator import machine, saved_config
from blitznet_estimator.host_session import host_session
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import platform_name
from blitznet_estimator.platforms.cluster import cluster_of
from blitznet_estimator.runtime import tf

AUTO, FULL, MIXED = 'auto', 'fp32', 'mixed'
BFLOAT16 = 'auto_mixed_precision_onednn_bfloat16'  # of the graph rewriter, from TensorFlow 2.9 on
LEAST_GAIN = 1.1  # of bfloat16 in the test: the rest of a step gains less than that does
IMAGES, SIDE, DEPTH, LAYERS = 8, 32, 64, 3  # of the test, which takes half a second
RUNS = 6
# oneDNN's gradients of a depthwise convolution are slower in bfloat16: those of a step of lite0 (320 pixels, batch 8) take 511 ms in place of 189.
_KEPT_IN_FLOAT32 = 'DepthwiseConv2dNativeBackpropFilter', 'DepthwiseConv2dNativeBackpropInput'
_REMOVED = 'TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_ALLOWLIST_REMOVE'  # variable that the rewriter reads at each graph


def resolved(config):
    """`config` with fp32 or mixed in the place of auto, and a line in the log where one or the other was chosen.

    A training that resumes goes on as it began. Processes that train together, and a training that is to be deterministic, choose nothing:
    two tests may differ.
    """
    if config.train.precision != AUTO:
        return config
    begun = _begun(config)
    chosen = begun or (_chosen(config) if _may_choose(config) else FULL)
    return config.replace(train=dict(precision=chosen))


def has_rewriter():
    """Whether this TensorFlow can rewrite graphs for bfloat16 on a CPU."""
    return hasattr(tf.ConfigProto().graph_options.rewrite_options, BFLOAT16)


def turn_bfloat16_on(session_config):
    """Let a tf.ConfigProto's sessions compute in bfloat16 where it is safe."""
    os.environ.setdefault(_REMOVED, ','.join(_KEPT_IN_FLOAT32))
    rewrite = session_config.graph_options.rewrite_options
    setattr(rewrite, BFLOAT16, rewrite.ON)


def _begun(config):
    """The precision that a training here began in; '' where none did."""
    run = config.run
    saved = saved_config.read(run.model_dir) if run.mode == 'train' and saved_config.has_checkpoints(run.model_dir) else None
    return saved.train.precision if saved and saved.train.precision != AUTO else ''


def _may_choose(config):
    run = config.run
    return run.mode == 'train' and not (run.deterministic or run.xla) and platform_name(config) == 'cpu' and has_rewriter() \
        and not cluster_of(config)


def _chosen(config):
    if not machine.has_bfloat16():
        log.info('Precision: float32, as this processor has no instructions for bfloat16.')
        return FULL
    gain = speedup(config.run.threads or machine.available_cores())
    chosen, other, name = (MIXED, FULL, 'bfloat16') if gain >= LEAST_GAIN else (FULL, MIXED, 'float32')
    log.info('Precision: %s. In a short test, bfloat16 is %.1f times as fast as float32 on this CPU. --precision=%s takes the other.',
             name, gain, other)
    return chosen


def speedup(threads):
    """How many times as fast bfloat16 is: convolutions, batch norm and ReLU with their gradients, each side at the fastest of its runs."""
    with tf.Graph().as_default():
        step = _step()
        with _session(threads, False) as full, _session(threads, True) as mixed:
            sides = (full, []), (mixed, [])
            for session, _ in sides:
                session.run(tf.global_variables_initializer())
                session.run(step)  # prepares the graph
            for _ in range(RUNS):
                for session, times in sides:
                    begin = time.perf_counter()
                    session.run(step)
                    times.append(time.perf_counter() - begin)
            return min(sides[0][1]) / min(sides[1][1])


def _step():
    """An op that makes a training step of some layers."""
    values = tf.random.stateless_uniform([IMAGES, SIDE, SIDE, DEPTH], [1, 2])
    for layer in range(LAYERS):
        filters = tf.get_variable('filters%d' % layer, [3, 3, DEPTH, DEPTH])
        scale, offset = (tf.get_variable('%s%d' % (name, layer), [DEPTH]) for name in ('scale', 'offset'))
        convolved = tf.nn.conv2d(values, filters, 1, 'SAME')
        values = tf.nn.relu(tf.nn.fused_batch_norm(convolved, scale, offset)[0])
    return tf.train.GradientDescentOptimizer(1e-3).minimize(tf.reduce_mean(values))  # gradients that nothing takes would be left out


def _session(threads, mixed):
    options = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    if mixed:
        turn_bfloat16_on(options)
    return host_session(**{field.name: value for field, value in options.ListFields()})
