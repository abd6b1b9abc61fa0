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
