import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.config import preset_config
from blitznet_estimator.errors import UserError


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
