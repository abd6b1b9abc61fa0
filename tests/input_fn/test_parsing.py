"""Parsing of records: sizes from the image's header, and malformed records by name."""
import cv2
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from input_fn import record_files
from input_fn.datasets.formats import PREPARED, TFDS_VOC
from input_fn.parsing import parse
from tests.input_fn.drawn_records import example, run, write_source

GREY = np.full([40, 40, 3], 200, np.uint8)
BOX = [[.2, .2, .8, .8]]


def samples(folder, shards, record_format=PREPARED, **options):
    source = write_source(folder, shards, record_format)
    return run(lambda: record_files.read_in_order(source).map(lambda item: parse(item, source.format, source.num_classes, **options)))


def test_a_sample(tmp_path):
    mask = np.ones([40, 40], np.uint8)
    sample, = samples(tmp_path, [[example(GREY, [[.1, .2, .3, .4], [-1, .5, 2, .6]], [0, 2], mask)]])
    np.testing.assert_allclose(sample['boxes'], [[.1, .2, .3, .4], [0, .5, 1, .6]])
    assert sample['classes'].tolist() == [1, 3]
    assert sample['size'].tolist() == [40, 40]
    assert sample['has_boxes'] and sample['source_id'] == 0 and sample['index'] == 0
    for key, expected in (('image', GREY), ('mask', mask)):
        np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(sample[key], np.uint8), cv2.IMREAD_UNCHANGED), expected)
    assert samples(tmp_path, [[example(GREY, mask=mask)]], masks=False)[0]['mask'] == b''
    assert samples(tmp_path, [[example(GREY, mask=mask, has_mask=[0])]])[0]['mask'] == b''


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_formats_without_sizes_read_them_from_the_image(tmp_path, suffix):
    data = cv2.imencode(suffix, np.full([30, 50, 3], 128, np.uint8))[1].tobytes()
    sample, = samples(tmp_path, [[example(GREY, BOX, [0], image__=[data], height=None, width=None)]], TFDS_VOC)
    assert sample['size'].tolist() == [30, 50]


MALFORMED = {
    'no image': dict(image__=None), 'empty image': dict(image__=[b'']), 'labels': dict(labels=[0, 1]), 'class': dict(labels=[3]),
    'negative class': dict(labels=[-1]), 'nan': dict(boxes=[[.1, .1, float('nan'), .5]]),
    'odd coordinates': dict(objects__bbox=[.1, .1, .5])}


@pytest.mark.parametrize('name', sorted(MALFORMED))
def test_a_malformed_record_is_named(tmp_path, name):
    good = example(GREY, BOX, [0])
    bad = example(GREY, **dict(dict(boxes=BOX, labels=[0]), **MALFORMED[name]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r'(?s)drawn-1\.tfrecord.*record.*1'):
        samples(tmp_path, [[good] * 3, [good, bad]])
