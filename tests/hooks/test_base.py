"""What every hook with a step must do."""
import gc

import pytest

from blitznet_estimator.platforms import get_platform
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.stop_request import StopRequest
from hooks import training_hooks
from hooks.base import StepHook
from tests.hooks.stepping import Clock, run_steps


def made(tmp_path, number):
    """A hook of training."""
    config = preset_config('tiny', run=dict(model_dir=str(tmp_path), platform='cpu', profile_steps=(1, 2), progress=False))
    hooks = training_hooks(config, get_platform(config), StopRequest())
    assert len(hooks) == 7
    return hooks[number]


@pytest.mark.parametrize('number', range(7))
def test_a_hook_keeps_nothing_of_a_phase_that_is_over(tmp_path, number):
    graph = run_steps(made(tmp_path, number), Clock(), 1, 3, 1., [('loss', 1.)])
    gc.collect()
    assert graph() is None


@pytest.mark.parametrize('number', range(7))
def test_a_graph_without_a_global_step_is_an_error(tmp_path, number):
    hook = made(tmp_path, number)
    assert isinstance(hook, StepHook)
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match='%s: the graph has no global step' % type(hook).__name__):
        hook.begin()
