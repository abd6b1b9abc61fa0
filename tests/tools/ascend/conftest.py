"""A small network, and pictures for it."""
import pytest

from tests import small_model


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    """(Config, checkpoint) of a tiny network of 64 pixels with two classes."""
    return small_model.make_model(tmp_path_factory.mktemp('model'))


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
    """Paths of five pictures of different sizes."""
    return small_model.make_pictures(tmp_path_factory.mktemp('pictures'))
