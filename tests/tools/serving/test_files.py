"""Files beside a SavedModel that the server reads: those of others are sentences."""
import json
import struct

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from tests.input_fn.datasets import trees
from tools.serving import warmup_requests
from tools.serving.saved_models import read_metadata


@pytest.mark.parametrize('content, said', [
    ([], 'not a JSON file of an object'), ({'class_names': 'abc'}, '"class_names" is'), ({'statuses': [7]}, '"statuses" is'),
    ({'max_pixels': '9'}, '"max_pixels" is \'9\''), ({'max_pixels': float('nan')}, '"max_pixels" is nan')])
def test_metadata_of_another_kind(tmp_path, content, said):
    assert read_metadata(str(tmp_path)) == {}
    trees.write(tmp_path, 'metadata.json', json.dumps(content))
    with pytest.raises(UserError, match='metadata.json: ' + said):
        read_metadata(str(tmp_path))


@pytest.mark.parametrize('record', [b'', b'\xff', b'\xff' * 200000, b'\x32\x05abc', b'\x0b', struct.pack('<I', 7)])
def test_requests_of_another_kind(tmp_path, record):
    path = str(tmp_path / 'requests')
    with tf.python_io.TFRecordWriter(path) as writer:
        writer.write(record)
    with pytest.raises(UserError, match='requests holds no requests for the warm-up'):
        warmup_requests.read(path)


def test_requests_that_were_cut(tmp_path):
    with pytest.raises(UserError, match='requests, record 0: damaged'):
        warmup_requests.read(trees.write(tmp_path, 'requests', b'abc'))
