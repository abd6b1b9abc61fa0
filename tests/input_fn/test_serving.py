"""Encoded bytes in an exported graph: one picture that cannot be read harms no other, and none is decoded that is too large."""
import struct

import cv2
import numpy as np
import pytest

from blitznet_estimator.resizing import network_input
from blitznet_estimator.runtime import tf
from input_fn import make_image_input_fn, serving
from input_fn.datasets.images import decode_image
from tests.input_fn.datasets import trees
from tests.input_fn.drawn_records import run, tiny_config

SIDE, MOST = 128, 10000
NOISE = np.random.RandomState(0).randint(0, 256, (40, 70, 3)).astype(np.uint8)


def encoded(kind, pixels=NOISE):
    return cv2.imencode(kind, pixels)[1].tobytes()


def jpeg_of(height, width):
    """A JPEG whose header states a size that it does not have."""
    data = encoded('.jpg')
    at = data.index(b'\xff\xc0') + 5
    return data[:at] + struct.pack('>HH', height, width) + data[at + 4:]


def png_of(height, width):
    data = encoded('.png')
    return data[:16] + struct.pack('>II', width, height) + data[24:]


@pytest.fixture(scope='module', name='receive')
def receiving_session():
    """{name of an input: value} -> (image, size, status)."""
    with tf.Graph().as_default(), tf.Session() as session:
        received = serving.receive(tiny_config(run=dict(export_max_pixels=MOST)))
        assert [(tensor.dtype, tensor.shape.as_list()) for tensor in received[1:]] == [
            (tf.float32, [None, SIDE, SIDE, 3]), (tf.int32, [None, 2]), (tf.string, [None])]
        yield lambda **given: session.run(received[1:], {received.inputs[name]: value for name, value in given.items()})


def test_bytes_are_read_as_prediction_reads_files(receive, tmp_path):
    files = {'a.jpg': encoded('.jpg'), 'b.png': encoded('.png', NOISE[:20]), 'c.png': encoded('.png', NOISE[..., 0])}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    batches = run(make_image_input_fn(tiny_config(), [str(tmp_path / name) for name in files]))
    image, size, status = receive(image_bytes=list(files.values()))
    np.testing.assert_array_equal(image, batches[0]['image'][:3])
    assert size.tolist() == [[40, 70], [20, 70], [40, 70]]
    assert status.tolist() == [b'ok'] * 3


BAD = {
    'empty': (b'', serving.NO_PICTURE), 'garbage': (b'no picture', serving.NO_PICTURE), 'BMP': (encoded('.bmp'), serving.NO_PICTURE),
    'WebP': (encoded('.webp'), serving.NO_PICTURE), 'GIF': (b'GIF89a' + bytes(100), serving.NO_PICTURE),
    'JPEG, magic alone': (b'\xff\xd8\xff', serving.DAMAGED), 'PNG, magic alone': (b'\x89PNG\r\n\x1a\n', serving.DAMAGED),
    'JPEG, cut': (encoded('.jpg')[:700], serving.DAMAGED), 'PNG, cut': (encoded('.png')[:700], serving.DAMAGED),
    'PNG of no pixels': (png_of(0, 40), serving.DAMAGED), 'PNG, one pixel too many': (png_of(1, MOST + 1), serving.TOO_LARGE),
    'JPEG, 65500 x 65500': (jpeg_of(65500, 65500), serving.TOO_LARGE),
    'PNG, 2 ** 31 x 2 ** 32': (png_of(2 ** 31 - 1, 2 ** 32 - 1), serving.TOO_LARGE)}


@pytest.mark.parametrize('name', sorted(BAD))
def test_a_bad_picture_has_a_status_and_its_neighbours_are_read(receive, name):
    data, expected = BAD[name]
    good = encoded('.png')
    image, size, status = receive(image_bytes=[good, data, good])
    assert [text.decode() for text in status] == ['ok', expected, 'ok']
    assert size.tolist() == [[40, 70], [0, 0], [40, 70]]
    assert not image[1].any()
    np.testing.assert_array_equal(image[0], image[2])


def test_cmyk_is_read_as_the_engines_read_it(receive):
    image, size, status = receive(image_bytes=[trees.CMYK_JPEG])
    assert status.tolist() == [b'ok'] and size.tolist() == [[4, 6]]
    np.testing.assert_allclose(image[0], network_input(decode_image(trees.CMYK_JPEG, 'here'), SIDE), atol=2 / 255)


def test_the_most_pixels_are_still_read(receive):
    assert receive(image_bytes=[encoded('.png', np.zeros((100, MOST // 100), np.uint8))])[2].tolist() == [b'ok']


def test_pixels_are_read_as_their_file_is(receive):
    from_file = receive(image_bytes=[encoded('.png')])
    from_pixels = receive(images=NOISE[None, ..., ::-1])
    for first, second in zip(from_file, from_pixels):
        np.testing.assert_array_equal(first, second)


def test_an_empty_batch(receive):
    assert [values.shape for values in receive(image_bytes=[])] == [(0, SIDE, SIDE, 3), (0, 2), (0,)]
