"""Archives come by TFDS, checked against registered checksums, from a server of the test's own; a local copy needs neither."""
import hashlib
import http.server
import io
import os
import shutil
import socket
import tarfile
import threading
import time

import pytest
import requests

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import download as downloads
from input_fn.datasets import tfds_privates, voc
from input_fn.datasets.archives import extracted
from input_fn.datasets.download import download
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.input_fn.datasets import trees
from tests.input_fn.datasets.test_archives import make_tar


class Server(http.server.ThreadingHTTPServer if hasattr(http.server, 'ThreadingHTTPServer') else http.server.HTTPServer):
    """Serves `files` {name: bytes}, and counts the requests; 'cut' sends less than it says, 'busy' is 503, 'silent' never answers."""
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.files, self.requests, self.closing = {}, [], threading.Event()

    def url(self, name):
        return 'http://127.0.0.1:%d/%s' % (self.server_address[1], name)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.lstrip('/')
        self.server.requests.append(name)
        if name == 'silent':
            self.server.closing.wait(20)
            return
        content = self.server.files.get(name)
        self.send_response(200 if content is not None else 503 if name == 'busy' else 404)
        self.send_header('Content-Length', str(len(content or b'') * (2 if name == 'cut' else 1)))
        self.end_headers()
        self.wfile.write(content or b'')

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=.02), daemon=True)
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def register(tmp_path, monkeypatch):
    """(url, content) -> nothing: register the checksum of a content."""
    path = str(tmp_path / 'registered.txt')
    monkeypatch.setattr(downloads, '_CHECKSUMS', path)
    open(path, 'w').close()

    def add(url, content):
        with open(path, 'a') as file:
            file.write('%s %d %s\n' % (url, len(content), hashlib.sha256(content).hexdigest()))
    return add


def archive(**files):
    """Bytes of a .tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def test_a_registered_archive(server, register, tmp_path, caplog):
    server.files['set.tar'] = archive(a=b'one')
    register(server.url('set.tar'), server.files['set.tar'])
    folder = extracted('set.tar', str(tmp_path), str(tmp_path / 'root'), {'set.tar': server.url('set.tar')})
    assert read(os.path.join(folder, 'a')) == b'one' and 'no registered checksum' not in caplog.text
    assert sorted(os.listdir(str(tmp_path / 'root/archives'))) == ['.lock', 'set', 'set.tar']  # the archive is kept, and nothing else


def test_another_content_than_the_registered_is_refused_each_time(server, register, tmp_path):
    server.files['set.tar'] = b'other'
    register(server.url('set.tar'), b'these')
    for _ in range(2):
        with pytest.raises(UserError, match='set.tar cannot be downloaded from http.*another size or SHA-256 .* put it into --data_dir'):
            download(server.url('set.tar'), str(tmp_path / 'set.tar'))
    assert os.listdir(str(tmp_path)) == ['registered.txt']


def test_without_a_registered_checksum_it_is_said(server, register, tmp_path, caplog):
    server.files['set.tar'] = b'content'
    with caplog.at_level('WARNING', 'blitznet'):
        path = download(server.url('set.tar'), str(tmp_path / 'set.tar'))
    assert read(path) == b'content' and 'set.tar has no registered checksum' in caplog.text


def test_a_local_copy_is_used_as_it_is(server, register, tmp_path):
    register(server.url('set.tar'), b'the official one')
    trees.write(tmp_path, 'mine/set.tar', archive(a=b'mine'))
    folder = extracted('set.tar', str(tmp_path / 'mine'), str(tmp_path / 'root'), {'set.tar': server.url('set.tar')})
    assert read(os.path.join(folder, 'a')) == b'mine' and server.requests == []


def test_a_finished_archive_is_not_loaded_again(server, tmp_path):
    server.files['set.tar'] = open(make_tar(tmp_path / 'a.tar', [('a', b'one')]), 'rb').read()
    for _ in range(2):
        folder = extracted('set.tar', str(tmp_path), str(tmp_path / 'root'), {'set.tar': server.url('set.tar')})
        assert os.listdir(folder) == ['a']
        shutil.rmtree(folder)
    assert server.requests == ['set.tar']


def test_a_damaged_archive_is_loaded_again(server, tmp_path):
    server.files['set.tar'] = b'no archive'
    for _ in range(2):
        with pytest.raises(UserError, match='root/archives/set.tar cannot be extracted'):
            extracted('set.tar', str(tmp_path), str(tmp_path / 'root'), {'set.tar': server.url('set.tar')})
    assert server.requests == ['set.tar'] * 2


@pytest.mark.parametrize('name', ['missing', 'busy', 'cut', 'silent'])
def test_what_the_server_fails_at(server, register, tmp_path, monkeypatch, name):
    monkeypatch.setattr(tfds_privates, '_TIMEOUTS', (5, .3))
    server.files['cut'] = b'half'
    start = time.time()
    with pytest.raises(UserError, match=r'%s cannot be downloaded from %s \(.+\): .*put it into --data_dir' % (name, server.url(name))):
        download(server.url(name), str(tmp_path / name))
    assert time.time() - start < 10 and os.listdir(str(tmp_path)) == ['registered.txt']


def test_a_refused_connection_fails_fast(register, tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        url = 'http://127.0.0.1:%d/set.tar' % free.getsockname()[1]
    start = time.time()
    with pytest.raises(UserError, match='set.tar cannot be downloaded from %s .*[Rr]efused' % url):
        download(url, str(tmp_path / 'set.tar'))
    assert time.time() - start < 10


def test_an_interruption_ends_the_transfer(server, register, tmp_path, monkeypatch):
    """TFDS's thread would go on to the end of the file."""
    monkeypatch.setattr(downloads.tfds.download.DownloadManager, 'download', interrupted(server))
    with pytest.raises(KeyboardInterrupt):
        download(server.url('set.tar'), str(tmp_path / 'set.tar'))
    assert server.response.raw.closed and os.listdir(str(tmp_path)) == ['registered.txt']


