import threading

import pytest

from blitznet_estimator.drivers.background import Background


def test_in_order_on_another_thread():
    done, threads = [], set()

    def work(number):
        threads.add(threading.current_thread())
        done.append(number)

    with Background() as background:
        for number in range(20):
            background.submit(work, number)
    assert done == list(range(20))
    assert len(threads) == 1 and threading.current_thread() not in threads


def test_what_is_pending_is_bounded():
    gate, started = threading.Event(), []

    def submit_all():
        with Background(limit=3) as background:
            for number in range(10):
                background.submit(gate.wait)
                started.append(number)

    thread = threading.Thread(target=submit_all)
    thread.start()
    thread.join(.3)
    assert started == [0, 1, 2]
    gate.set()
    thread.join(10)
    assert len(started) == 10


def test_an_error_surfaces():
    done = []
    with pytest.raises(ZeroDivisionError):
        with Background(limit=2) as background:
            background.submit(lambda: 1 / 0)
            for number in range(100):
                background.submit(done.append, number)
    assert len(done) < 100


def test_an_error_of_the_block_drops_the_rest():
    gate, done = threading.Event(), []
    with pytest.raises(KeyError):
        with Background(limit=9) as background:
            background.submit(gate.wait, .2)
            for number in range(5):
                background.submit(done.append, number)
            raise KeyError
    assert not done
