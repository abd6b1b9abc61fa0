"""Files that come back from another machine: what is wrong with one is a sentence that names it."""
import io
import json

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.rank_table import read_addresses
from tests.input_fn.datasets import trees
from tools.ascend import acceptance, inference_files, inference_speed

ENTRY = {'file': 'a.bin', 'source_id': 0, 'size': [2, 2]}


@pytest.mark.parametrize('index, said', [
    ([], 'not an object'), ({}, '"batch_size" is missing'), ({'batch_size': '2', 'images': []}, '"batch_size" is \'2\''),
    ({'batch_size': 2, 'images': {}}, '"images" is {}'), ({'batch_size': 0, 'images': [ENTRY]}, '"batch_size" is 0'),
    ({'batch_size': 2, 'images': [7]}, r'images\[0\]: not an object'),
    ({'batch_size': 2, 'images': [ENTRY, dict(ENTRY, file=None)]}, r'images\[1\]: "file" is None')])
def test_an_index_of_another_kind(tmp_path, index, said):
    trees.write(tmp_path, inference_files.INDEX, json.dumps(index))
    with pytest.raises(UserError, match='index.json, .*' + said):
        inference_files.read_index(str(tmp_path))


@pytest.mark.parametrize('description, said', [
    ([], 'not an object'), ({'outputs': 7, 'global_step': 7}, '"outputs" is 7'),
    ({'outputs': [{}], 'global_step': 7}, r'outputs\[0\]: "name" is missing'),
    ({'outputs': [], 'global_step': None}, '"global_step" is None')])
def test_a_description_of_another_kind(tmp_path, description, said):
    trees.write(tmp_path, 'a.pb', '')
    trees.write(tmp_path, 'a.json', json.dumps(description))
    with pytest.raises(UserError, match='a.json, .*' + said):
        inference_files.find_description(str(tmp_path))


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize('name, content', [
    ('a_0.txt', b'1 2 x 4'), ('a_0.txt', b'\xff\xfe'), ('a_0.npy', b'no array'), ('a_0.npy', npy(np.ones(4))[:-9]), ('a_0.npy', b''),
    ('a_0.npy', npy(np.array(['a', 'b', 'c', 'd']))), ('a_0.npy', npy(np.zeros(4, 'i4,f4')))])
def test_outputs_that_are_no_numbers(tmp_path, name, content):
    with pytest.raises(UserError, match=name + ' is no output of numbers'):
        inference_files.read_output(trees.write(tmp_path, name, content), [2, 2])


@pytest.mark.parametrize('text', ['{', '[]', '{"NPU_compute_time": 7}', '[' * 100000] + [
    '{"NPU_compute_time": {"mean": %s}}' % mean for mean in ('"x"', '0', '-1', 'NaN', 'Infinity', '9' * 400, 'true')])
def test_a_report_without_a_time(text):
    assert inference_speed._ais_bench(text, 2) is None


def test_a_summary_of_another_kind(tmp_path):
    trees.write(tmp_path, 'run_summary.json', '{"batch_size": 2}')
    with pytest.raises(UserError, match='run_summary.json, what the training run measured: "workers" is missing'):
        acceptance.main(['--model_dir=%s' % tmp_path, '--case=perf', '--total_seconds=1'])


def test_addresses_of_the_driver(tmp_path):
    path = trees.write(tmp_path, 'hccn.conf', 'address_0=10.0.0.1\naddress_\u00b2=10.0.0.2\n address_1 = 10.0.0.3\nx\n')
    assert read_addresses(path) == {0: '10.0.0.1', 1: '10.0.0.3'}
    with pytest.raises(UserError, match='hccn.conf cannot be read'):
        read_addresses(trees.write(tmp_path, 'hccn.conf', b'\xff'))
