"""What this project asks of TensorFlow for the whole process."""
import mmap
import resource

from blitznet_estimator.runtime import tf


def test_the_memory_of_large_tensors_is_kept_between_steps():
    elements, runs = 2 ** 24, 4  # 64 MB: more than the C library keeps by itself
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.get_variable('x', [elements], initializer=tf.zeros_initializer())
        step = (x + 1).op
        session.run(x.initializer)
        session.run(step)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(runs):
            session.run(step)
        touched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert touched < runs * elements * 4 / mmap.PAGESIZE / 2
