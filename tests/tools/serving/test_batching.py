import concurrent.futures
import threading

import numpy as np
import pytest

from tools.serving.batching import Batcher
from tools.serving.errors import ApiError
from tools.serving.saved_models import Model


@pytest.fixture(scope='module', name='model')
def loaded_model(several):
    model = Model(several + '/1')
    yield model
    model.close()


@pytest.fixture(name='batcher')
def make_batcher():
    """options -> a Batcher that is closed at the end, and the list of what it tells."""
    made = []

    def make(**options):
        told = []
        made.append(Batcher(observe=lambda name, value: told.append((name, value)), **dict(dict(max_batch=4, wait_s=60, max_queue=10), **options)))
        return made[-1], told
    yield make
    for batcher in made:
        batcher.close()


def root(*numbers):
    return {'number': np.array(numbers, np.float32)}


def batches(told):
    return [value for name, value in told if name == 'batch']


def test_a_full_batch_does_not_wait_and_each_request_gets_its_own_part(batcher, model):
    batcher, told = batcher()
    futures = [batcher.submit(model, 'root', root(*numbers)) for numbers in ((1,), (4, 9), (16,))]
    assert [future.result(30)['root'].tolist() for future in futures] == [[1], [2, 3], [4]]
    assert batches(told) == [4] and [name for name, _ in told].count('queue') == 3


def test_a_lone_request_waits_no_longer_than_it_should(batcher, model):
    batcher, told = batcher(wait_s=.05)
    assert batcher.submit(model, 'root', root(4)).result(30)['root'].tolist() == [2]
    assert .04 < dict(told)['queue'] < 10


def test_one_that_fails_harms_no_other(batcher, model):
    batcher, told = batcher()
    futures = [batcher.submit(model, 'root', root(*numbers)) for numbers in ((1,), (-1,), (4, 9))]
    assert futures[0].result(30)['root'].tolist() == [1] and futures[2].result(30)['root'].tolist() == [2, 3]
    with pytest.raises(ApiError, match='The model cannot take these inputs'):
        futures[1].result(30)
    assert batches(told) == [1, 2]


def test_other_signatures_are_not_joined_and_what_cannot_be_parted_runs_alone(batcher, model):
    batcher, told = batcher()
    waiting = batcher.submit(model, 'root', root(1))
    alone = [batcher.submit(model, 'unequal', root(1, 2)) for _ in range(2)]
    full = batcher.submit(model, 'root', root(4, 9, 16))
    assert waiting.result(30)['root'].tolist() == [1] and full.result(30)['root'].tolist() == [2, 3, 4]
    assert [future.result(30)['all'] for future in alone] == [3, 3] and batches(told) == [4, 2, 2]


def test_a_request_of_many_rows_is_run_in_pieces(batcher, model):
    batcher, told = batcher()
    numbers = np.arange(10, dtype=np.float32)
    np.testing.assert_allclose(batcher.submit(model, 'root', {'number': numbers ** 2}).result(30)['root'], numbers)
    assert batches(told) == [10]


def test_a_full_queue_says_when_to_come_back(batcher, model):
    batcher, _ = batcher(max_queue=2)
    for _ in range(2):
        batcher.submit(model, 'root', root(1))
    with pytest.raises(ApiError, match='The queue is full: 2 requests wait') as error:
        batcher.submit(model, 'root', root(1))
    assert error.value.code == 503 and error.value.headers == {'Retry-After': '1'}


def test_who_waits_no_longer_gives_the_place_up(batcher, model):
    batcher, told = batcher(max_queue=2)
    futures = [batcher.submit(model, 'root', root(number)) for number in (1, 4)]
    batcher.forget(futures[0])
    assert futures[0].cancelled() and len(batcher) == 1
    third = batcher.submit(model, 'root', root(9, 16, 25))
    assert third.result(30)['root'].tolist() == [3, 4, 5] and futures[1].result(30)['root'].tolist() == [2] and batches(told) == [4]


