"""What a load tells, and a short one. `python -m tests.reliability.load` takes a minute, with 32 clients."""
import pytest

from tests.reliability import load
from tests.reliability.load import Outcome
from tests.tools import small_export


def test_what_is_told_by_hand():
    outcomes = [Outcome(.001 * number, 200) for number in range(1, 101)] + [Outcome(9., 503)] * 2 + [Outcome(9., 'ConnectionResetError')]
    assert load.summary(outcomes, 20.) == {
        'answers': 100, 'requests_per_second': 5., 'errors': {'503': 2, 'ConnectionResetError': 1}, 'p50_ms': 50.5, 'p99_ms': 99.}
    assert load.summary(outcomes[-1:], 20.) == {'answers': 0, 'requests_per_second': 0., 'errors': {'ConnectionResetError': 1}}


def test_a_server_that_is_not_there_is_an_error_of_each_request():
    client = load.Client('http://127.0.0.1:1/v1/models/m', 0)
    assert client._ask(b'{}') == client._ask(b'{}') == 'ConnectionRefusedError'


@pytest.mark.slow
@pytest.mark.one_python
def test_a_short_load(tmp_path):
    for package in ('flask', 'waitress', 'prometheus_client'):
        pytest.importorskip(package)
    found = load.run(small_export.write(tmp_path), clients=4, seconds=3)
    assert found['errors'] == {} and found['exit_code'] == 0 and found['answers'] > 8
    assert 0 < found['p50_ms'] <= found['p99_ms'] < 10000
    assert 50 < found['memory_mb_before'] and found['memory_mb_after'] - found['memory_mb_before'] < 300
