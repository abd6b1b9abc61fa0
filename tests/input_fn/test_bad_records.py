"""An error of the pipeline that names no record: which record it was is found, and said with what to do."""
import cv2
import numpy as np
import pytest

from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.errors import UserError
from input_fn.bad_records import find_bad_record
from input_fn.datasets import reader
from input_fn.pipeline import make_input_fn
from tests.input_fn.drawn_records import example, run, tiny_config, write_source

PIXELS = cv2.resize(np.random.RandomState(0).randint(0, 256, (9, 9, 3)).astype(np.uint8), (64, 48))
JPEG = cv2.imencode('.jpg', PIXELS)[1].tobytes()
DAMAGED = {  # in place of the image: what is said
    'cut': (JPEG[:len(JPEG) // 2], 'the image cannot be decoded'), 'no image': (b'\xff\xd8nothing', 'the image cannot be decoded'),
    'known to OpenCV alone': (cv2.imencode('.bmp', PIXELS)[1].tobytes(), r'the image cannot be decoded \(it is neither JPEG nor PNG\)')}


def good():
    return example(PIXELS, [[.1, .2, .7, .9]], [1], np.zeros([48, 64], np.uint8), image__=[JPEG])


def source_with(folder, data):
    """Two files of records, the second one's record 2 with `data` as its image."""
    bad = example(PIXELS, [[.1, .2, .7, .9]], [1], image__=[data])
    return write_source(folder, [[good()] * 3, [good(), good(), bad, good()]])


@pytest.mark.parametrize('mode', ['train', 'infer'])
@pytest.mark.parametrize('name', sorted(DAMAGED))
def test_an_image_that_does_not_decode_is_named(tmp_path, name, mode):
    data, message = DAMAGED[name]
    input_fn = make_input_fn(tiny_config(), source_with(tmp_path, data), mode)
    with pytest.raises(UserError, match=r'drawn-1\.tfrecord, record 2: %s.* Delete or replace .*drawn-1\.tfrecord and' % message):
        with user_errors('', input_fn):
            run(input_fn, 3)


def test_what_tensorflow_alone_refuses_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, 'is_jpeg_or_png', lambda data: True)
    source = source_with(tmp_path, DAMAGED['known to OpenCV alone'][0])
    assert 'drawn-1.tfrecord, record 2: the image cannot be decoded' in find_bad_record(source, masks=True)


def test_a_damaged_file_is_named(tmp_path):
    source = source_with(tmp_path, JPEG)
    content = bytearray((tmp_path / 'drawn-1.tfrecord').read_bytes())
    content[-100] ^= 255
    (tmp_path / 'drawn-1.tfrecord').write_bytes(bytes(content))
    input_fn = make_input_fn(tiny_config(), source, 'train')
    with pytest.raises(UserError, match=r'drawn-1\.tfrecord, record 3: damaged or cut short'), user_errors('', input_fn):
        run(input_fn, 3)


def test_prepared_data_are_to_be_prepared_anew(tmp_path):
    source = source_with(tmp_path, b'\xff\xd8')
    (tmp_path / 'dataset_info.json').write_text('{}')
    assert ' Delete the folder %s and start again: ' % tmp_path in find_bad_record(source, masks=True)


def test_a_decoded_copy_is_looked_at_itself(tmp_path):
    source = source_with(tmp_path, JPEG)
    config = tiny_config(data=dict(cache='disk', prepared_dir=str(tmp_path / 'prepared')))
    assert make_input_fn(config, source, 'train').find_bad_record() is None
    copy, = (tmp_path / 'prepared' / 'decoded').glob('*drawn-1*')
    content = bytearray(copy.read_bytes())
    content[-9] ^= 255  # of the last record
    copy.write_bytes(content)
    assert '%s, record 3: damaged' % copy in make_input_fn(config, source, 'train').find_bad_record()


def test_nothing_is_said_of_good_records(tmp_path):
    source = source_with(tmp_path, JPEG)
    assert find_bad_record(source, masks=True) is None
