"""An exported BlitzNet behind the API: pictures in, boxes and masks out, and whatever else is sent as a picture."""
import base64
import json
import os
import re
import struct
import threading

import cv2
import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('prometheus_client')
from tests import small_model  # noqa: E402
from tools.serving import limits  # noqa: E402
from tools.serving import service as service_module  # noqa: E402
from tools.serving.app import create_app  # noqa: E402
from tools.serving.engine_models import EngineModel  # noqa: E402
from tools.serving.service import Service  # noqa: E402

PATH = '/v1/models/blitznet:predict'
BOUNDS = limits.Limits(max_body=1 << 20, max_pixels=10000, max_numbers=60000)


def png(height, width, seed=0):
    return cv2.imencode('.png', small_model.picture(height, width, seed)[..., ::-1])[1].tobytes()


def huge_png(width, height):
    """A small file whose header states many pixels."""
    return png(4, 4).replace(struct.pack('>II', 4, 4), struct.pack('>II', width, height), 1)


def b64(data):
    return {'b64': base64.b64encode(data).decode('ascii')}


@pytest.fixture(scope='module', name='client', params=['TensorFlow', 'engine'])
def client_of_the_export(request, export, frozen):
    """A client of the SavedModel, and one of the same network's raw outputs by the engines' interface."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == 'engine':
            patch.setattr(service_module, 'Model', lambda folder: EngineModel(frozen, 'tensorflow', 4))
        service = Service('blitznet', export, max_batch=4, batch_wait_s=.2, max_queue=10, timeout_s=60, bounds=BOUNDS)
        service.versions.refresh()
    assert service.versions.serving, 'the export could not be loaded'
    yield create_app(service).test_client()
    service.close()


def ask(client, *pictures, **body):
    return client.post(PATH, data=json.dumps(dict(body, instances=[b64(data) for data in pictures])))


def test_a_picture_has_boxes_and_a_mask_of_its_size(client):
    found = ask(client, png(50, 70)).json['predictions'][0]
    assert found['status'] == 'ok' and found['image_size'] == [50, 70] and found['class_names'] == ['background', 'disc', 'box']
    assert found['num_detections'] > 0 and 0 < found['scores'][0] <= 1 and found['classes'][0] in (1, 2)
    mask = cv2.imdecode(np.frombuffer(base64.b64decode(found['segmentation_png_bytes']['b64']), np.uint8), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (50, 70) and set(np.unique(mask)) <= {0, 1, 2}


def test_rows_and_columns_say_the_same(client):
    rows = ask(client, png(50, 70), png(64, 64)).json['predictions']
    columns = client.post(PATH, data=json.dumps({'inputs': {'image_bytes': [b64(png(50, 70)), b64(png(64, 64))]}})).json['outputs']
    assert {name: [row[name] for row in rows] for name in rows[0]} == columns


def test_a_bad_picture_harms_neither_its_own_request_nor_another_in_its_batch(client):
    alone = ask(client, png(50, 70)).json['predictions'][0]
    found = {}
    pictures = {'mixed': (png(50, 70), b'no picture'), 'bad': (b'',), 'good': (png(50, 70),)}
    threads = [threading.Thread(target=lambda name=name, data=data: found.update({name: ask(client, *data)})) for name, data in pictures.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one['status'] for one in found['mixed'].json['predictions']] == ['ok', 'not a JPEG or PNG file']
    assert found['bad'].status_code == 400
    for one in (found['good'].json['predictions'][0], found['mixed'].json['predictions'][0]):
        assert one['classes'] == alone['classes'] and one['segmentation_png_bytes'] == alone['segmentation_png_bytes']
        np.testing.assert_allclose(one['boxes'], alone['boxes'], atol=1e-4)


HOSTILE = [
    (b'', 'picture 0: not a JPEG or PNG file'), (b'garbage', 'not a JPEG or PNG file'), (png(50, 70)[:200], 'picture 0: damaged'),
    (b'BM' + bytes(60), 'not a JPEG or PNG file'), (b'RIFF\x00\x00\x00\x00WEBP', 'not a JPEG or PNG file'), (b'<svg/>', 'not a JPEG or PNG file'),
    (huge_png(65500, 65500), 'Picture 0 has 65500 x 65500 pixels (width x height), and the most is 10000.'),
    (huge_png(2 ** 31 - 1, 2 ** 31 - 1), 'Picture 0 has 2147483647 x 2147483647 pixels'),
    (b'\xff\xd8\xff\xc0\x00\x11\x08' + struct.pack('>HH', 65500, 65500) + bytes(10), 'Picture 0 has 65500 x 65500 pixels')]


@pytest.mark.parametrize('data, message', HOSTILE)
def test_a_hostile_picture_is_a_400(client, data, message):
    answer = ask(client, data)
    assert answer.status_code == 400 and message in answer.json['error'] and len(answer.data) < 500


@pytest.mark.parametrize('body, headers, code, message', [
    (b'[' * 100000, {}, 400, 'more than 32 lists'), (b'{' * 100000, {}, 400, 'JSON Parse error'), (b'\x00' * 100, {}, 400, 'JSON Parse error'),
    (b'{"instances": [{"b64": "_-_-"}]}', {}, 400, 'Unable to base64 decode'), (b'{"instances": [[1]]}', {}, 400, 'is not of expected type: string'),
    (b'{"instances": [{"image": {"b64": "aaaa"}}]}', {}, 400, 'it has: image_bytes'),
    (b'{"inputs": {"image_bytes": [["a"]]}}', {}, 400, 'must have the shape [-1]'), (b'x' * (1 << 20 | 1), {}, 413, 'bytes, and the most is 1048576'),
    (b'\x1f\x8b', {'Content-Encoding': 'gzip'}, 415, 'gzip is not taken'),
    (b'{"instances": [' + b'1,' * 200000 + b'1]}', {}, 400, 'more than 60000 values'),
    (b'{"instances": [' + b'[],' * 300 + b'[]]}', {}, 400, 'The request has 301 pictures, or other entries, and the most is 256'),
    (b'{"inputs": {"image_bytes": [' + b'"",' * 300 + b'""]}}', {}, 400, 'The request has 301 pictures')])
def test_a_hostile_body_is_a_4xx(client, body, headers, code, message):
    answer = client.post(PATH, data=body, headers=headers)
    assert answer.status_code == code and message in answer.json['error'] and len(answer.data) < 1000


@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='memory is read from /proc')
def test_hostile_pictures_take_no_memory(client):
    def resident_mb():
        with open('/proc/self/status') as file:
            return int(re.search(r'VmRSS:\s+(\d+)', file.read()).group(1)) / 1024
    by_header = [data for data, message in HOSTILE if message.startswith('Picture 0 has')]
    for data in by_header:
        ask(client, data)
    before = resident_mb()
    for data in by_header * 20:
        assert ask(client, data).status_code == 400
    assert ask(client, *[png(40, 40)] * 20).status_code == 200
    assert resident_mb() - before < 100  # one of them decoded takes 12 GB


@pytest.mark.parametrize('request_body, message', [
    ({'signature_name': 'raw_masks', 'instances': [b64(png(1, 9999)), b64(png(9999, 1))]}, 'numbers, and the most is 60000'),
    ({'signature_name': 'from_tensor', 'inputs': np.zeros([1, 250, 300, 3], int).tolist()}, 'The request holds more than 60000 values'),
    ({'signature_name': 'raw', 'inputs': {'input': np.zeros([5, 64, 64, 3], int).tolist()}}, 'The request holds more than 60000 values')])
def test_too_many_numbers_are_refused_before_the_model_runs(client, request_body, message):
    answer = client.post(PATH, data=json.dumps(request_body))
    assert answer.status_code == 400 and message in answer.json['error']


def test_masks_as_arrays_and_pixels_as_arrays(client):
    masks = ask(client, png(50, 70), signature_name='raw_masks').json['predictions'][0]['segmentation']
    pixels = small_model.picture(50, 70, 0)
    given = client.post(PATH, data=json.dumps({'signature_name': 'from_tensor', 'instances': [pixels.tolist()]})).json['predictions'][0]
    assert np.shape(masks) == (50, 70) and given['segmentation'] == masks


def test_the_page_is_told_of_the_model(client):
    told = client.get('/page/model.json').json
    assert [one['name'] for one in told['classes']] == ['disc', 'box'] and told['takes_pictures'] and told['side'] == 64


def test_an_empty_batch_has_an_empty_answer(client):
    assert client.post(PATH, data='{"inputs": {"image_bytes": []}}').json['outputs']['boxes'] == []


def test_no_answer_names_a_path_or_an_operation(client, export):
    for data in (b'garbage', png(50, 70)[:200]):
        text = ask(client, data).text
        assert not any(word in text for word in (export, 'Traceback', 'File "', 'map/', 'Decode', 'tensorflow'))
