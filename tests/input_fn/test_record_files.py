"""Reading: every record once, the workers' shares, and the order of training."""
import collections
import dataclasses

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn import record_files
from tests.input_fn.drawn_records import run, write_source

BUFFER = 64


def source_of(folder, count, files):
    """A Source of records '0', '1', ... spread over files."""
    records = [str(i).encode() for i in range(count)]
    share = -(-count // files)
    return write_source(folder, [records[i * share:(i + 1) * share] for i in range(files)])


def numbers(elements):
    return [int(element['record']) for element in elements]


@pytest.mark.parametrize('files', [1, 3])
def test_in_order(tmp_path, files):
    elements = run(lambda: record_files.read_in_order(source_of(tmp_path, 7, files)))
    assert numbers(elements) == list(range(7))
    assert [element['source_id'] for element in elements] == list(range(7))


def test_an_element_says_where_its_record_is(tmp_path):
    source = source_of(tmp_path, 7, 3)
    for read in (lambda: record_files.read_in_order(source), lambda: record_files.read_shuffled(source, (0, 1), 0, BUFFER)):
        where = {int(element['record']): (element['path'].decode(), element['index']) for element in run(read, 7)}
        assert where[5] == (source.files[1], 2)


def test_a_share_in_order_keeps_the_source_ids(tmp_path):
    elements = run(lambda: record_files.read_in_order(source_of(tmp_path, 7, 2), shard=(1, 3)))
    assert numbers(elements) == [element['source_id'] for element in elements] == [1, 4]


@pytest.mark.parametrize('files, workers', [(1, 1), (3, 1), (2, 2), (8, 2), (17, 2), (3, 3)])
def test_shares_of_whole_files_are_disjoint_and_complete(tmp_path, files, workers):
    source = source_of(tmp_path, 17, files)
    shares = []
    for worker in range(workers):
        seen = numbers(run(lambda: record_files.read_shuffled(source, (worker, workers), worker, BUFFER), 40))  # noqa: B023
        shares.append(set(seen))
        size = len(shares[-1])
        assert sorted(seen[:size]) == sorted(seen[size:2 * size]) == sorted(shares[-1])  # each once an epoch
    assert sorted(number for share in shares for number in share) == list(range(17))


@pytest.mark.parametrize('first', [0, 5, 20])
@pytest.mark.parametrize('files, workers', [(1, 2), (3, 2), (1, 3), (4, 3), (8, 3)])
def test_workers_that_share_files_take_together_what_one_takes(tmp_path, files, workers, first):
    """At each step, after any number of steps, over the ends of epochs."""
    source = source_of(tmp_path, 17, files)
    alone = numbers(run(lambda: record_files.read_shuffled(source, (0, 1), 3, BUFFER, first * workers), 30 * workers))
    shares = [numbers(run(lambda: record_files.read_shuffled(source, (worker, workers), 3, BUFFER, first), 30))  # noqa: B023
              for worker in range(workers)]
    assert [number for step in zip(*shares) for number in step] == alone


def test_fewer_records_than_workers_are_refused(tmp_path):
    with pytest.raises(UserError, match='2 records are too few for 3 processes'):
        run(lambda: record_files.read_shuffled(source_of(tmp_path, 2, 1), (2, 3), 0, BUFFER), 1)


def test_each_epoch_has_another_order(tmp_path):
    seen = numbers(run(lambda: record_files.read_shuffled(source_of(tmp_path, 20, 3), (0, 1), 0, BUFFER), 60))
    assert len({tuple(seen[i:i + 20]) for i in (0, 20, 40)}) == 3


def test_the_seed_determines_the_order(tmp_path):
    source = source_of(tmp_path, 20, 4)
    orders = [numbers(run(lambda: record_files.read_shuffled(source, (0, 1), seed, BUFFER), 40)) for seed in (0, 1, 0)]  # noqa: B023
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize('shard', [(0, 1), (1, 2), (1, 3)])
@pytest.mark.parametrize('files', [1, 4])
def test_a_later_start_goes_on_where_an_earlier_one_would_be(tmp_path, files, shard):
    source = source_of(tmp_path, 20, files)
    whole = numbers(run(lambda: record_files.read_shuffled(source, shard, 3, BUFFER), 60))
    for first in (1, 7, 20, 33):
        assert numbers(run(lambda: record_files.read_shuffled(source, shard, 3, BUFFER, first), 60 - first)) == whole[first:]  # noqa: B023


def test_files_of_unknown_length_are_counted(tmp_path):
    source = dataclasses.replace(source_of(tmp_path, 18, 4), lengths=())
    whole = numbers(run(lambda: record_files.read_shuffled(source, (1, 2), 3, BUFFER), 30))
    assert numbers(run(lambda: record_files.read_shuffled(source, (1, 2), 3, BUFFER, 12), 18)) == whole[12:]


def test_the_order_mixes_the_whole_set(tmp_path):
    """The mean place of a record in its epoch doesn't depend on its place in the files."""
    source = source_of(tmp_path, 20, 4)
    places = collections.defaultdict(list)
    seen = numbers(run(lambda: record_files.read_shuffled(source, (0, 1), 5, BUFFER), 20 * 50))
    for i, number in enumerate(seen):
        places[number].append(i % 20)
    means = [np.mean(places[number]) for number in range(20)]
    assert np.abs(np.array(means) - 9.5).max() < 3.5 * 5.77 / 50 ** .5  # of 50 places, uniform over 20


def test_a_small_buffer_still_mixes_files(tmp_path):
    seen = numbers(run(lambda: record_files.read_shuffled(source_of(tmp_path, 400, 4), (0, 1), 0, 32), 60))
    assert len({number // 100 for number in seen}) == 4


def test_ending_a_session_early_is_safe(tmp_path):
    source = source_of(tmp_path, 200, 8)
    for _ in range(10):
        assert len(run(lambda: record_files.read_shuffled(source, (0, 1), 0, 8), 3)) == 3
