"""A model's folder that was copied: what lies in it counts, not what its list says of another place."""
import os
import re
import shutil

import pytest

from blitznet_estimator import checkpoint_path
from blitznet_estimator.drivers import checkpoint_listing
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf


@pytest.fixture
def folder(tmp_path):
    """A model's folder with the checkpoints 4, 9 and 12."""
    path = str(tmp_path / 'old')
    with tf.Graph().as_default(), tf.Session() as session:
        step, saver = tf.train.get_or_create_global_step(), tf.train.Saver()
        session.run(step.initializer)
        for number in (4, 9, 12):
            saver.save(session, os.path.join(path, 'model.ckpt'), global_step=number)
    return path


def test_without_a_list_the_last_step_is_the_latest(folder):
    os.remove(os.path.join(folder, 'checkpoint'))
    assert checkpoint_path.latest(folder) == os.path.join(folder, 'model.ckpt-12') and tf.train.latest_checkpoint(folder) is None
    checkpoint_listing.mend(folder)
    assert tf.train.latest_checkpoint(folder) == os.path.join(folder, 'model.ckpt-12')
    assert len(tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths) == 3


@pytest.mark.parametrize('old_is_there', [True, False])
def test_a_list_of_another_place_is_not_followed(folder, tmp_path, old_is_there):
    paths = ''.join('%s: "%s/model.ckpt-12"\n' % (key, folder) for key in ('model_checkpoint_path', 'all_model_checkpoint_paths'))
    with open(os.path.join(folder, 'checkpoint'), 'w', encoding='utf-8') as file:
        file.write(paths)
    new = str(tmp_path / 'new')
    (shutil.copytree if old_is_there else shutil.move)(folder, new)
    assert checkpoint_path.latest(new) == os.path.join(new, 'model.ckpt-12')
    checkpoint_listing.mend(new)
    assert tf.train.latest_checkpoint(new) == os.path.join(new, 'model.ckpt-12')


def test_a_good_list_is_left_as_it_is(folder):
    path = os.path.join(folder, 'checkpoint')
    before = os.stat(path).st_mtime_ns
    checkpoint_listing.mend(folder)
    assert os.stat(path).st_mtime_ns == before
    checkpoint_listing.mend(os.path.join(folder, 'nothing'))


@pytest.mark.parametrize('damage', ['cut the weights', 'flip a bit', 'empty the index', 'drop the weights'])
def test_the_newest_whole_checkpoint_is_resumed(folder, damage, caplog):
    newest = os.path.join(folder, 'model.ckpt-12')
    weights = newest + '.data-00000-of-00001'
    with open(weights, 'rb') as file:
        good = file.read()
    if damage == 'drop the weights':
        os.remove(weights)
    else:
        bad = {'cut the weights': good[:-1], 'flip a bit': bytes([good[0] ^ 1]) + good[1:], 'empty the index': b''}[damage]
        with open(newest + '.index' if damage == 'empty the index' else weights, 'wb') as file:
            file.write(bad)
    assert checkpoint_path.latest(folder) == os.path.join(folder, 'model.ckpt-9')
    assert re.search('model.ckpt-12 is damaged .*the newest whole checkpoint is .*model.ckpt-9', caplog.text)
    checkpoint_listing.mend(folder)
    state = tf.train.get_checkpoint_state(folder)
    assert [os.path.basename(path) for path in state.all_model_checkpoint_paths] == ['model.ckpt-4', 'model.ckpt-9']
    assert tf.train.latest_checkpoint(folder) == os.path.join(folder, 'model.ckpt-9')


@pytest.mark.parametrize('text', ['', 'model_checkpoint_path: "mod', 'model_checkpoint_path: "model.ckpt-77"\n', '\xff\xfe', 'not a list'])
def test_a_damaged_list_does_not_hide_the_weights(folder, text):
    with open(os.path.join(folder, 'checkpoint'), 'wb') as file:
        file.write(text.encode('latin-1'))
    assert checkpoint_path.latest(folder) == os.path.join(folder, 'model.ckpt-12')
    checkpoint_listing.mend(folder)
    assert tf.train.latest_checkpoint(folder) == os.path.join(folder, 'model.ckpt-12')


def test_damaged_checkpoints_alone_are_an_error(folder):
    for number in (4, 9, 12):
        with open(os.path.join(folder, 'model.ckpt-%d.index' % number), 'wb') as file:
            file.write(b'no index')
    with pytest.raises(UserError, match='All checkpoints in .* are damaged; the newest: .*model.ckpt-12 is damaged'):
        checkpoint_path.latest(folder)
