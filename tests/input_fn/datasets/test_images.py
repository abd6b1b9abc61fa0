"""Image and mask files of every kind, and damaged ones."""
import struct
import zlib

import cv2
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets.images import check_graph_reads, check_grey, decode_image, decode_mask, standard_image
from tests.input_fn.datasets import trees

PICTURE = trees.picture()


def pixels(data):
    """What the pipeline's decoders will see of a file: standard_image, then decoding."""
    standard, height, width = standard_image(data, 'here')
    image = decode_image(standard, 'here')
    assert image.shape == (height, width, 3) and image.dtype == np.uint8
    return image


@pytest.mark.parametrize('data', [trees.jpeg(PICTURE), trees.png(PICTURE), trees.jpeg(PICTURE[..., 0]), trees.png(PICTURE[..., 0])])
def test_what_every_decoder_reads_alike_is_kept_as_it_is(data):
    assert standard_image(data, 'here') == (data, 20, 30)


@pytest.mark.parametrize('data', [
    trees.CMYK_JPEG, trees.png(np.dstack([PICTURE, PICTURE[..., :1]])), trees.png(PICTURE.astype(np.uint16)),
    trees.indexed_png(np.array([[0, 1, 2]])), trees.jpeg(PICTURE, turn=3)])
def test_what_decoders_read_differently_is_encoded_anew(data):
    anew = standard_image(data, 'here')[0]
    assert anew != data and standard_image(anew, 'here')[0] == anew


def test_grey_becomes_rgb():
    np.testing.assert_array_equal(pixels(trees.png(PICTURE[..., 0])), np.stack([PICTURE[..., 0]] * 3, axis=-1))


def test_alpha_is_dropped():
    alpha = np.full((20, 30, 1), 7, np.uint8)
    np.testing.assert_array_equal(pixels(trees.png(np.concatenate([PICTURE, alpha], axis=2))), PICTURE)


def test_sixteen_bits_become_eight():
    np.testing.assert_array_equal(pixels(trees.png(PICTURE.astype(np.uint16) * 256)), PICTURE)


def test_cmyk_becomes_rgb():
    image = pixels(trees.CMYK_JPEG)
    assert image.shape == (4, 6, 3)
    np.testing.assert_allclose(image[0, 0], (200, 40, 90), atol=3)


def test_indexed_image_becomes_rgb():
    image = pixels(trees.indexed_png(np.array([[0, 1, 2]])))
    np.testing.assert_array_equal(image[0, 1], [21, 28, 35])  # entries 3, 4 and 5 of the palette, times 7


def test_exif_turn_is_applied():
    stored = trees.picture()
    upright = pixels(trees.jpeg(stored, turn=6))  # 6: turn a quarter clockwise to see it upright
    assert upright.shape == (30, 20, 3)
    assert np.abs(upright.astype(int) - np.rot90(stored, -1)).mean() < 2  # JPEG's loss, twice


def test_exif_without_a_turn_is_kept():
    data = trees.jpeg(PICTURE, turn=1)
    assert standard_image(data, 'here')[0] == data


def test_one_pixel():
    np.testing.assert_array_equal(pixels(trees.png(np.array([[[1, 2, 3]]], np.uint8))), [[[1, 2, 3]]])


@pytest.mark.parametrize('data', [
    b'', b'nothing like an image', trees.jpeg(PICTURE)[:-40], trees.jpeg(PICTURE)[:30], trees.png(PICTURE)[:-30], trees.png(PICTURE)[:20]])
def test_damaged_image_is_an_error_that_names_it(data):
    with pytest.raises(UserError, match='^here: the image cannot be decoded'):
        standard_image(data, 'here')


@pytest.mark.parametrize('depth, values', [(1, [0, 1]), (2, [0, 1, 2, 3]), (4, [0, 1, 7, 15]), (8, [0, 1, 20, 255])])
def test_indexed_mask_gives_its_indices(depth, values):
    indices = np.random.RandomState(0).choice(values, (5, 9)).astype(np.uint8)
    np.testing.assert_array_equal(decode_mask(trees.indexed_png(indices, depth), 'here'), indices)


def test_grey_mask_gives_its_values():
    mask = np.random.RandomState(0).randint(0, 256, (5, 9)).astype(np.uint8)
    np.testing.assert_array_equal(decode_mask(trees.png(mask), 'here'), mask)
    np.testing.assert_array_equal(decode_mask(trees.png(mask.astype(np.uint16)), 'here'), mask)


