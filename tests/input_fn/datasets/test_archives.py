"""Extraction of archives: nothing leaves the folder, nothing half-done is taken for whole."""
import io
import os
import tarfile
import zipfile

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets import archives, unpacking
from input_fn.datasets.archives import extracted
from input_fn.datasets.unpacking import extract


def make_tar(path, entries):
    with tarfile.open(str(path), 'w') as file:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, '/etc/passwd'
            else:
                entry.size = len(content)
            file.addfile(entry, io.BytesIO(content or b''))
    return str(path)


def make_zip(path, entries):
    with zipfile.ZipFile(str(path), 'w') as file:
        for name, content in entries:
            file.writestr(name, content)
    return str(path)


@pytest.mark.parametrize('make', [make_tar, make_zip])
def test_content_is_extracted_once(tmp_path, make):
    make(tmp_path / 'set.zip', [('set/a', b'one'), ('./set/deep/b', b'two')])
    folder = extracted('set.zip', str(tmp_path), str(tmp_path / 'root'))
    assert folder == str(tmp_path / 'root/archives/set')
    with open(os.path.join(folder, 'set/deep/b'), 'rb') as file:
        assert file.read() == b'two'
    os.remove(str(tmp_path / 'set.zip'))
    assert extracted('set.zip', str(tmp_path), str(tmp_path / 'root')) == folder
    assert extracted('other.zip', str(tmp_path), str(tmp_path / 'root')) is None


@pytest.mark.parametrize('make', [make_tar, make_zip])
@pytest.mark.parametrize('name', ['../evil', 'a/../../evil', '/evil'])
def test_no_path_leaves_the_folder(tmp_path, make, name):
    archive = make(tmp_path / 'set', [('fine', b'one'), (name, b'two')])
    with pytest.raises(UserError, match='leads out of its folder'):
        extract(archive, str(tmp_path / 'out/set'))
    assert not os.path.exists(str(tmp_path / 'out/set')) and not os.path.exists(str(tmp_path / 'out/evil')) and not os.path.exists('/evil')


def zip_with_link(path):
    entry = zipfile.ZipInfo('link')
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return make_zip(path, [('file', b'one'), (entry, '/etc/passwd')])


def zip_encrypted(path):
    data = bytearray(open(make_zip(path, [('file', b'one')]), 'rb').read())
    data[6] |= 1  # in the entry's own header
    data[data.index(b'PK\x01\x02') + 8] |= 1  # and in the directory
    path.write_bytes(bytes(data))
    return str(path)


def tar_with_device(path):
    with tarfile.open(str(path), 'w') as file:
        entry = tarfile.TarInfo('pipe')
        entry.type = tarfile.FIFOTYPE
        file.addfile(entry)
    return str(path)


@pytest.mark.parametrize('make, message', [
    (lambda path: make_tar(path, [('file', b'one'), ('link', None)]), 'holds the link link'), (zip_with_link, 'holds the link link'),
    (tar_with_device, 'holds the device pipe'), (zip_encrypted, 'holds the encrypted file file'),
    (lambda path: make_tar(path, []), 'holds no file'), (lambda path: make_zip(path, []), 'holds no file'),
    (lambda path: path.write_bytes(b'') and str(path) or str(path), 'set cannot be extracted .*: get it again'),
    (lambda path: path.write_bytes(b'no archive at all') and str(path), 'set cannot be extracted .*: get it again'),
    (lambda path: make_zip(path, [('a', b'1'), ('a/b', b'2')]), 'set cannot be extracted to .*out .Not a directory|File exists'),
    (lambda path: make_tar(path, [('.', b'1')]), 'cannot be extracted'),
], ids=['link in tar', 'link in zip', 'pipe', 'encrypted', 'empty tar', 'empty zip', 'no byte', 'text', 'file as folder', 'no name'])
def test_odd_archives_are_refused_in_a_sentence(tmp_path, make, message):
    with pytest.raises(UserError, match='^The archive .*' + message):
        extract(make(tmp_path / 'set'), str(tmp_path / 'out'))
    assert sorted(os.listdir(str(tmp_path))) == ['set']


CONTENT = [('a%d' % i, np.random.RandomState(i).bytes(700)) for i in range(6)]


