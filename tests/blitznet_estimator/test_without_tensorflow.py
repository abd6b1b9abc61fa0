"""Predicting by an engine other than TensorFlow does not load it: the import takes seconds, and nothing of it would compute."""
import subprocess
import sys

import pytest

import main
from blitznet_estimator.config import Config
from blitznet_estimator.runtime import tf
from tests.input_fn.datasets import trees
from tests.paths import ROOT

READ = """
import sys
import api, input_fn, main
from blitznet_estimator import host_session, model_location
from blitznet_estimator.config import Config
from blitznet_estimator.drivers import predict
from blitznet_estimator.platforms import precision
from input_fn.image_files import ImageFiles
images = ImageFiles(Config(), sys.argv[1:])
shapes = [pixels.shape for _, pixels in images.pictures()] + [images.image(0).pixels().shape]
print(shapes, 'tensorflow' in sys.modules, main._needs_tensorflow(Config()))
"""


def test_pictures_are_read_without_it(tmp_path):
    path = tmp_path / 'a.jpg'
    path.write_bytes(trees.jpeg(trees.picture()))
    done = subprocess.run([sys.executable, '-c', READ, str(path)], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.strip() == '[(20, 30, 3), (20, 30, 3)] False True'


@pytest.mark.parametrize('mode, engine, needed', [
    ('predict', 'openvino', False), ('predict', 'tensorflow', True), ('predict', '', True), ('eval', 'openvino', True), ('train', '', True)])
def test_when_it_is_needed(mode, engine, needed):
    assert main._needs_tensorflow(Config().replace(run=dict(mode=mode, engine=engine))) == needed


def test_what_it_lacks_is_an_attribute_error():
    assert not hasattr(tf, 'no_such_name') and not hasattr(tf, '__wrapped__')
