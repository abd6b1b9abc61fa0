import pytest

from blitznet_estimator import epochs
from blitznet_estimator.presets import preset_config


def _config(count, batch_size=16, loop=1, **train):
    return preset_config('tiny', data=dict(batch_size=batch_size), run=dict(iterations_per_loop=loop)).replace(train=dict(epochs=count, **train))


@pytest.mark.parametrize('count, images, workers, loop, steps', [
    (3, 160, 1, 1, 30), (3, 160, 2, 1, 15), (.5, 160, 1, 1, 5), (1, 161, 1, 1, 11), (3, 160, 1, 100, 100), (.001, 16, 1, 1, 1), (0, 160, 1, 1, 1600)])
def test_epochs_are_whole_loops_of_steps(count, images, workers, loop, steps):
    assert epochs.with_steps(_config(count, loop=loop), images, workers).train.train_steps == steps


def test_steps_are_epochs():
    assert epochs.passes(30, _config(0), 160, workers=2) == 6


@pytest.mark.parametrize('train, warned', [(dict(), True), (dict(lr_decay=()), False), (dict(lr_decay=(10,)), False)])
def test_drops_of_the_learning_rate_that_never_come_are_warned_about(caplog, train, warned):
    epochs.with_steps(_config(3, **train), 160, 1)
    assert ('--epochs=3, 30 steps, ends before the learning rate drops at 1120,1480' in caplog.text) == warned
    assert ('Give --lr_decay=21,27, at the same parts of the training' in caplog.text) == warned