def packed(path, mode):
    with tarfile.open(str(path), mode) as file:
        for name, content in CONTENT:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return str(path)


def is_whole(folder):
    return all(open(os.path.join(str(folder), name), 'rb').read() == content for name, content in CONTENT)


@pytest.mark.parametrize('mode', ['w', 'w:gz', 'w:bz2', 'w:xz'])
def test_every_compression_is_read(tmp_path, mode):
    extract(packed(tmp_path / 'set', mode), str(tmp_path / 'out'))
    assert is_whole(tmp_path / 'out')


@pytest.mark.parametrize('mode', ['w:gz', 'w:bz2', 'w:xz'])
def test_a_damaged_byte_of_a_compressed_archive_is_found_wherever_it_is(tmp_path, mode):
    data = bytearray(open(packed(tmp_path / 'set', mode), 'rb').read())
    for at in range(0, len(data), 211):
        damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:]
        (tmp_path / 'damaged').write_bytes(bytes(damaged))
        try:
            extract(str(tmp_path / 'damaged'), str(tmp_path / ('out%d' % at)))
            assert is_whole(tmp_path / ('out%d' % at))  # a byte that says nothing of the content, as the time of packing
        except UserError as error:
            assert 'get it again' in str(error) or 'official' in str(error)


@pytest.mark.parametrize('mode', ['w', 'w:gz'])
def test_an_archive_cut_anywhere_is_refused(tmp_path, mode):
    data = open(packed(tmp_path / 'set', mode), 'rb').read()
    if mode == 'w':
        data = data[:6 * 1536]  # without the end mark and the padding
    for end in sorted({*range(0, len(data), 999), 1536, 2 * 1536, len(data) - 1}):
        (tmp_path / 'cut').write_bytes(data[:end])
        with pytest.raises(UserError, match='The archive .*cut .*get it again'):
            extract(str(tmp_path / 'cut'), str(tmp_path / 'out'))


def test_a_damaged_header_inside_a_tar_is_not_taken_for_its_end(tmp_path):
    data = bytearray(open(packed(tmp_path / 'set', 'w'), 'rb').read())
    data[3 * 1536 + 5] ^= 1
    (tmp_path / 'set').write_bytes(bytes(data))
    with pytest.raises(UserError, match='set is damaged or cut short behind its file 3: get it again'):
        extract(str(tmp_path / 'set'), str(tmp_path / 'out'))


@pytest.mark.parametrize('name', ['set.zip', 'set.tgz'])
def test_a_bomb_is_refused_before_it_has_grown(tmp_path, monkeypatch, name):
    monkeypatch.setattr(unpacking, '_SMALL', 1 << 20)
    bomb = str(tmp_path / name)
    if name.endswith('zip'):
        with zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as file:
            file.writestr('zeros', bytes(8 << 20))
    else:
        with tarfile.open(bomb, 'w:gz') as file:
            entry = tarfile.TarInfo('zeros')
            entry.size = 8 << 20
            file.addfile(entry, io.BytesIO(bytes(entry.size)))
    with pytest.raises(UserError, match='holds over 100 times its own size'):
        extract(bomb, str(tmp_path / 'out'))
    assert os.listdir(str(tmp_path)) == [name]


def test_a_damaged_download_is_not_kept(tmp_path, monkeypatch):
    made = []

    def download(_, path):
        made.append(path)
        return make_tar(path, [('link', None)] if len(made) == 1 else [('a', b'one')])
    monkeypatch.setattr(archives, '_downloaded', download)
    with pytest.raises(UserError, match='holds the link'):
        extracted('set.tar', str(tmp_path), str(tmp_path / 'root'), {'set.tar': 'url'})
    assert not os.path.exists(made[0])
    assert os.listdir(extracted('set.tar', str(tmp_path), str(tmp_path / 'root'), {'set.tar': 'url'})) == ['a']


def test_archive_cut_short(tmp_path):
    archive = make_tar(tmp_path / 'set.tar', [('a', bytes(5000)), ('b', bytes(5000))])
    with open(archive, 'r+b') as file:
        file.truncate(7000)
    with pytest.raises(UserError, match='set.tar .* get it again'):
        extract(archive, str(tmp_path / 'out'))
    assert not os.path.exists(str(tmp_path / 'out'))
