"""Models to serve, each made once."""
import pytest

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
