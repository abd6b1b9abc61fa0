"""What comes from outside, damaged in every way: each reader gives what it can read, or one sentence that names the file."""
import json
import random

import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from input_fn.datasets import prepared
from tests.input_fn.datasets import trees
from tests.reliability import fuzz
from tests.reliability.readers import CONFIG, INFO, Reader, readers

TRIES = 100


@pytest.mark.parametrize('name', sorted(readers()))
@pytest.mark.filterwarnings('ignore:.*overflow')
def test_damaged_content_is_read_or_refused_by_a_sentence(tmp_path, name):
    """The short form of `python -m tests.reliability.fuzz 100000`."""
    tries = TRIES // readers()[name].share
    found = fuzz.run(readers()[name], tries, tmp_path)
    assert found['read'] + found['refused'] == tries and found['slowest'] < fuzz.LONGEST


def test_what_the_fuzzer_takes_for_a_fault(tmp_path):
    def reader(error, names_file):
        def read(path):
            with open(path, 'rb') as file:
                if file.read() != b'sound':
                    raise error
        return Reader('no name', [b'sound'], read, names_file)
    with pytest.raises(KeyError):
        fuzz.run(reader(KeyError('x'), True), TRIES, tmp_path)
    with pytest.raises(AssertionError):
        fuzz.run(reader(UserError('bad'), True), TRIES, tmp_path)
    assert fuzz.run(reader(UserError('bad'), False), TRIES, tmp_path)['refused'] > TRIES / 2


def test_a_configuration_that_is_read_is_written_alike(tmp_path):
    read, stream = 0, fuzz.cases([CONFIG], random.Random(0))
    for _ in range(TRIES):
        (tmp_path / 'config.json').write_bytes(next(stream))
        try:
            config = saved_config.read(str(tmp_path))
        except UserError as error:
            assert 'config.json is not a configuration' in str(error)
            continue
        read += 1
        assert Config.from_json(config.to_json()) == config
    assert read > TRIES / 20


@pytest.mark.parametrize('section, field, value', [
    ('data', 'batch_size', '16'), ('data', 'batch_size', None), ('data', 'batch_size', True), ('train', 'lr_decay', [1.5]), ('train', 'lr_decay', 3),
    ('network', 'trunk', 'resnet'), ('train', 'learning_rate', []), ('run', 'model_dir', 3), ('train', 'loss_weights', [['class']])])
def test_a_value_of_another_type_is_named(section, field, value):
    values = json.loads(Config().to_json())
    values[section][field] = value
    with pytest.raises(ValueError, match=r'%s\.%s is' % (section, field)):
        Config.from_json(json.dumps(values))


@pytest.mark.parametrize('change, said', [
    (dict(splits=None), '"splits" is None; it must be a list. Delete the folder'), (dict(splits=[7]), r'splits\[0\]: "name" must be a text'),
    (dict(splits=[{'name': 'train', 'shardLengths': ['x']}]), r'splits\[0\]: "shardLengths" holds \'x\', which is no count'),
    (dict(splits=[{'name': 'train', 'shardLengths': ['1'], 'numBytes': -1}]), r'"numBytes" holds -1, which is no count')])
def test_fields_of_prepared_data_are_named(tmp_path, change, said):
    trees.write(tmp_path, 'dataset_info.json', json.dumps(dict(json.loads(INFO.decode('utf-8')), **change)))
    with pytest.raises(UserError, match='dataset_info.json.*' + said):
        prepared.shard_lengths(str(tmp_path))
