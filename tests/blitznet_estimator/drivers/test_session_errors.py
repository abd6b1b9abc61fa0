import numpy as np
import pytest

from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf


def _run(tensor):
    with user_errors('model.ckpt-1'), tf.Session(graph=tensor.graph) as session:
        session.run(tensor)


def test_an_error_of_ours_inside_the_graph():
    def fail(x):
        raise UserError('a.jpg: the image is damaged.')

    with tf.Graph().as_default(), pytest.raises(UserError) as error:
        _run(tf.py_func(fail, [np.float32(1)], tf.float32))
    assert str(error.value) == 'a.jpg: the image is damaged.'


def test_a_malformed_record():
    with tf.Graph().as_default(), pytest.raises(UserError, match=r'^data/a \[1\].tfrecord, record 12: it is malformed'):
        with tf.control_dependencies([tf.Assert(tf.constant(False), ['Malformed', 'in file', 'data/a [1].tfrecord', 'record', 12])]):
            _run(tf.constant(0))


def test_a_damaged_file(tmp_path):
    path = str(tmp_path / 'a.tfrecord')
    with tf.python_io.TFRecordWriter(path) as writer:
        writer.write(b'x' * 50)
    content = open(path, 'rb').read()
    open(path, 'wb').write(content[:40])
    with tf.Graph().as_default(), pytest.raises(UserError, match=r'records is damaged \(.+\)'):
        _run(tf.data.make_one_shot_iterator(tf.data.TFRecordDataset(path)).get_next())


@pytest.mark.parametrize('error, asked', [
    (tf.errors.InvalidArgumentError(None, None, 'Invalid JPEG data [[{{node IteratorGetNext}}]]'), True),
    (tf.errors.InvalidArgumentError(None, None, 'Incompatible shapes [[{{node add}}]]'), False),
    (tf.errors.ResourceExhaustedError(None, None, 'OOM [[{{node IteratorGetNext}}]]'), False)])
def test_the_input_is_asked_for_its_bad_record(error, asked):
    def input_fn():
        raise AssertionError('only its attribute is used')

    input_fn.find_bad_record = lambda: 'a.tfrecord, record 3: no image.'
    with pytest.raises(UserError if asked else (UserError, tf.errors.OpError)) as raised, user_errors('model.ckpt-1', input_fn):
        raise error
    assert (str(raised.value) == 'a.tfrecord, record 3: no image.') == asked


def test_too_little_memory():
    with pytest.raises(UserError, match='lower --batch_size'):
        with user_errors('model.ckpt-1'):
            raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating')


@pytest.mark.parametrize('error', [tf.errors.InvalidArgumentError(None, None, 'Incompatible shapes'), KeyError()])
def test_other_errors_stay(error):
    with pytest.raises(type(error)):
        with user_errors('model.ckpt-1'):
            raise error


def test_a_full_disk_is_not_called_a_lack_of_memory():
    with pytest.raises(UserError, match='The disk is full .*make room.*resumes from model.ckpt-1'):
        with user_errors('model.ckpt-1'):
            raise tf.errors.ResourceExhaustedError(None, None, 'model.ckpt-9.data-00000-of-00001; No space left on device')


def test_a_damaged_checkpoint_is_not_blamed_on_records():
    with pytest.raises(UserError, match='^model.ckpt-1 is damaged'):
        with user_errors('model.ckpt-1'):
            raise tf.errors.DataLossError(None, None, 'Unable to open table file /m/model.ckpt-1.index: not an sstable')


def test_a_full_disk_before_there_is_a_checkpoint():
    with pytest.raises(UserError, match='then give the same command[.]$'), user_errors(''):
        raise tf.errors.ResourceExhaustedError(None, None, 'setup/events; Disk quota exceeded')
