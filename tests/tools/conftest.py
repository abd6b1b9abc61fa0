"""An exported model, for what serves it and what asks the server."""
import os
import shutil

import pytest


@pytest.fixture(scope='session')
def export(tmp_path_factory):
    """The folder of a small BlitzNet's SavedModel."""
    from tests.tools import small_export
    return small_export.write(tmp_path_factory.mktemp('model'))


@pytest.fixture(scope='session')
def frozen(export, tmp_path_factory):
    """The path of the same network's frozen graph, in an export of its own with that SavedModel."""
    from tests.tools import small_export
    folder = str(tmp_path_factory.mktemp('frozen') / os.path.basename(export))
    shutil.copytree(export, folder)
    return small_export.add_frozen(folder)
