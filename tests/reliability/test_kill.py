"""A few kills at random moments. `python -m tests.reliability.kill train 100` makes many."""
import os
import shutil

import pytest

from tests.reliability.kill import Train, _finish, attack


@pytest.mark.slow
@pytest.mark.parametrize('name, times', [('prepare', 3), ('train', 3)])
def test_a_killed_command_ends_as_an_undisturbed_one(tmp_path, name, times):
    assert sum(attack(name, tmp_path, times).values()) == times


@pytest.mark.slow
def test_a_killed_export_leaves_whole_ones(tmp_path):
    (tmp_path / 'train').mkdir()
    (tmp_path / 'given').mkdir()
    trained = Train(tmp_path / 'train')
    _finish(trained)
    shutil.move(trained.model, os.path.join(str(tmp_path), 'given', 'model'))
    assert sum(attack('export', tmp_path / 'tries', 2, given=str(tmp_path / 'given')).values()) == 2
