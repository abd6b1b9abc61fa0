import numpy as np

from blitznet_estimator.config import DataConfig
from input_fn.datasets import contents
from tests.input_fn.drawn_records import example, write_source


def test_boxes_are_counted_once(tmp_path, monkeypatch):
    image, data = np.zeros((20, 30, 3), np.uint8), DataConfig(prepared_dir=str(tmp_path / 'prepared'))
    records = [example(image, [[.1, .1, .8, .9]] * count, [0] * count) for count in (0, 3, 2)]
    source = write_source(tmp_path, [records[:2], records[2:]])
    assert contents.count_boxes(source, data) == 5
    monkeypatch.setattr(contents, 'read_samples', None)  # not read again
    assert contents.count_boxes(source, data) == 5
    monkeypatch.undo()
    source = write_source(tmp_path, [records, records])
    assert contents.count_boxes(source, data) == 10  # other files, though of the same names
    monkeypatch.setattr(contents.files, 'write_json', _refused)
    assert contents.count_boxes(source, DataConfig(prepared_dir=str(tmp_path / 'read-only'))) == 10
    monkeypatch.undo()
    for path in tmp_path.glob('prepared/counts/*/boxes.json'):
        path.write_text('damaged')
    assert contents.count_boxes(source, data) == 10


def _refused(path, value):
    raise PermissionError('read-only')


def test_pixels_are_counted_by_class(tmp_path, monkeypatch):
    """Two masks of 600 pixels, of which one has 100 of class 2 and 50 without a label, and an image without a mask."""
    image, data = np.zeros((20, 30, 3), np.uint8), DataConfig(prepared_dir=str(tmp_path / 'prepared'))
    mask = np.zeros((20, 30), np.uint8)
    other = mask.copy()
    other.ravel()[:100], other.ravel()[100:150] = 2, 255
    source = write_source(tmp_path, [[example(image, [], [], mask=mask), example(image, [], [], mask=other), example(image, [], [])]])
    assert contents.count_pixels(source, data) == [[600 + 450, 600 + 550], [0, 0], [100, 550]]
    monkeypatch.setattr(contents, 'read_samples', None)  # not read again
    assert contents.count_pixels(source, data) == [[1050, 1150], [0, 0], [100, 550]]
