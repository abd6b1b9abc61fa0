"""Every flag and command that takes a checkpoint takes it in every form."""
import os
import shutil

import pytest

from blitznet_estimator import checkpoint_path
from blitznet_estimator.checks import check_config
from blitznet_estimator.drivers import checkpoints
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn import weights
from model_fn.training import warm_start
from tools.ascend import freeze
from tools.inspection import checkpoint as inspection

FORMS = {'folder': 'run', 'prefix': 'run/model.ckpt-7', 'index': 'run/model.ckpt-7.index', 'meta': 'run/model.ckpt-7.meta',
         'data': 'run/model.ckpt-7.data-00000-of-00001', 'old format': 'old.ckpt'}


class Found(Exception):
    """Carries the checkpoint that a command came to."""


def stop(checkpoint):
    raise Found(checkpoint)


def by_warm_start(path):
    warm_start.warm_start(path, preset_config('tiny').network)


def by_freeze(path):
    freeze.main(['--checkpoint_path=' + path, '--output=x.pb', '--preset=tiny', '--num_classes=3'])


def by_inspect(path):
    stop(inspection.describe(path).split(',')[0])


def by_checkpoint_path(path):
    stop(checkpoints.find(preset_config('tiny', run=dict(checkpoint_path=path))))


USERS = {'--warm_start_from': by_warm_start, 'tools.ascend.freeze': by_freeze, 'tools.inspect': by_inspect, '--checkpoint_path': by_checkpoint_path}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a checkpoint of either format."""
    path = tmp_path_factory.mktemp('checkpoints')
    (path / 'run').mkdir()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable('x', initializer=1.)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(path / 'run/model.ckpt'), 7)
        tf.train.Saver(write_version=tf.train.SaverDef.V1).save(session, str(path / 'old.ckpt'), latest_filename='list')
    return str(path)


@pytest.fixture
def find(monkeypatch):
    """(user, path) -> the checkpoint that the flag or command takes."""
    monkeypatch.setattr(weights, 'read_shapes', stop)
    monkeypatch.setattr(freeze, 'freeze', lambda config, checkpoint, *rest: stop(checkpoint))

    def found(user, path):
        with pytest.raises(Found) as stopped:
            USERS[user](path)
        return stopped.value.args[0]
    return found


@pytest.mark.parametrize('form', sorted(FORMS))
@pytest.mark.parametrize('user', sorted(USERS))
def test_every_form_means_the_same_everywhere(folder, find, user, form):
    expected = 'old.ckpt' if form == 'old format' else 'run/model.ckpt-7'
    assert find(user, os.path.join(folder, FORMS[form])) == os.path.join(folder, expected)


@pytest.mark.parametrize('user', sorted(USERS))
def test_what_is_not_there(tmp_path, user):
    (tmp_path / 'empty').mkdir()
    for name, problem in (('none.ckpt', 'there is no such checkpoint'), ('empty', 'is a folder without a list of checkpoints')):
        with pytest.raises(UserError, match='^-*[a-z_]+=.*%s.*%s' % (name, problem)):
            USERS[user](str(tmp_path / name))


@pytest.mark.parametrize('damage', ['the weights are cut', 'the index is cut', 'a bit is flipped', 'the weights are gone'])
@pytest.mark.parametrize('user', sorted(USERS))
def test_a_damaged_one_is_a_sentence_everywhere(folder, tmp_path, user, damage):
    copy = str(tmp_path / 'run')
    shutil.copytree(os.path.join(folder, 'run'), copy)
    path = os.path.join(copy, 'model.ckpt-7.' + ('index' if damage == 'the index is cut' else 'data-00000-of-00001'))
    with open(path, 'rb') as file:
        good = file.read()
    os.remove(path)
    if damage != 'the weights are gone':
        with open(path, 'wb') as file:
            file.write(bytes([good[0] ^ 1]) + good[1:] if damage == 'a bit is flipped' else good[:len(good) // 2])
    with pytest.raises(UserError, match=r'^-*[a-z_]+=.*model.ckpt-7: .*model.ckpt-7 is damaged \(.*Name another[.]$'):
        USERS[user](os.path.join(copy, 'model.ckpt-7'))
    with pytest.raises(UserError, match='All checkpoints in .* are damaged'):
        USERS[user](copy)


def test_a_wrong_name_is_answered_with_those_that_are_there(folder):
    with pytest.raises(UserError, match='--flag=.*: there is no such checkpoint; .*run has model.ckpt-7'):
        checkpoint_path.find(os.path.join(folder, 'run/model.ckpt-8'), '--flag')


@pytest.mark.parametrize('name', ['a[1]', 'a*', 'a?'])
def test_no_character_of_a_path_is_a_pattern(tmp_path, name):
    """The folders a1 and ab hold a checkpoint; those whose names are patterns of them do not."""
    for other in ('a1', 'ab', name):
        (tmp_path / other).mkdir()
    def save(other):
        with tf.Graph().as_default(), tf.Session() as session:
            session.run(tf.get_variable('x', initializer=1.).initializer)
            tf.train.Saver().save(session, str(tmp_path / 'm'))
        for path in tmp_path.glob('m.*'):
            path.rename(tmp_path / other / path.name)

    for other in ('a1', 'ab'):
        save(other)
    with pytest.raises(UserError, match='no such checkpoint'):
        checkpoint_path.find(str(tmp_path / name / 'm'), '--flag')
    save(name)
    if name == 'a[1]':
        with pytest.raises(UserError, match=r'TensorFlow takes the \[ in .*rename'):
            checkpoint_path.find(str(tmp_path / name / 'm'), '--flag')
    else:
        assert checkpoint_path.find(str(tmp_path / name / 'm'), '--flag') == str(tmp_path / name / 'm')


def test_a_model_directory_that_tensorflow_could_not_read_is_refused():
    with pytest.raises(UserError, match=r'--model_dir=runs/a\[1\]: .*choose another name'):
        check_config(preset_config('tiny', run=dict(model_dir='runs/a[1]')))
