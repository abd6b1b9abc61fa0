import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.error

import cv2
import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('waitress')
pytest.importorskip('prometheus_client')
from blitznet_estimator.config import OWN_SCORES  # noqa: E402
from blitznet_estimator.errors import UserError  # noqa: E402
from tests import broken_server, small_model  # noqa: E402
from tests.paths import ROOT  # noqa: E402
from tests.tools import small_export  # noqa: E402
from tools import client  # noqa: E402
from tools.serving.app import create_app  # noqa: E402
from tools.serving.server import Server  # noqa: E402
from tools.serving.service import Service  # noqa: E402


@contextlib.contextmanager
def serving(folder):
    """The address of a server of an export, inside the `with` block."""
    service = Service('blitznet', folder, max_batch=4, batch_wait_s=0, max_queue=10, timeout_s=60)
    service.versions.refresh()
    server = Server(create_app(service), '127.0.0.1', 0, threads=4, max_body=1 << 20)
    thread = threading.Thread(target=server.run, args=(lambda: None, 0, 1))
    thread.start()
    yield server.url
    server.stop()
    thread.join(30)
    service.close()


@pytest.fixture(scope='module', name='url')
def url_of_a_server(export):
    with serving(export) as url:
        yield url


def test_pictures_are_drawn_whatever_they_are(url, tmp_path):
    pixels = small_model.picture(50, 70, 0)
    cv2.imwrite(str(tmp_path / 'a.bmp'), pixels[..., ::-1])  # the server takes no BMP: the client sends a PNG
    os.mkdir(str(tmp_path / 'more'))
    cv2.imwrite(str(tmp_path / 'more' / 'a.png'), pixels[..., ::-1])
    out = str(tmp_path / 'out')
    found = client.main(['--url=' + url, '--output_dir=' + out, '--min_score=0', str(tmp_path / 'a.bmp'), str(tmp_path / 'more')])
    assert sorted(os.listdir(out)) == ['a.png', 'a_2.png', 'found.json']
    first, second = found.values()
    assert first == second and first[0]['name'] in ('disc', 'box') and first[0]['score'] >= first[-1]['score']
    drawn = cv2.imread(os.path.join(out, 'a.png'))
    assert drawn.shape[1] >= 240 and len(np.unique(drawn.reshape(-1, 3), axis=0)) > 100


def test_a_refused_picture_does_not_end_the_others(url, tmp_path, caplog):
    """One whose body is too large for the server, and one that is no picture."""
    paths = [str(tmp_path / name) for name in ('a.png', 'b.png', 'c.jpg', 'd.png')]
    for path in (paths[0], paths[3]):
        cv2.imwrite(path, small_model.picture(50, 70, 0))
    cv2.imwrite(paths[1], np.random.RandomState(0).randint(0, 256, (700, 700, 3)).astype(np.uint8))  # 1.5 MB
    (tmp_path / 'c.jpg').write_bytes(b'no picture')
    with pytest.raises(client.Incomplete, match='2 of 4 pictures were skipped: %s, %s' % (paths[1], paths[2])) as raised:
        client.main(['--url=' + url, '--output_dir=%s' % (tmp_path / 'out'), '--min_score=0'] + paths)
    assert raised.value.exit_code == 3  # as predict's
    assert 'answers 413' in caplog.text or 'closed the connection before' in caplog.text  # as soon as it knows the size
    assert 'Skipped %s: ' % paths[1] in caplog.text and 'Skipped %s: the image cannot' % paths[2] in caplog.text
    with open(str(tmp_path / 'out' / 'found.json')) as file:
        found = json.load(file)
    assert sorted(found) == [paths[0], paths[3]] and found[paths[0]] == found[paths[3]] != []
    assert sorted(os.listdir(str(tmp_path / 'out'))) == ['a.png', 'd.png', 'found.json']


