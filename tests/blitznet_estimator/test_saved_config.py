import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from tests.hooks.stepping import Clock


def _config(folder, **network):
    return preset_config('tiny', run=dict(model_dir=str(folder))).replace(network=network)


def test_it_comes_back(tmp_path):
    assert saved_config.read(str(tmp_path)) is None
    config = preset_config('blitznet300', run=dict(model_dir=str(tmp_path)), train=dict(lr_decay=(5, 9)), data=dict(class_names=('a', 'b')))
    saved_config.write(config)
    assert saved_config.read(str(tmp_path)) == config


@pytest.mark.parametrize('text', ['', '{"network', '[]', '{"network": 3}'])
def test_a_damaged_file(tmp_path, text):
    (tmp_path / 'config.json').write_text(text)
    with pytest.raises(UserError, match='config.json is not a configuration'):
        saved_config.read(str(tmp_path))


def test_what_may_change_and_what_may_not(tmp_path):
    saved_config.check_same_network(_config(tmp_path))  # nothing there yet
    saved_config.write(_config(tmp_path, num_classes=3))
    saved_config.check_same_network(_config(tmp_path, num_classes=3, bn_decay=.99))
    saved_config.check_same_network(_config(tmp_path, num_classes=3).replace(train=dict(train_steps=9, precision='mixed')))
    with pytest.raises(UserError, match=r'\(--num_classes=3, --segment=True\).*to be --num_classes=4, --segment=False'):
        saved_config.check_same_network(_config(tmp_path, num_classes=4, segment=False))


@pytest.mark.parametrize('names', [('cat', 'cow'), ('dog', 'cat'), ('cat', 'dog', 'cow')])
def test_other_classes_are_refused(tmp_path, names):
    config = _config(tmp_path).replace(data=dict(class_names=('cat', 'dog')))
    saved_config.check_same_classes(config)  # nothing there yet
    saved_config.write(config)
    saved_config.check_same_classes(config)
    with pytest.raises(UserError, match=r'other classes \(cat, dog\), and this training has %s: .*--dataset=shapes' % ', '.join(names)):
        saved_config.check_same_classes(config.replace(data=dict(class_names=names)))


def test_differences():
    saved = _config('runs/a').replace(npu=dict(npu_hcom_parallel=True))
    config = saved.replace(train=dict(learning_rate=.001, lr_decay=(5, 9), loss_weights=(('class', .5),)), data=dict(dataset='folder', augment=False),
                           run=dict(model_dir='moved/a', mode='eval', progress=False, eval_every=7), npu=dict(npu_dump_step='0'))
    assert saved_config.differences(saved, saved) == []
    assert set(saved_config.differences(saved, config)) == {
        'learning_rate 0.004 -> 0.001', 'lr_decay 1120,1480 -> 5,9', 'loss_weights none -> class=0.5', 'dataset shapes -> folder',
        'augment True -> False', 'eval_every -1 -> 7', 'npu_hcom_parallel True -> none', 'npu_dump_step none -> 0'}


def test_it_is_waited_for(tmp_path):
    """Until a training that starts at the same time has written it; not where there are checkpoints without one."""
    clock, config = Clock(), _config(tmp_path)

    def sleep(seconds):
        clock.pass_by(seconds)
        if clock.now == 103:
            saved_config.write(config)

    assert saved_config.wait(str(tmp_path), 10., clock, sleep) == config and clock.now == 103
    with pytest.raises(UserError, match=r'No training began in .*other for 10 seconds \(--watch_timeout\)'):
        saved_config.wait(str(tmp_path / 'other'), 10., clock, sleep)
    assert clock.now == 113
    (tmp_path / 'published').mkdir()
    (tmp_path / 'published' / 'checkpoint').write_text('')
    assert saved_config.wait(str(tmp_path / 'published'), 10., clock, sleep) is None and clock.now == 113
