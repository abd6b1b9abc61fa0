"""Files of the web: what breaks off, is no HTTP, or never ends is one sentence."""
import time

import pytest

from blitznet_estimator.errors import UserError
from input_fn import urls
from tests import broken_server

CHUNKED = broken_server.HEAD + b'Transfer-Encoding: chunked\r\n\r\n'


@pytest.mark.parametrize('answer', broken_server.ANSWERS)
def test_a_server_that_breaks_off_or_speaks_no_http_is_a_sentence(answer):
    with broken_server.answering(answer) as address:
        try:
            assert urls.load(address + 'a.png') in (b'', b'ab')  # a length that is no number does not count
        except UserError as error:
            assert str(error).startswith(address + 'a.png cannot be loaded (')


@pytest.mark.parametrize('head, body', [
    (broken_server.HEAD + b'\r\n', b'picture'), (broken_server.HEAD + b'Content-Length: 7\r\n\r\n', b'picture'),
    (CHUNKED, b'4\r\npict\r\n3\r\nure\r\n0\r\n\r\n')])
def test_a_slow_file_is_whole(head, body):
    with broken_server.answering(head + body, pause=.001) as address:
        assert urls.load(address) == b'picture'


@pytest.mark.parametrize('answer', [
    broken_server.HEAD + b'a: b\r\n' * 90, broken_server.HEAD + b'Content-Length: 999\r\n\r\n' + bytes(900), CHUNKED + b'0' * 900,
    CHUNKED + b'999\r\n' + bytes(900)], ids=['headers', 'a file', "a chunk's length", 'a chunk'])
def test_a_server_that_sends_byte_by_byte_is_left(monkeypatch, answer):
    monkeypatch.setattr(urls, 'LONGEST_LOAD', .3)
    start = time.monotonic()
    with broken_server.answering(answer, pause=.005) as address:
        with pytest.raises(UserError, match='%sa.png cannot be loaded .it did not come within 0.3 seconds' % address):
            urls.load(address + 'a.png')
        assert time.monotonic() - start < 2


def test_a_file_that_is_too_large_is_not_taken(monkeypatch):
    monkeypatch.setattr(urls, 'LARGEST_FILE', 1 << 20)
    with broken_server.answering(broken_server.HEAD + b'\r\n' + bytes((1 << 20) + 1)) as address, pytest.raises(UserError, match='larger than 1 MB'):
        urls.load(address)
    with broken_server.answering(broken_server.HEAD + b'\r\n' + bytes(1 << 20)) as address:
        assert urls.load(address) == bytes(1 << 20)
