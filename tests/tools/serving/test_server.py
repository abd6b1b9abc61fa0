"""The server as clients meet it: over sockets, by a client that others wrote, to its end, and while versions change."""
import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('waitress')
pytest.importorskip('prometheus_client')
from blitznet_estimator.engines import registry as engines  # noqa: E402
from blitznet_estimator.formats import registry as formats  # noqa: E402
from tests.paths import ROOT  # noqa: E402
from tests.tools import small_export  # noqa: E402
from tests.tools.serving import models  # noqa: E402
from tests.tools.serving.live import running  # noqa: E402
from tests.tools.serving.test_pictures import png  # noqa: E402
from tools import serve  # noqa: E402
from tools.serving.app import create_app  # noqa: E402
from tools.serving.server import Server  # noqa: E402
from tools.serving.service import Service  # noqa: E402


def post(url, body, timeout=60):
    """(code, answer) of a request."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read().decode('utf-8'))


def slow_app(seconds):
    """A WSGI application that answers after a while, and a counter of the requests that it has begun."""
    begun = threading.Semaphore(0)

    def app(environ, start_response):
        begun.release()
        time.sleep(seconds)
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [b'{"answer": 1}']
    return app, begun


def test_the_end_loses_no_answer_and_refuses_what_comes_later():
    app, begun = slow_app(.5)
    with running(app) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(post, server.url, b'{}') for _ in range(8)]
        for _ in answers:
            assert begun.acquire(timeout=10)
        server.stop()
        assert [answer.result(30) for answer in answers] == [(200, {'answer': 1})] * 8
    with pytest.raises(urllib.error.URLError):
        post(server.url, b'{}')


def test_while_it_ends_it_answers_and_says_that_the_connection_ends():
    app, begun = slow_app(.3)
    with running(app, notice_s=.6) as server:
        connection = http.client.HTTPConnection(server.url.split('//')[1])
        for _ in range(2):
            connection.request('GET', '/')
            answer = connection.getresponse()
            assert answer.read() and answer.getheader('Connection') is None
        server.stop()
        connection.request('GET', '/')
        assert connection.getresponse().getheader('Connection') == 'close'


def test_the_end_takes_no_longer_than_it_may():
    over = threading.Event()

    def app(environ, start_response):
        begun.release()
        over.wait(60)
        start_response('200 OK', [])
        return []
    begun, found = threading.Semaphore(0), []
    server = Server(app, '127.0.0.1', 0, threads=2, max_body=1000)
    thread = threading.Thread(target=lambda: found.append(server.run(lambda: None, 60, .4)))
    thread.start()
    with socket.create_connection(server.url.split('//')[1].split(':'), timeout=30) as client:
        client.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        assert begun.acquire(timeout=30)
        began = time.monotonic()
        server.stop()
        thread.join(30)
        assert .4 <= time.monotonic() - began < 4 and found == [(False, 0)]
    over.set()


def test_a_body_over_the_limit_is_refused_before_it_is_sent():
    app, begun = slow_app(0)
    with running(app, max_body=1000) as server:
        with socket.create_connection(server.url.split('//')[1].split(':'), timeout=10) as client:
            client.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')
            answer = b''.join(iter(lambda: client.recv(10000), b''))  # to its end: it may come in pieces
        assert answer.startswith(b'HTTP/1.1 413') and answer.endswith(b'{"error": "Request Entity Too Large"}')
        assert not begun.acquire(blocking=False)


def test_a_client_that_others_wrote(half_plus_two):
    ovmsclient = pytest.importorskip('ovmsclient')
    service = Service('half', half_plus_two, max_batch=4, batch_wait_s=0, max_queue=10, timeout_s=60)
    service.versions.refresh()
    with running(create_app(service)) as server:
        client = ovmsclient.make_http_client(server.url.split('//')[1])
        np.testing.assert_allclose(client.predict({'x': np.float32([1, 2])}, 'half', 123), [2.5, 3])
        assert client.get_model_status('half', 123) == {123: {'state': 'AVAILABLE', 'error_code': 0, 'error_message': ''}}
        with pytest.raises(ovmsclient.ModelNotFoundError, match='Servable not found'):
            client.predict({'x': np.float32([1])}, 'other', 123)
        with pytest.raises(ovmsclient.InvalidInputError, match='Missing named input: x'):
            client.predict({'y': np.float32([1])}, 'half', 123)
    service.close()


# As a process

def start(*arguments):
    """(process of the server, URL of its model)."""
    process = subprocess.Popen([sys.executable, '-m', 'tools.serve', '--port=0'] + list(arguments), cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True)
    line = process.stdout.readline()
    found = re.search(r'http://\S+', line)
    assert found, line + process.communicate()[1]
    return process, found.group()


@pytest.mark.slow
def test_sigterm_ends_the_process_when_all_that_was_sent_is_answered(several):
    process, url = start('--model=' + several, '--batch_wait_ms=1500', '--max_batch=64')
    body = json.dumps({'signature_name': 'root', 'instances': [4, 9]}).encode()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(post, url + ':predict', body) for _ in range(16)]
        time.sleep(.7)  # all are in the queue
        process.send_signal(signal.SIGTERM)
        assert [answer.result(30) for answer in answers] == [(200, {'predictions': [2.0, 3.0]})] * 16
    assert process.wait(30) == 0 and 'Stopped.' in process.stderr.read()


@pytest.mark.slow
def test_the_process_ends_in_time_even_where_requests_are_left(several):
    process, url = start('--model=' + several, '--batch_wait_ms=60000', '--max_batch=64', '--drain_s=2')
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, url + ':predict', b'{"signature_name": "root", "instances": [4]}')
        end = time.monotonic() + 30
        while b'blitznet_queue_length 1.0' not in urllib.request.urlopen(url.split('/v1/')[0] + '/metrics').read():
            assert time.monotonic() < end
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == serve.LOST and time.monotonic() - began < 6
        assert answer.exception(30)  # the connection ends
    said = process.stderr.read()
    assert 'After 2 s there are requests without an answer.' in said and 'Stopped while the model ran.' in said


def memory_mb(process, what='VmRSS'):
    """Resident memory of a process; VmHWM: the most that it was."""
    with open('/proc/%d/status' % process.pid) as file:
        return int(re.search(what + r':\s+(\d+)', file.read()).group(1)) / 1024


@contextlib.contextmanager
def asked(url, body, clients):
    """Post a body by so many clients, again and again, within a `with` block; gives the list of what they get, which grows: (code, answer)."""
    over, found = threading.Event(), []

    def ask():
        while not over.is_set():
            found.append(post(url, body))
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(ask) for _ in range(clients)]
        try:
            yield found
        finally:
            over.set()
    for one in asking:
        one.result()


def states(url):
    """The versions of a model, as the server tells them."""
    return json.load(urllib.request.urlopen(url))['model_version_status']


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='memory is read from /proc')
def test_20_swaps_under_load_lose_no_answer_and_no_memory(tmp_path):
    models.half_plus_two(tmp_path / 'base', 1, add=1.)  # no version answers as another does
    process, url = start('--model=%s' % (tmp_path / 'base'), '--poll_s=0.05')
    memory = []
    with asked(url + ':predict', b'{"instances": [0]}', clients=4) as found:
        for number in range(2, 22):
            os.rename(models.half_plus_two(tmp_path / 'made', number, add=float(number)), str(tmp_path / 'base' / str(number)))
            end = time.monotonic() + 60
            while not any(answer == (200, {'predictions': [float(number)]}) for answer in found[-8:]):
                assert time.monotonic() < end
                time.sleep(.01)
            memory.append(memory_mb(process))
    found_states = states(url)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert {code for code, _ in found} == {200} and len(found) > 100
    assert [one['state'] for one in found_states if one['state'] != 'END'] == ['AVAILABLE'] and len(found_states) == 21
    assert max(memory[10:]) - min(memory[5:10]) < 15, memory


@pytest.mark.slow
@pytest.mark.one_python
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='memory is read from /proc')
@pytest.mark.parametrize('engine', ['tensorflow', 'openvino', 'onnxruntime', 'tflite'])
def test_20_swaps_of_a_network_lose_no_answer_and_no_memory(frozen, tmp_path, engine):
    """A session of it that is not freed takes several MB."""
    made = shutil.copytree(os.path.dirname(frozen), str(tmp_path / 'export'))
    if engine != 'tensorflow':
        format_name, = engines.ENGINES[engine].formats
        if formats.missing(format_name):
            pytest.skip('%s is not installed' % ' and '.join(formats.missing(format_name)))
        small_export.add_format(os.path.join(made, os.path.basename(frozen)), format_name)
    base = tmp_path / 'base'
    shutil.copytree(made, str(base / '1'))
    process, url = start('--model=%s' % base, '--poll_s=0.05', '--engine=' + engine)
    body, memory = json.dumps({'instances': [{'b64': base64.b64encode(png(50, 70)).decode()}]}).encode(), []
    with asked(url + ':predict', body, clients=2) as found:
        for number in range(2, 22):
            shutil.copytree(made, str(tmp_path / 'made'))
            os.rename(str(tmp_path / 'made'), str(base / str(number)))
            end = time.monotonic() + 60
            while [one['version'] for one in states(url) if one['state'] != 'END'] != [str(number)]:
                assert time.monotonic() < end
                time.sleep(.01)
            memory.append(memory_mb(process))
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert {code for code, _ in found} == {200} and len(found) > 20
    assert max(memory[10:]) - min(memory[5:10]) < 60, memory


@pytest.mark.slow
@pytest.mark.one_python
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='memory is read from /proc')
def test_pictures_of_the_most_pixels_are_decoded_one_after_the_other(export):
    """8 of 7000 x 7000 pixels, 1.2 GB at once, by the limits that the server has by default."""
    process, url = start('--model=' + export)
    picture = cv2.imencode('.png', np.zeros((7000, 7000), np.uint8))[1].tobytes()
    body = json.dumps({'instances': [{'b64': base64.b64encode(picture).decode()}] * 8}).encode()
    before = memory_mb(process, 'VmHWM')
    code, answer = post(url + ':predict', body, timeout=120)
    grown = memory_mb(process, 'VmHWM') - before
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert code in (200, 504) and grown < 700, (code, grown)
