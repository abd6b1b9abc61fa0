"""What a checkpoint holds, read as text: the same as TensorFlow's own maps say, and nothing of it is kept."""
import gc
import sys

import pytest

from blitznet_estimator import checkpoint_variables, runtime
from blitznet_estimator.runtime import tf

SHAPES = {'a/weights': [3, 1, 2], 'bias (of b)': [5], 'global_step': []}


@pytest.fixture(name='path', scope='module')
def small_checkpoint(tmp_path_factory):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(tf.zeros(shape, tf.float32 if shape else tf.int64)) for name, shape in SHAPES.items()}
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(variables).save(session, str(tmp_path_factory.mktemp('of') / 'model.ckpt'))


@pytest.mark.parametrize('by_text', [False, True])
def test_shapes_and_types(path, by_text, monkeypatch):
    """By text also where the maps are used: the description is the same in all releases."""
    monkeypatch.setattr(runtime, 'IS_TF1', by_text)
    reader = tf.train.load_checkpoint(path)
    assert checkpoint_variables.shapes(reader) == SHAPES
    assert checkpoint_variables.types(reader) == {name: tf.float32 if shape else tf.int64 for name, shape in SHAPES.items()}


def test_what_is_not_understood_is_an_error(monkeypatch):
    monkeypatch.setattr(runtime, 'IS_TF1', True)

    class Reader:
        def debug_string(self):
            return b'a (DT_FLOAT) <unknown>'
    with pytest.raises(ValueError, match="describes a variable as 'a .DT_FLOAT. <unknown>'"):
        checkpoint_variables.shapes(Reader())


def test_nothing_is_kept(path):
    """TensorFlow 1.15's own maps keep 3 objects of each variable for good."""
    reader = tf.train.load_checkpoint(path)

    def read(times):
        for _ in range(times):
            checkpoint_variables.shapes(reader), checkpoint_variables.types(reader)
        gc.collect()
        return sys.getallocatedblocks()
    before = read(3)
    assert read(200) - before < 100
