"""The list of rows that is written while they come. What the folder of an evaluation holds is in test_evaluate.py."""
import json
import os

import pytest

from blitznet_estimator.evaluation.prediction_writer import RowsFile


@pytest.mark.parametrize('rows', [[], [{'a': 1}], [{'a': 1}, {'b': [2, .5]}, {'c': None}]])
def test_the_file_is_there_when_the_list_is_ended(tmp_path, rows):
    file = RowsFile(str(tmp_path / 'inner' / 'rows.json'))
    for row in rows:
        file.extend([row])
    assert not (tmp_path / 'inner' / 'rows.json').exists()
    file.close()
    file.discard()  # changes nothing any more
    assert os.listdir(str(tmp_path / 'inner')) == ['rows.json']
    assert json.loads((tmp_path / 'inner' / 'rows.json').read_text()) == rows


def test_a_list_that_is_not_ended_leaves_nothing(tmp_path):
    (tmp_path / 'rows.json').write_text('of before')
    file = RowsFile(str(tmp_path / 'rows.json'))
    file.extend([{'a': 1}])
    file.discard()
    assert os.listdir(str(tmp_path)) == ['rows.json'] and (tmp_path / 'rows.json').read_text() == 'of before'
    with pytest.raises(ValueError, match='closed'):
        file.extend([{'a': 1}])


def test_two_lists_of_one_path_are_whole_each(tmp_path):
    """As of two commands that predict into one folder."""
    first, second = [RowsFile(str(tmp_path / 'rows.json')) for _ in range(2)]
    for number in range(1000):
        first.extend([{'first': number}])
        second.extend([{'second': number}])
    for file, name in ((first, 'first'), (second, 'second')):
        file.close()
        assert json.loads((tmp_path / 'rows.json').read_text()) == [{name: number} for number in range(1000)]
    assert os.listdir(str(tmp_path)) == ['rows.json']
