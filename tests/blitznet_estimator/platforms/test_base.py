"""What every platform has."""
import dataclasses
import inspect

import pytest

from blitznet_estimator.platforms import base, local, npu
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.platforms import npu_model

MEMBERS = {name for name in vars(base.Platform) if not name.startswith('_')}
CLASSES = [local.CpuPlatform, local.GpuPlatform, npu.NpuPlatform]


@pytest.mark.parametrize('kind', CLASSES)
def test_a_platform_has_every_member_and_no_other(kind):
    assert not inspect.isabstract(kind) and kind.name == kind.__name__[:3].lower()
    public = {name for name in dir(kind) if not name.startswith('_')}
    assert public >= MEMBERS
    assert public - MEMBERS <= {'session_config'}  # run_config's


@pytest.mark.parametrize('name', sorted(MEMBERS - {'name'}))
def test_a_platform_documents_every_member(name):
    assert inspect.getdoc(getattr(base.Platform, name))


def test_a_member_that_is_missing_is_noticed():
    class Partial(base.Platform):
        name = 'partial'

    with pytest.raises(TypeError, match='abstract'):
        Partial()


def test_every_parameter_of_the_model_is_documented():
    fields = [field.name for field in dataclasses.fields(ModelParams)]
    documented = [line.split(':')[0].strip() for line in ModelParams.__doc__.splitlines() if ':' in line]
    assert documented == fields


def test_the_defaults_are_a_plain_estimators():
    params = ModelParams()
    assert params.estimator_spec is tf.estimator.EstimatorSpec and params.wrap_optimizer('optimizer') == 'optimizer'
    assert not params.raw_predictions and not params.constant_weights and params.cpu_precision is None and params.num_workers == 1


@pytest.mark.parametrize('kind', [local.CpuPlatform, npu.NpuPlatform])
def test_an_estimator_is_told_what_its_platform_says(kind, fake_npu, tmp_path):
    platform = kind(npu_model.config(tmp_path))
    params = platform.estimator(npu_model.model_fn, {'checkpoint': 'a'}).params
    assert params['checkpoint'] == 'a' and params['platform'] == platform.model_params()
    assert all(value is not None for field, value in vars(platform.model_params()).items() if field != 'cpu_precision')
