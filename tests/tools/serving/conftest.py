"""Models to serve, each made once."""
import os

import pytest

from blitznet_estimator.drivers import export as drivers_export
from blitznet_estimator.platforms import get_platform
from input_fn import serving as serving_input
from model_fn import serving as serving_model
from tests import small_model
from tests.tools.serving import models


@pytest.fixture(scope='session')
def half_plus_two(tmp_path_factory):
    """A base folder with version 123 of y = x / 2 + 2."""
    base = tmp_path_factory.mktemp('half_plus_two')
    models.half_plus_two(base, 123)
    return str(base)


@pytest.fixture(scope='session')
def several(tmp_path_factory):
    """A base folder with version 1 of models.several."""
    base = tmp_path_factory.mktemp('several')
    models.several(base, 1)
    return str(base)


@pytest.fixture(scope='session')
def export(tmp_path_factory):
    """The folder of a small BlitzNet's SavedModel: of an export without its comparisons, which run other processes."""
    config, checkpoint = small_model.save(tmp_path_factory.mktemp('model'))
    folder = os.path.join(config.run.model_dir, '1700000000')
    platform = get_platform(config.replace(run=dict(platform='npu')))
    drivers_export._write_saved_model(folder, config, platform, serving_input, serving_model, checkpoint)
    return folder
