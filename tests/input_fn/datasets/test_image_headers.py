"""Headers of pictures: kinds and sizes, also where they lie. Nothing is decoded before they are read."""
import struct
import zlib

import cv2
import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import image_headers
from input_fn.datasets.images import decode_image, decode_mask, limit_pixels
from tests.input_fn.datasets import trees

PICTURE = trees.picture(20, 30)
LOSSLESS_WEBP = [cv2.IMWRITE_WEBP_QUALITY, 101]


def encoded(extension, *options):
    return cv2.imencode(extension, PICTURE[..., ::-1], list(options))[1].tobytes()


def chunk(kind, body):
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body) & 0xffffffff)


def png_that_claims(width, height, colour=2):
    header = struct.pack('>IIBBBBB', width, height, 8, colour, 0, 0, 0)
    return image_headers.PNG + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(100))) + chunk(b'IEND', b'')


def jpeg_that_claims(width, height):
    data = encoded('.jpg')
    at = data.index(b'\xff\xc0') + 5
    return data[:at] + struct.pack('>HH', height, width) + data[at + 4:]


def bmp_that_claims(width, height):
    return encoded('.bmp')[:18] + struct.pack('<ii', width, height) + encoded('.bmp')[26:]


def webp_that_claims(width, height):
    image = encoded('.webp', *LOSSLESS_WEBP)
    return image[:21] + struct.pack('<I', width - 1 | height - 1 << 14) + image[25:]


def extended_webp_that_claims(width, height):
    body = b'WEBPVP8X' + struct.pack('<IB3x', 10, 0) + struct.pack('<I', width - 1)[:3] + struct.pack('<I', height - 1)[:3] + encoded('.webp')[12:]
    return b'RIFF' + struct.pack('<I', len(body)) + body


def ppm_that_claims(width, height):
    return b'P6\n# a comment\n%d %d\n255\n' % (width, height) + bytes(100)


def tiff_that_claims(width, height, tags=(256, 257)):
    entries = [(256, 30), (257, 20), (322, 30), (323, 20)]
    values = [(tag, dict(zip(tags, (width, height))).get(tag, value)) for tag, value in entries]
    return b'II*\x00\x08\x00\x00\x00' + struct.pack('<H', 4) + b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in values) + bytes(4)


CLAIMS = [png_that_claims, jpeg_that_claims, bmp_that_claims, extended_webp_that_claims, ppm_that_claims, tiff_that_claims]


@pytest.mark.parametrize('data', [
    encoded('.png'), encoded('.jpg'), encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1), encoded('.bmp'), encoded('.ppm'), encoded('.tiff'),
    encoded('.webp', *LOSSLESS_WEBP), encoded('.webp', cv2.IMWRITE_WEBP_QUALITY, 80),
    extended_webp_that_claims(30, 20), encoded('.ppm', cv2.IMWRITE_PXM_BINARY, 0)])
def test_the_stated_size_is_the_decoded_one(data):
    assert image_headers.size(data) == (20, 30) == decode_image(data, 'here').shape[:2]


@pytest.mark.parametrize('claim', CLAIMS)
def test_a_picture_that_claims_too_much_is_not_decoded(claim, monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
    with pytest.raises(UserError, match='^here: the image has 30000 x 29000 pixels .* more than --max_pixels=50000000'):
        decode_image(claim(30000, 29000), 'here')


def test_the_largest_lossless_webp(monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
    with pytest.raises(UserError, match='^here: the image has 16384 x 16384 pixels'):
        decode_image(webp_that_claims(16384, 16384), 'here')


def test_tiles_are_no_larger_than_pictures():
    with pytest.raises(UserError, match='^here: the image has 30000 x 29000 pixels'):
        decode_image(tiff_that_claims(30000, 29000, tags=(322, 323)), 'here')


def test_rows_from_the_top_have_a_height_too():
    with pytest.raises(UserError, match='^here: the image has 30000 x 29000 pixels'):
        decode_image(bmp_that_claims(30000, -29000), 'here')


def test_a_mask_that_claims_too_much():
    with pytest.raises(UserError, match='^here: the mask has 30000 x 29000 pixels .* raise --max_pixels'):
        decode_mask(png_that_claims(30000, 29000, colour=0), 'here')


def test_the_limit_can_be_moved():
    try:
        limit_pixels(599)
        with pytest.raises(UserError, match='--max_pixels=599'):
            decode_image(encoded('.png'), 'here')
        limit_pixels(600)
        assert decode_image(encoded('.png'), 'here').shape == (20, 30, 3)
    finally:
        limit_pixels(DataConfig().max_pixels)


@pytest.mark.parametrize('data', [
    b'\x00\x00\x00\x0cjP  \r\n\x87\n', b'\xff\x4f\xff\x51', b'\x59\xa6\x6a\x95', b'#?RADIANCE', b'GIF89a', b'RIFF\x10\x00\x00\x00WAVEfmt ',
    b'P7\n30 20\n', b'II+\x00'], ids=['JPEG 2000', 'its codestream', 'Sun raster', 'Radiance', 'GIF', 'sound', 'PAM', 'BigTIFF'])
def test_other_kinds_never_reach_a_decoder(data, monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
    with pytest.raises(UserError, match='^here: the image cannot be decoded .it is no JPEG, PNG, BMP, PPM, TIFF or WebP file.; convert it'):
        decode_image(data + bytes(100), 'here')


@pytest.mark.parametrize('length', [0xfffffff0, 0x7fffffff, 5000])
def test_a_chunk_that_claims_more_bytes_than_there_are(length, monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
    whole = png_that_claims(30, 20)
    at = whole.index(b'IDAT') - 4
    for data in (whole[:at] + struct.pack('>I', length) + whole[at + 4:],
                 whole[:at] + struct.pack('>I', length) + b'tEXt' + whole[at:]):
        with pytest.raises(UserError, match='^here: the image cannot be decoded'):
            decode_image(data, 'here')


def test_a_header_behind_a_marker_without_length_is_seen():
    data = encoded('.jpg')
    frame = data.index(b'\xff\xc0')
    lying = jpeg_that_claims(30000, 29000)
    hidden = data[:2] + b'\xff\xd0' + lying[2:frame] + lying[frame:]  # a reader that took a length here would skip the frame
    assert image_headers.size(hidden) == (29000, 30000)


@pytest.mark.parametrize('whole', [claim(30, 20) for claim in CLAIMS] + [webp_that_claims(30, 20)])
def test_headers_cut_anywhere_are_no_size_or_the_right_one(whole):
    for end in range(60):
        if image_headers.is_known(whole[:end]):
            assert image_headers.size(whole[:end]) in (None, (20, 30), (2, 30))  # a text may be cut within its number


def test_damage_anywhere_is_an_error_of_the_file_or_a_picture():
    random = np.random.RandomState(0)
    for whole in [encoded(kind) for kind in ('.png', '.jpg', '.bmp', '.ppm', '.tiff', '.webp')]:
        for _ in range(60):
            data = bytearray(whole)
            for at in random.randint(0, min(len(data), 200), 3):
                data[at] = random.randint(256)
            try:
                assert decode_image(bytes(data), 'here').ndim == 3
            except UserError as error:
                assert str(error).startswith('here: ')
