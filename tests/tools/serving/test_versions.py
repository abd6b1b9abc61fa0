import os
import shutil
import threading

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from tests.tools.serving import models
from tools.serving import versions
from tools.serving.errors import ApiError
from tools.serving.saved_models import Model
from tools.serving.versions import Versions


@pytest.fixture(name='base')
def folder_of_versions(tmp_path):
    models.half_plus_two(tmp_path, 1)
    return str(tmp_path)


@pytest.fixture(name='served')
def versions_of_the_folder(base):
    told = []
    made = Versions(base, Model, told.append)
    made.told = told
    made.refresh()
    yield made
    made.close()


def ask(served, **which):
    """y for x = 0."""
    with served.lent(**which) as version:
        return float(version.model.run('serving_default', {'x': np.float32(0)})['y'])


def states(served):
    return [(number, state) for number, state, _ in served.states()]


def test_a_newer_version_takes_the_place_of_the_one_before_it(base, served):
    assert (ask(served), served.serving, states(served)) == (2, 1, [(1, 'AVAILABLE')])
    models.half_plus_two(base, 10, add=3.)  # 10 is newer than 9 and 2, whatever their names' order
    served.refresh()
    assert (ask(served), served.serving, states(served)) == (3, 10, [(10, 'AVAILABLE'), (1, 'END')])
    assert served.told == ['loaded', 'loaded', 'freed']
    models.half_plus_two(base, 9, add=9.)
    served.refresh()
    assert served.serving == 10
    with pytest.raises(ApiError, match=r'Servable not found for request: Specific\(m, 9\)'):
        ask(served, number=9, name='m')


def test_the_one_before_is_served_again_where_the_newest_goes(base, served):
    models.half_plus_two(base, 2, add=3.)
    served.refresh()
    shutil.rmtree(os.path.join(base, '2'))
    served.refresh()
    assert ask(served) == 2 and states(served) == [(2, 'END'), (1, 'AVAILABLE')]
    shutil.rmtree(os.path.join(base, '1'))
    served.refresh()
    assert ask(served) == 2  # better an old one than none


def test_a_version_that_cannot_be_loaded_harms_nobody_and_is_tried_again_when_it_is_written_anew(base, served):
    broken = os.path.join(base, '2')
    os.makedirs(broken)
    with open(os.path.join(broken, 'saved_model.pb'), 'wb') as file:
        file.write(b'no graph')
    os.utime(file.name, (1, 1))
    for _ in range(2):
        served.refresh()
    assert ask(served) == 2 and served.told == ['loaded', 'failed']
    number, state, error = served.states()[0]
    assert (number, state) == (2, 'END') and 'cannot be loaded' in error and base not in error
    shutil.rmtree(broken)
    models.half_plus_two(base, 2, add=4.)
    served.refresh()
    assert ask(served) == 4


def test_a_version_whose_files_come_one_after_the_other_is_served_once_they_are_there(base, served):
    whole = models.half_plus_two(os.path.join(base, 'made'), 2, add=5.)
    os.makedirs(os.path.join(base, '2'))
    shutil.copy2(os.path.join(base, '1', 'saved_model.pb'), os.path.join(base, '2'))  # with its time, as rsync and cp -p have it
    with open(os.path.join(base, '2', 'saved_model.pb'), 'r+b') as file:
        file.truncate(20)
    when = os.stat(file.name)
    served.refresh()
    assert ask(served) == 2 and served.told == ['loaded', 'failed']
    shutil.copy2(os.path.join(whole, 'saved_model.pb'), file.name)
    os.utime(file.name, ns=(when.st_atime_ns, when.st_mtime_ns))
    served.refresh()
    assert ask(served) == 5


class Unfreeable(Model):
    """A model whose runtime fails as it is closed."""

    def close(self):
        """As Model's."""
        super().close()
        raise RuntimeError('the runtime fails')


def test_one_that_cannot_be_closed_and_whatever_else_fails_end_no_watch(base):
    freed, told = threading.Semaphore(0), []

    def changed(happening):
        told.append(happening)
        if happening == 'freed':
            freed.release()
            raise ValueError('of who is told')
    served = Versions(base, Unfreeable, changed)
    served.refresh()
    served.watch(.01)
    for number in (2, 3):
        os.rename(models.half_plus_two(os.path.join(base, 'made'), number, add=float(number)), os.path.join(base, str(number)))
        assert freed.acquire(timeout=60)
        assert ask(served) == number
    assert states(served) == [(3, 'AVAILABLE'), (2, 'END'), (1, 'END')] and told == ['loaded', 'loaded', 'freed', 'loaded', 'freed']
    with pytest.raises(ValueError):
        served.close()


def test_closing_gives_up_a_version_that_is_used_for_too_long(base, served):
    version = served.take()
    assert not served.close(.05) and version.state == 'UNLOADING'
    assert float(version.model.run('serving_default', {'x': np.float32(0)})['y']) == 2
    served.give_back(version)


def test_a_version_is_not_freed_while_it_is_used(base, served):
    models.half_plus_two(base, 2, add=3.)
    old = served.take()
    swap = threading.Thread(target=served.refresh)
    swap.start()
    while served.serving != 2:
        pass
    assert ask(served) == 3 and swap.is_alive()
    assert float(old.model.run('serving_default', {'x': np.float32(0)})['y']) == 2
    served.give_back(old)
    swap.join(30)
    assert not swap.is_alive() and states(served) == [(2, 'AVAILABLE'), (1, 'END')] and old.model is None


def test_a_folder_that_is_itself_a_version(base):
    assert versions.numbers_in(os.path.join(base, '1')) == {1: os.path.join(base, '1')}
    os.rename(os.path.join(base, '1'), os.path.join(base, 'mine'))
    assert list(versions.numbers_in(os.path.join(base, 'mine'))) == [1]


def test_what_a_folder_without_versions_holds_is_said(base, tmp_path):
    versions.check_folder(base)
    with pytest.raises(UserError, match='there is no such folder'):
        versions.check_folder(os.path.join(base, 'x'))
    outer = tmp_path / 'outer'
    shutil.copytree(os.path.join(base, '1'), str(outer / 'export' / '5'))
    (outer / 'v0.1').mkdir()
    with pytest.raises(UserError, match=r'holds no version.*It holds: export, v0.1. Try --model=.*export\.'):
        versions.check_folder(str(outer))
