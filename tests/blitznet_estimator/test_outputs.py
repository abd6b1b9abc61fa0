"""Folders that cannot be written to, or not hold a model, are said before anything else."""
import os

import pytest

from blitznet_estimator import outputs
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError


@pytest.mark.parametrize('mode, flag', [
    ('train', 'model_dir'), ('eval', 'model_dir'), ('predict', 'model_dir'), ('predict', 'output_dir'), ('export', 'output_dir')])
def test_a_folder_below_a_file(tmp_path, mode, flag):
    (tmp_path / 'file').write_text('')
    good = dict(mode=mode, model_dir=str(tmp_path / 'model'))
    outputs.check(Config().replace(run=good))
    with pytest.raises(UserError, match='--%s=.*file/a/b: .*file is no folder' % flag):
        outputs.check(Config().replace(run=dict(good, **{flag: str(tmp_path / 'file' / 'a' / 'b')})))
    assert os.listdir(str(tmp_path)) == ['file']


def test_a_folder_without_rights(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: path != str(tmp_path))
    with pytest.raises(UserError, match='--model_dir=.*new: there is no permission to write to %s' % tmp_path):
        outputs.check(Config().replace(run=dict(model_dir=str(tmp_path / 'new'))))


@pytest.mark.parametrize('name', ['exp[1]', 'a\\b'])
def test_names_that_tensorflow_takes_for_patterns(tmp_path, name):
    with pytest.raises(UserError, match='TensorFlow takes the .* of a path for a pattern'):
        outputs.check(Config().replace(run=dict(mode='train', model_dir=str(tmp_path / name / 'model'))))
