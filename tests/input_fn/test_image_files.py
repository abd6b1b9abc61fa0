"""Image files of every kind, for prediction."""
import struct

import cv2
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn import make_image_input_fn, read_pixels
from tests.input_fn.drawn_records import run, tiny_config

SIDE = 128
COLOR = (200, 100, 50)


def write(path, pixels, parameters=()):
    """Write RGB, grey or RGBA uint8 pixels; returns the path."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), pixels, list(parameters))
    return str(path)


def flat(height, width, color=COLOR):
    return np.full([height, width, len(color)], color, np.uint8)


def turned(path):
    """A JPEG of 40 x 60, left half dark and right half light, whose EXIF tag asks for a quarter turn clockwise."""
    pixels = flat(40, 60, (20, 20, 20))
    pixels[:, 30:] = 230
    data = open(write(path, pixels), 'rb').read()
    tiff = b'MM\x00*\x00\x00\x00\x08' + struct.pack('>HHHIHHI', 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b'Exif\x00\x00' + tiff
    path.write_bytes(data[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + data[2:])
    return str(path)


def features_of(paths, **data):
    """The batches' features, joined, without padding."""
    batches = run(make_image_input_fn(tiny_config(data=data), paths))
    joined = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    assert joined['source_id'].tolist() == list(range(len(paths))) + [-1] * (-len(paths) % 4)
    return {key: value[:len(paths)] for key, value in joined.items()}


def test_every_kind_becomes_rgb(tmp_path):
    grey = np.full([30, 50], 77, np.uint8)
    paths = [
        write(tmp_path / 'color.png', flat(30, 50)), write(tmp_path / 'color.jpg', flat(31, 50), (cv2.IMWRITE_JPEG_QUALITY, 100)),
        write(tmp_path / 'grey.png', grey), write(tmp_path / 'grey.jpg', grey), write(tmp_path / 'alpha.png', flat(32, 50, COLOR + (0,))),
        write(tmp_path / 'pixel.png', flat(1, 1)), write(tmp_path / 'color.bmp', flat(33, 50))]
    features = features_of(paths)
    assert features['size'].tolist() == [[30, 50], [31, 50], [30, 50], [30, 50], [32, 50], [1, 1], [33, 50]]
    for i, color in enumerate((COLOR, COLOR, (77,) * 3, (77,) * 3, COLOR, COLOR, COLOR)):
        np.testing.assert_allclose(features['image'][i] * 255, np.tile(color, [SIDE, SIDE, 1]), atol=2.5, err_msg=paths[i])


def test_an_exif_tag_turns_the_image(tmp_path):
    features = features_of([turned(tmp_path / 'turned.jpg')])
    assert features['size'].tolist() == [[60, 40]]
    assert features['image'][0, :50].mean() < .2 and features['image'][0, 78:].mean() > .8


@pytest.mark.parametrize('count', [1, 4, 5])
def test_the_last_batch_is_padded(tmp_path, count):
    assert len(features_of([write(tmp_path / 'image.png', flat(8, 8))] * count)['image']) == count


@pytest.mark.parametrize('data', [b'', b'no image', b'\x89PNG\r\n\x1a\n', None])
def test_a_bad_file_is_named(tmp_path, data):
    good, bad = write(tmp_path / 'good.png', flat(8, 8)), tmp_path / 'bad.jpg'
    if data is not None:
        bad.write_bytes(data)
    with pytest.raises(UserError, match='bad.jpg'):
        make_image_input_fn(tiny_config(), [good, str(bad)])


def test_a_file_of_more_pixels_than_the_configuration_allows_is_named(tmp_path):
    path = write(tmp_path / 'large.png', flat(20, 30))
    try:
        with pytest.raises(UserError, match='large.png: the image has 30 x 20 pixels .* --max_pixels=599'):
            make_image_input_fn(tiny_config(data=dict(max_pixels=599)), [path])
    finally:
        make_image_input_fn(tiny_config(), [path])


def test_a_file_cut_short_is_named(tmp_path):
    noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    path = tmp_path / 'cut.jpg'
    write(path, noise)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(UserError, match='cut.jpg'):
        make_image_input_fn(tiny_config(), [str(path)])


def test_a_picture_is_drawn_as_the_network_sees_it(tmp_path):
    path = turned(tmp_path / 'a.jpg')
    features, image = features_of([path]), read_pixels(path)
    assert features['size'].tolist() == [list(image.shape[:2])] == [[60, 40]]
    for row, seen in ((5, features['image'][0, 10]), (55, features['image'][0, -10])):
        np.testing.assert_allclose(image[row].mean(), seen.mean() * 255, atol=3)
