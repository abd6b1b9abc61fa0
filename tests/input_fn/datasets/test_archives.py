"""Extraction of archives: nothing leaves the folder, nothing half-done is taken for whole."""
import io
import os
import tarfile
import zipfile

import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets.archives import extract, extracted


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


def test_links_are_left_out(tmp_path):
    extract(make_tar(tmp_path / 'set.tar', [('link', None), ('file', b'one')]), str(tmp_path / 'out'))
    assert os.listdir(str(tmp_path / 'out')) == ['file']


def test_archive_cut_short(tmp_path):
    archive = make_tar(tmp_path / 'set.tar', [('a', bytes(5000)), ('b', bytes(5000))])
    with open(archive, 'r+b') as file:
        file.truncate(7000)
    with pytest.raises(UserError, match='set.tar cannot be extracted .* get it again'):
        extract(archive, str(tmp_path / 'out'))
    assert not os.path.exists(str(tmp_path / 'out'))