@pytest.mark.parametrize('data, message', [
    (trees.png(PICTURE), 'here: the mask is a colour picture'),
    (trees.jpeg(PICTURE[..., 0]), 'here: the mask is not a PNG'),
    (b'', 'here: the mask is not a PNG'),
    (trees.indexed_png(np.zeros((50, 50), np.uint8))[:-20], 'here: the mask cannot be decoded'),
    (trees.png(np.full((2, 2), 300, np.uint16)), 'here: the mask holds the value 300'),
])
def test_bad_mask_is_an_error_that_names_it(data, message):
    with pytest.raises(UserError, match='^' + message):
        decode_mask(data, 'here')


def png_turned(turn):
    data = trees.png(PICTURE)
    tag = b'MM\x00*\x00\x00\x00\x08' + struct.pack('>HHHIHH', 1, 0x112, 3, 1, turn, 0) + bytes(4)
    return data[:33] + struct.pack('>I', len(tag)) + b'eXIf' + tag + struct.pack('>I', zlib.crc32(b'eXIf' + tag) & 0xffffffff) + data[33:]


def webp_turned(turn):
    image = cv2.imencode('.webp', PICTURE[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()[12:]
    tag = b'II*\x00\x08\x00\x00\x00' + struct.pack('<HHHIHH', 1, 0x112, 3, 1, turn, 0) + bytes(4)
    extended = b'VP8X' + struct.pack('<IB3x', 10, 8) + struct.pack('<I', 29)[:3] + struct.pack('<I', 19)[:3]
    body = b'WEBP' + extended + image + b'EXIF' + struct.pack('<I', len(tag)) + tag
    return b'RIFF' + struct.pack('<I', len(body)) + body


UPRIGHT = {1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud, 5: lambda p: p.transpose(1, 0, 2),
           6: lambda p: np.rot90(p, -1), 7: lambda p: np.rot90(p, 2).transpose(1, 0, 2), 8: np.rot90}


@pytest.mark.parametrize('turn', UPRIGHT)
@pytest.mark.parametrize('kind, loss', [(png_turned, 0), (webp_turned, 0), (lambda turn: trees.jpeg(PICTURE, turn), 2)], ids=['png', 'webp', 'jpeg'])
def test_every_kind_of_file_is_turned_alike(turn, kind, loss):
    upright = UPRIGHT[turn](PICTURE)
    seen = pixels(kind(turn))
    assert seen.shape == upright.shape and np.abs(seen.astype(int) - upright).mean() <= loss
    np.testing.assert_array_equal(decode_image(kind(turn), 'here', upright=True).shape, upright.shape)


@pytest.mark.parametrize('tag', [b'', b'II*\x00', b'II*\x00\xff\xff\xff\xff', b'MM\x00*' + bytes(4) + b'\xff' * 9, b'nothing of the kind'])
def test_damaged_exif_data_says_nothing(tag):
    data = trees.jpeg(PICTURE)
    data = data[:2] + b'\xff\xe1' + struct.pack('>H', len(tag) + 8) + b'Exif\x00\x00' + tag + data[2:]
    assert standard_image(data, 'here') == (data, 20, 30)


def damaged_for_the_graph():
    """A JPEG with a second start of a frame inside its scan: OpenCV completes the picture, and TensorFlow refuses it."""
    data = trees.jpeg(np.random.RandomState(0).randint(0, 256, (60, 80, 3)).astype(np.uint8))
    return data[:len(data) // 2] + b'\xff\xc0' + data[len(data) // 2:]


def test_what_the_graph_cannot_read_is_refused_though_opencv_reads_it():
    data = damaged_for_the_graph()
    with pytest.raises(UserError, match='^here: the image cannot be decoded'):
        standard_image(data, 'here')
    with pytest.raises(UserError, match='^here: the image cannot be decoded'):
        check_graph_reads(data, (60, 80), 'here')


@pytest.mark.parametrize('data', [trees.indexed_png(np.zeros((5, 5), np.uint8)), trees.png(np.zeros((5, 5), np.uint16))])
def test_masks_of_records_are_grey_bytes(data):
    check_grey(trees.png(np.zeros((5, 5), np.uint8)), 'here')
    with pytest.raises(UserError, match='^here: the mask is an indexed PNG or has not 8 bits'):
        check_grey(data, 'here')
