"""Classes come from the dataset; a contradicting count is refused."""
import pytest

from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from input_fn.classes import with_classes


def test_the_dataset_gives_names_and_count():
    config = with_classes(Config())
    assert config.network.num_classes == len(config.data.class_names) + 1 >= 7
    assert with_classes(config) == config


def test_a_contradicting_count_is_refused():
    with pytest.raises(UserError, match='--num_classes=5, but --dataset=shapes has'):
        with_classes(Config().replace(network=dict(num_classes=5)))


def test_records_take_their_number_of_classes_from_the_flag():
    config = with_classes(Config().replace(data=dict(dataset='records'), network=dict(num_classes=4)))
    assert config.data.class_names == ('class_1', 'class_2', 'class_3') and config.network.num_classes == 4
