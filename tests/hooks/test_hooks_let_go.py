import gc

import pytest

from blitznet_estimator.platforms import get_platform
from blitznet_estimator.presets import preset_config
from hooks import training_hooks
from tests.hooks.stepping import Clock, run_steps


@pytest.mark.parametrize('number', range(6))
def test_a_hook_keeps_nothing_of_a_phase_that_is_over(tmp_path, number):
    config = preset_config('tiny', run=dict(model_dir=str(tmp_path), platform='cpu', profile_steps=(1, 2), progress=False))
    hooks = training_hooks(config, get_platform(config))
    assert len(hooks) == 6
    graph = run_steps(hooks[number], Clock(), 1, 3, 1., [('loss', 1.)])
    gc.collect()
    assert graph() is None
