"""An exported model, for what serves it and what asks the server."""
import os

import pytest


@pytest.fixture(scope='session')
def export(tmp_path_factory):
    """The folder of a small BlitzNet's SavedModel: of an export without its comparisons, which run other processes."""
    from blitznet_estimator import files
    from blitznet_estimator.drivers import export as driver
    from blitznet_estimator.formats import description, saved_model
    from blitznet_estimator.platforms.local import CpuPlatform
    from input_fn import serving as serving_input
    from model_fn import serving as serving_model
    from tests import small_model
    config, checkpoint = small_model.save(tmp_path_factory.mktemp('model'))
    folder = os.path.join(config.run.model_dir, '1700000000')
    driver._write_saved_model(folder, config, CpuPlatform(config), serving_input, serving_model, checkpoint)
    rows = [dict(exported._asdict(), milliseconds=9.) for exported in saved_model.files_of()]
    files.write_json(os.path.join(folder, description.NAME), driver._described(config, checkpoint, rows, 0))
    return folder
