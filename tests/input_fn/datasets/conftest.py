"""A VOC directory, as most datasets' tests need one; tests of another dataset have a `config` of their own."""
import pytest

from tests.input_fn.datasets import trees


@pytest.fixture
def tree(tmp_path):
    """The folder of a small VOC directory."""
    return trees.voc_tree(tmp_path / 'pets')


@pytest.fixture
def config(tmp_path, tree):
    """The DataConfig of the dataset `folder` in `tree`."""
    return trees.config_of('folder', tree, prepared_dir=str(tmp_path / 'prepared'))
