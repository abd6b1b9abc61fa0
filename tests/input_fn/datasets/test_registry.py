"""Datasets by name."""
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets.registry import class_names, dataset_names, open_dataset
from tests.input_fn.datasets import trees


def test_known_names():
    assert {'shapes', 'folder'} <= set(dataset_names())


@pytest.mark.parametrize('function', [class_names, lambda config: open_dataset(config, 'train')])
def test_unknown_dataset_is_answered_with_the_nearest(function):
    with pytest.raises(UserError, match='--dataset=shaeps is unknown. Nearest: shapes'):
        function(DataConfig(dataset='shaeps'))


def test_unlike_dataset_is_answered_with_all():
    with pytest.raises(UserError, match='--dataset=qqq is unknown. Known: .*folder, .*shapes'):
        class_names(DataConfig(dataset='qqq'))


def test_unknown_split_names_the_flag():
    with pytest.raises(UserError, match='--eval_split=vol is no split of the dataset shapes. Nearest: val. Known: train, val'):
        open_dataset(DataConfig(eval_split='vol'), 'eval')


def test_class_names_by_flag_file_or_dataset(tmp_path):
    path = trees.write(tmp_path, 'names.txt', 'a\nb\n')
    assert class_names(DataConfig(class_names=('x',), class_file=path)) == ('x',)
    assert class_names(DataConfig(class_file=path)) == ('a', 'b')
    assert len(class_names(DataConfig())) == 8