def test_what_was_found_is_kept_where_the_server_goes_away(url, tmp_path, monkeypatch):
    paths, real, asked = [str(tmp_path / name) for name in ('a.png', 'b.png')], client.ask, []

    def ask(*arguments):
        asked.append(1)
        if len(asked) == 2:
            raise UserError('it is gone')
        return real(*arguments)
    for path in paths:
        cv2.imwrite(path, small_model.picture(50, 70, 0))
    monkeypatch.setattr(client, 'ask', ask)
    with pytest.raises(UserError, match='it is gone'):
        client.main(['--url=' + url, '--output_dir=%s' % (tmp_path / 'out')] + paths)
    with open(str(tmp_path / 'out' / 'found.json')) as file:
        assert list(json.load(file)) == paths[:1]


def test_a_status_that_is_not_ok_is_a_refusal(monkeypatch):
    """TensorFlow Serving answers 200 with it."""
    monkeypatch.setattr(client.urllib.request, 'urlopen', lambda *_, **__: io.BytesIO(b'{"predictions": [{"status": "damaged"}]}'))
    with pytest.raises(client.Refused, match='http://x says: damaged.'):
        client.ask('http://x', b'', 1)


@pytest.mark.parametrize('absent', ['detect', 'segment'])
def test_a_network_with_one_head(absent, tmp_path, caplog):
    caplog.set_level('INFO')
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, small_model.picture(50, 70, 0))
    (tmp_path / 'model').mkdir()
    with serving(small_export.write(tmp_path / 'model', **{absent: False})) as url:
        found = client.main(['--url=' + url, '--output_dir=%s' % (tmp_path / 'out'), '--min_score=0', path])
    assert (found[path] == []) == (absent == 'detect')
    assert ('a.png: a mask -> ' in caplog.text) == (absent == 'detect')
    assert cv2.imread(str(tmp_path / 'out' / 'a.png')).shape[1] >= 240


def test_each_class_has_the_lowest_score_that_the_server_tells(export, tmp_path):
    """As mode predict has it."""
    folder, path = str(tmp_path / '1700000001'), str(tmp_path / 'a.png')
    shutil.copytree(export, folder)
    cv2.imwrite(path, small_model.picture(50, 70, 0))
    with serving(folder) as url:
        found = client.main(['--url=' + url, '--output_dir=%s' % (tmp_path / 'out'), '--min_score=0', path])[path]
    scores = sorted(one['score'] for one in found if one['name'] == 'disc')
    lowest = (scores[-1] + scores[-2]) / 2
    metadata = os.path.join(folder, 'assets.extra', 'metadata.json')
    with open(metadata) as file:
        told = dict(json.load(file), min_scores={'disc': lowest})
    with open(metadata, 'w') as file:
        json.dump(told, file)
    with serving(folder) as url:
        kept = client.main(['--url=' + url, '--output_dir=%s' % (tmp_path / 'out'), path])[path]
        other = client.own_scores(client.predict_url(url, 'other'), 5)
    assert kept == [one for one in found if one['score'] >= {'disc': lowest, 'box': .25}[one['name']]]
    assert [one['name'] for one in kept].count('disc') == 1 < len(found) and other == {}


def test_a_server_that_tells_no_lowest_score():
    assert client.own_scores('http://127.0.0.1:1/v1/models/m:predict', 1) == {}
    found = {'num_detections': 2, 'class_names': ['background', 'disc', 'box'], 'classes': [1, 2], 'scores': [.3, .2], 'boxes': [[0, 0, 1, 1]] * 2}
    assert [one['name'] for one in client.detections(found, OWN_SCORES, {})] == ['disc']
    assert [one['name'] for one in client.detections(found, 0., {'disc': .9})] == ['disc', 'box']
    with pytest.raises(UserError, match=r'--min_score=2.0 is not in \[0, 1\]'):
        client.parse(['--url=http://h', '--min_score=2', 'a.png'])


