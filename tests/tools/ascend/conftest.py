"""A small network with random weights that is sure of what it sees, and pictures for it."""
import cv2
import pytest

from tests import small_model

CLASSES = small_model.CLASSES
SIZES = ((50, 70), (64, 64), (90, 40), (33, 48), (64, 100))


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    """(Config, checkpoint) of a tiny network of 64 pixels with two classes."""
    return small_model.save(tmp_path_factory.mktemp('model'))


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
    """Paths of five pictures of different sizes."""
    folder, paths = tmp_path_factory.mktemp('pictures'), []
    for number, (height, width) in enumerate(SIZES):
        paths.append(str(folder / ('%d.png' % number)))
        cv2.imwrite(paths[-1], small_model.picture(height, width, number))
    return paths
