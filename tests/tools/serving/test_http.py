"""What is sent over a socket, byte by byte: forms of HTTP that clients rarely send, and what must not keep the server from answering others."""
import concurrent.futures
import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip('flask')
pytest.importorskip('waitress')
pytest.importorskip('prometheus_client')
from tests.tools.serving.live import running  # noqa: E402
from tools.serving import hosts, limits  # noqa: E402
from tools.serving.app import create_app  # noqa: E402
from tools.serving.service import Service  # noqa: E402

BODY = b'{"inputs": [0, 2]}'
ANSWER = {'outputs': [2.0, 3.0]}
BOUNDS = limits.Limits(max_numbers=10 ** 6)


def serve(folder, **options):
    """A Service of half_plus_two."""
    service = Service('half', folder, **dict(dict(max_batch=1, batch_wait_s=0, max_queue=4, timeout_s=60, bounds=BOUNDS), **options))
    service.versions.refresh()
    return service


@pytest.fixture(scope='module', name='url')
def url_of_a_server(half_plus_two):
    service = serve(half_plus_two)
    with running(create_app(service, names=hosts.allowed('127.0.0.1')), max_body=100000) as server:
        yield server.url
    service.close()


def ask(url, first_line, *headers, body=b'', host='localhost'):
    """(code, JSON of the answer) of bytes that are sent as they are."""
    lines = [first_line + ' HTTP/1.1', 'Host: ' + host, 'Connection: close'] + list(headers)
    with socket.create_connection(url.split('//')[1].split(':'), timeout=30) as client:
        client.sendall('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)
        parts = []
        with contextlib.suppress(ConnectionResetError):  # after the answer, where the server did not read all
            parts.extend(iter(lambda: client.recv(10000), b''))
    answer = b''.join(parts)
    head, _, text = answer.partition(b'\r\n\r\n')
    return int(head.split()[1]), json.loads(text.decode()) if b'application/json' in head else text


def chunked(data, size):
    parts = [data[start:start + size] for start in range(0, len(data), size)] + [b'']
    return b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in parts)


PREDICT = 'POST /v1/models/half:predict'


def test_a_body_in_chunks(url):
    assert ask(url, PREDICT, 'Transfer-Encoding: chunked', body=chunked(BODY, 5)) == (200, ANSWER)


def test_chunks_over_the_limit_are_refused(url):
    code, answer = ask(url, PREDICT, 'Transfer-Encoding: chunked', body=chunked(b' ' * 150000, 50000))
    assert code == 413 and answer == {'error': 'Request Entity Too Large'}


@pytest.mark.parametrize('header, code', [
    ('Transfer-Encoding: gzip, chunked', 501), ('Transfer-Encoding: gzip', 501), ('Content-Encoding: gzip', 415), ('Content-Length: 1e5', 400),
    ('Content-Length: -1', 400), ('X: ' + 'y' * (64 << 10), 431)])
def test_what_is_not_taken(url, header, code):
    found, answer = ask(url, PREDICT, header)
    assert found == code and list(answer) == ['error'] and len(answer['error']) < 400


def test_the_form_of_an_address_that_proxies_are_asked_in(url):
    assert ask(url, 'GET %s/v1/models/half' % url)[1]['model_version_status'][0]['state'] == 'AVAILABLE'
    assert ask(url, PREDICT.replace('/v1', url + '/v1'), 'Content-Length: %d' % len(BODY), body=BODY) == (200, ANSWER)
    assert ask(url, 'GET %s/healthz' % url) == (200, b'ok\n') and ask(url, 'GET %s/nothing' % url)[0] == 404


@pytest.mark.parametrize('path', ['/', '/page/model.json', '/page/samples/0', '/v1/models/half', '/metrics', '/nothing'])
def test_a_site_that_points_its_name_at_this_machine_reads_nothing(url, path):
    refused = (403, {'error': 'Host: rebound.example:8501 is no name of this server. --allowed_hosts gives it more names.'})
    assert ask(url, 'GET ' + path, host='rebound.example:8501') == refused
    assert ask(url, 'GET http://rebound.example:8501' + path) == refused  # which counts more than Host does
    assert ask(url, 'GET ' + path)[0] in (200, 404)


# Places

def test_a_server_that_is_full_refuses_before_it_reads_and_times_out_those_whose_turn_does_not_come(half_plus_two):
    service = serve(half_plus_two, max_queue=1, timeout_s=.3)
    target = type('Target', (), dict(name='half', version=None, label=None))
    begun, over, service._texts = threading.Semaphore(0), threading.Event(), threading.BoundedSemaphore(1)

    def slow():
        begun.release()
        assert over.wait(30)
        return BODY
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        reading = pool.submit(service.predict, target, slow)
        assert begun.acquire(timeout=30)
        waiting = [pool.submit(service.predict, target, slow) for _ in range(2)]
        end = time.monotonic() + 30
        while service._free_places._value and time.monotonic() < end:
            time.sleep(.001)
        with pytest.raises(Exception, match='The server is full: 3 requests are under way. Try again later.') as full:
            service.predict(target, None)
        assert full.value.code == 503 and full.value.headers == {'Retry-After': '1'}
        for one in waiting:
            assert one.exception(30).code == 504
        over.set()
        reading.exception(30)
    assert service._free_places._value == 3 and service._texts._value == 1
    service.close()


def test_bodies_that_are_slow_to_read_keep_nobody_from_asking_for_the_servers_health(half_plus_two):
    service = serve(half_plus_two)
    body = b'{"inputs": [[%s]]}' % b','.join([b'1.5'] * 200000)

    def post():
        try:
            with urllib.request.urlopen(urllib.request.Request(server.url + '/v1/models/half:predict', body), timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
    with running(create_app(service), max_body=4 << 20, threads=service.places + 4) as server, concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = [pool.submit(post) for _ in range(24)]
        seconds = []
        while not all(answer.done() for answer in answers):
            began = time.monotonic()
            assert urllib.request.urlopen(server.url + '/healthz', timeout=30).status == 200
            seconds.append(time.monotonic() - began)
        assert {answer.result() for answer in answers} <= {200, 503} and 200 in {answer.result() for answer in answers}
    assert max(seconds) < 3
    service.close()