def test_what_the_server_says_is_told(url, tmp_path):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, small_model.picture(50, 70, 0))
    with pytest.raises(UserError, match='is the folder of .*a.png, which would be written over'):
        client.main(['--url=' + url, '--output_dir=%s' % tmp_path, path])
    with pytest.raises(UserError, match='answers 404: Servable not found for request: Latest.other.'):
        client.main(['--url=' + url, '--name=other', path])
    with pytest.raises(UserError, match='gives no prediction'):
        client.main(['--url=http://127.0.0.1:1', path])
    with pytest.raises(UserError, match='only files are sent'):
        client.main(['--url=' + url, 'http://127.0.0.1:1/x.jpg'])
    with pytest.raises(UserError, match='x.jpg: no such file'):
        client.main(['--url=' + url, str(tmp_path / 'x.jpg')])


def test_the_ten_lines_of_the_documentation_work(url, tmp_path, monkeypatch, capsys):
    with open(os.path.join(ROOT, 'docs', 'serving.md'), encoding='utf-8') as file:
        code, = [block for block in re.findall('```python\n(.*?)```', file.read(), re.DOTALL) if 'urllib' in block]
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, small_model.picture(50, 70, 0))
    monkeypatch.setattr(sys, 'argv', ['client', url + '/v1/models/blitznet:predict', path])
    exec(code, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(re.match(re.escape(path) + r' (disc|box) (1\.00|0\.[5-9]\d) \[', line) for line in lines)


@pytest.mark.skipif(not all(map(shutil.which, ('bash', 'curl', 'base64'))), reason='needs bash, curl and base64')
def test_the_line_of_curl_of_the_documentation_works(url, tmp_path):
    with open(os.path.join(ROOT, 'docs', 'serving.md'), encoding='utf-8') as file:
        line, = [block for block in re.findall('```\n(.*?)```', file.read(), re.DOTALL) if 'curl' in block]
    assert 'street.jpg' in line and 'http://127.0.0.1:8501' in line
    cv2.imwrite(str(tmp_path / 'street.jpg'), small_model.picture(50, 70, 0))
    done = subprocess.run(['bash', '-c', line.replace('http://127.0.0.1:8501', url)], cwd=str(tmp_path), stdout=subprocess.PIPE, timeout=60)
    answer, = json.loads(done.stdout.decode())['predictions']
    assert answer['status'] == 'ok' and answer['image_size'] == [50, 70] and answer['num_detections'] > 0


def test_a_busy_server_is_asked_again_when_it_says_so(monkeypatch):
    answers, slept = [503, 429, 200], []

    def urlopen(request, timeout):
        code = answers.pop(0)
        if code != 200:
            headers = {'Retry-After': '7'} if code == 503 else {}
            raise urllib.error.HTTPError(request.full_url, code, 'busy', headers, io.BytesIO(b'{"error": "full"}'))
        return io.BytesIO(b'{"predictions": [{"scores": []}]}')
    monkeypatch.setattr(client.urllib.request, 'urlopen', urlopen)
    assert client.ask('http://x', b'', 1, slept.append) == {'scores': []} and slept == [7, 1]
    answers += [503] * client.TRIES
    with pytest.raises(UserError, match='answers 503: full'):
        client.ask('http://x', b'', 1, slept.append)
    assert len(slept) == 2 + client.TRIES - 1


@pytest.mark.parametrize('answer', broken_server.ANSWERS + [
    broken_server.HEAD + b'\r\n' + body
    for body in (b'[' * 100000, b'\xff', b'7', b'{"predictions": 7}', b'{"predictions": {}}', b'{"classes": [7]}')])
def test_a_server_that_answers_something_else_is_a_sentence(answer):
    with broken_server.answering(answer) as address:
        assert client.own_scores(client.predict_url(address, 'm'), 5) == {}
        with pytest.raises(UserError, match='gives no prediction|answers 301'):
            client.ask(client.predict_url(address, 'm'), b'', 5)


def test_a_time_to_wait_that_is_no_number():
    assert [client._seconds(text) for text in ('7', '900', '9' * 5000, '\u00b2', '-1', '', None)] == [7, 30, 30, 1, 1, 1, 1]


@pytest.mark.parametrize('given', ['http://h:1', 'http://h:1/', 'http://h:1/v1/models/m', 'http://h:1/v1/models/m:predict'])
def test_addresses(given):
    assert client.predict_url(given, 'm') == 'http://h:1/v1/models/m:predict'