def interrupted(server):
    original = downloads.tfds.download.DownloadManager.download

    def method(manager, url):
        if not url.startswith('http'):
            return original(manager, url)
        server.files['set.tar'] = bytes(1000)
        server.response = requests.Session().get(url, stream=True)
        raise KeyboardInterrupt
    return method


def test_every_official_url_but_sbds_is_registered():
    from input_fn.datasets import coco
    with open(downloads._CHECKSUMS) as file:
        registered = {line.split()[0]: line.split()[1:] for line in file if not line.startswith('#')}
    assert set(voc._URLS.values()) | set(coco._URLS.values()) == set(registered) | {voc._URLS['benchmark.tgz']}
    assert all(int(size) > 1e8 and len(checksum) == 64 for size, checksum in registered.values())


def test_a_split_is_prepared_from_what_is_downloaded(server, register, tmp_path, monkeypatch):
    tree = {'VOCdevkit/VOC2007/ImageSets/Main/test.txt': b'c\n', 'VOCdevkit/VOC2007/JPEGImages/c.jpg': trees.jpeg(trees.picture()),
            'VOCdevkit/VOC2007/Annotations/c.xml': trees.voc_xml(trees.voc_object('dog', 3, 5, 12, 10)).encode()}
    server.files['VOCtest_06-Nov-2007.tar'] = archive(**tree)
    monkeypatch.setattr(voc, '_URLS', {name: server.url(name) for name in voc._URLS})
    monkeypatch.setitem(voc.SPLITS, 'voc07-test', voc.SPLITS['voc07-test']._replace(count=1))
    register(server.url('VOCtest_06-Nov-2007.tar'), server.files['VOCtest_06-Nov-2007.tar'])
    (tmp_path / 'empty').mkdir()
    config = DataConfig(dataset='voc07-test', data_dir=str(tmp_path / 'empty'), prepared_dir=str(tmp_path / 'prepared'))
    sample, = read_samples(open_dataset(config, 'eval'))
    assert sample.filename == 'c.jpg' and os.listdir(str(tmp_path / 'empty')) == []