class Watched:
    """A model that tells of each run before it begins."""

    def __init__(self, model, before):
        self.signatures, self._model, self._before = model.signatures, model, before

    def run(self, signature, inputs):
        """As Model's."""
        self._before(len(inputs['number']))
        return self._model.run(signature, inputs)


def test_a_request_that_nobody_waits_for_is_run_no_further(batcher, model):
    batcher, _ = batcher(wait_s=0)
    runs, begun, forgotten = [], threading.Event(), threading.Event()

    def before(rows):
        runs.append(rows)
        begun.set()
        assert forgotten.wait(30)
    future = batcher.submit(Watched(model, before), 'root', root(*range(100)))
    assert begun.wait(30)
    batcher.forget(future)
    forgotten.set()
    with pytest.raises(ApiError, match='Nobody waits for the answer'):
        future.result(30)
    assert batcher.submit(model, 'root', root(4)).result(30)['root'].tolist() == [2] and runs == [4]


def test_no_batch_has_more_pixels_than_may_be_decoded_at_once(batcher, model):
    batcher, told = batcher(max_pixels=10)
    runs = []
    watched = Watched(model, runs.append)
    futures = [batcher.submit(watched, 'root', root(*numbers), pixels) for numbers, pixels in (
        ((1, 4, 9), (6, 6, 4)), ((16,), (7,)), ((25,), (3,)), ((36, 49), (11, 0)))]
    assert [future.result(30)['root'].tolist() for future in futures] == [[1, 2, 3], [4], [5], [6, 7]]
    assert batches(told) == [3, 2, 2] and runs == [1, 2, 2, 1, 1]


def test_memory_that_ends_as_requests_are_joined_harms_nobody(batcher, model, monkeypatch):
    batcher, told = batcher()

    def fail(arrays):
        monkeypatch.undo()
        raise MemoryError
    monkeypatch.setattr(np, 'concatenate', fail)
    futures = [batcher.submit(model, 'root', root(*numbers)) for numbers in ((1, 4), (9, 16))]
    assert [future.result(30)['root'].tolist() for future in futures] == [[1, 2], [3, 4]] and batches(told) == [2, 2]


def test_a_request_that_memory_does_not_suffice_for_is_told_so(batcher, model):
    def before(rows):
        raise MemoryError('of a part')
    batcher, _ = batcher(wait_s=0)
    with pytest.raises(ApiError, match='There is not enough memory for this request') as error:
        batcher.submit(Watched(model, before), 'root', root(1)).result(30)
    assert error.value.code == 429 and batcher.submit(model, 'root', root(4)).result(30)['root'].tolist() == [2]


def test_closing_gives_up_what_is_not_run_in_time(batcher, model):
    batcher, _ = batcher(wait_s=0)
    begun, over = threading.Event(), threading.Event()

    def before(rows):
        begun.set()
        assert over.wait(30)
    running = batcher.submit(Watched(model, before), 'root', root(1, 4, 9, 16, 25))
    assert begun.wait(30)
    waiting = batcher.submit(model, 'root', root(4))
    assert not batcher.close(.05) and waiting.cancelled() and not running.done()
    over.set()
    with pytest.raises(ApiError, match='Nobody waits'):
        running.result(30)
    assert batcher.close(30)


def test_closing_runs_what_waits(batcher, model):
    batcher, _ = batcher()
    future = batcher.submit(model, 'root', root(4))
    batcher.close()
    assert future.result(0)['root'].tolist() == [2]
    with pytest.raises(ApiError):
        batcher.submit(model, 'root', root(4))


def test_many_threads_each_get_their_own(batcher, model):
    batcher, told = batcher(wait_s=.002, max_queue=100)
    barrier = threading.Barrier(16)

    def ask(number):
        barrier.wait()
        return [batcher.submit(model, 'root', root(number ** 2)).result(30)['root'].tolist() for _ in range(10)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [[[number]] * 10 for number in range(16)]
    assert sum(batches(told)) == 160 and max(batches(told)) == 4
