"""Image files of every kind, for prediction."""
import http.server
import re
import struct
import threading

import cv2
import numpy as np
import pytest

from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn import make_image_input_fn, read_pixels
from input_fn.image_files import ImageFiles
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


def _bad(tmp_path):
    """Files that are no images, and one that is missing."""
    for number, data in enumerate((b'', b'no image', b'\x89PNG\r\n\x1a\n', b'GIF89a')):
        (tmp_path / ('bad%d.jpg' % number)).write_bytes(data)
    noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    cut = tmp_path / 'bad-cut.jpg'
    write(cut, noise)
    cut.write_bytes(cut.read_bytes()[:1500])
    return sorted(map(str, tmp_path.glob('bad*'))) + [str(tmp_path / 'bad-missing.jpg')]


def test_bad_files_are_named_and_left_out(tmp_path, caplog):
    good, bad = write(tmp_path / 'good.png', flat(8, 8)), _bad(tmp_path)
    images = ImageFiles(tiny_config(data=dict(on_bad_record='skip')), [bad[0], good] + bad[1:])
    for _ in range(2):  # a second session reads them anew
        batch, = run(images.input_fn)
    assert batch['source_id'].tolist() == [1, -1, -1, -1] and batch['size'][0].tolist() == [8, 8]
    assert [path for path, _ in images.skipped] == bad
    (index, pixels), = images.pictures()
    assert index == 1 and (pixels == images.image(1).pixels()).all() and [path for path, _ in images.skipped] == bad
    assert all(path in problem and 'Skipped ' + problem in caplog.text for path, problem in images.skipped)


def test_no_good_file_is_no_batch(tmp_path):
    assert run(ImageFiles(tiny_config(data=dict(on_bad_record='skip')), _bad(tmp_path)).input_fn) == []


def test_a_bad_file_stops_the_session_where_that_is_asked_for(tmp_path):
    good = write(tmp_path / 'good.png', flat(8, 8))
    for bad in _bad(tmp_path):
        input_fn = make_image_input_fn(tiny_config(), [good, bad])
        with pytest.raises(UserError, match=re.escape(bad)), user_errors('', input_fn):
            run(input_fn)


def test_a_file_of_more_pixels_than_the_configuration_allows_is_named(tmp_path):
    path = write(tmp_path / 'large.png', flat(20, 30))
    try:
        images = ImageFiles(tiny_config(data=dict(max_pixels=599, on_bad_record='skip')), [path])
        assert run(images.input_fn) == []
        assert re.search('large.png: the image has 30 x 20 pixels .* --max_pixels=599', images.skipped[0][1])
    finally:
        make_image_input_fn(tiny_config(), [path])


def test_files_are_read_when_their_turn_comes(tmp_path):
    """Of a thousand, those of the first batches have been read when the first one is there."""
    path = write(tmp_path / 'good.png', flat(8, 8))
    images, read = ImageFiles(tiny_config(), [path] * 1000), []
    paths, images._paths = images._paths, (read.append(path) or path for path in images._paths)
    with tf.Graph().as_default(), tf.Session() as session:
        session.run(tf.data.make_one_shot_iterator(images.input_fn()).get_next())
    assert len(paths) == 1000 and 4 <= len(read) < 200


def test_a_url_is_loaded_once(tmp_path):
    write(tmp_path / 'a.png', flat(20, 30))
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path):
            asked.append(path)
            return str(tmp_path / path.lstrip('/'))

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = 'http://127.0.0.1:%d/' % server.server_port
        images = ImageFiles(tiny_config(data=dict(on_bad_record='skip')), [address + 'a.png', address + 'none.png'])
        batch, = run(images.input_fn)
        assert batch['size'][:2].tolist() == [[20, 30], [1, 1]]
        assert (images.image(0).pixels() == COLOR).all()
        assert asked == ['/a.png', '/none.png'] and images.skipped[0][0] == address + 'none.png'
        assert 'none.png cannot be loaded' in images.skipped[0][1]
        assert read_pixels(address + 'a.png').shape == (20, 30, 3) and asked[2:] == ['/a.png']  # anew: a camera has another picture by now
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize('address', ['http://127.0.0.1:1/a b.png', 'http://127.0.0.1:1/a\x01.png', 'http://[x/a.png', 'http://', 'http://h:x/a.png',
                                     'http://127.0.0.1:1/\u732b.png'])
def test_what_is_no_address_is_left_out(address):
    images = ImageFiles(tiny_config(data=dict(on_bad_record='skip')), [address])
    assert run(images.input_fn) == [] and images.skipped[0][1].startswith(address + ' cannot be loaded (')


def test_a_picture_is_drawn_as_the_network_sees_it(tmp_path):
    path = turned(tmp_path / 'a.jpg')
    features, image = features_of([path]), read_pixels(path)
    assert features['size'].tolist() == [list(image.shape[:2])] == [[60, 40]]
    for row, seen in ((5, features['image'][0, 10]), (55, features['image'][0, -10])):
        np.testing.assert_allclose(image[row].mean(), seen.mean() * 255, atol=3)
