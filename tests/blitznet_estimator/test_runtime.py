"""What this project asks of TensorFlow for the whole process."""
import inspect
import mmap
import pathlib
import resource

from blitznet_estimator.runtime import map_fn, tf
from tests.paths import ROOT


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


def test_map_fn_runs_the_function_as_it_is_written():
    """AutoGraph would run a copy of it, from a file of its own, which takes a tenth of a second to write."""
    files = set()

    def twice(x):
        files.add(inspect.currentframe().f_code.co_filename)
        return 2 * x
    with tf.Graph().as_default(), tf.Session() as session:
        assert session.run(map_fn(twice, tf.constant([1, 2, 3]))).tolist() == [2, 4, 6]
    assert files == {__file__}


def test_all_maps_are_by_that_function():
    sources = [path for folder in ('blitznet_estimator', 'input_fn', 'model_fn') for path in (pathlib.Path(ROOT) / folder).rglob('*.py')]
    assert [path.name for path in sources if 'tf.map_fn(' in path.read_text(encoding='utf-8')] == ['runtime.py']
