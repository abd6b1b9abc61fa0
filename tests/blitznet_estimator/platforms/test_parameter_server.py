"""What a parameter server and those that train around it do, with servers of this process. tests/test_parameter_server.py trains for real."""
import logging
import socket
import threading
import time

import pytest

from blitznet_estimator import replicas
from blitznet_estimator.exit_codes import LOST
from blitznet_estimator.platforms import parameter_server, servers
from blitznet_estimator.platforms.cluster import Cluster
from blitznet_estimator.runtime import tf
from blitznet_estimator.stop_request import Stopped
from tools.launch import free_ports

EVERYONE = {0, 1}


def clusters(workers=1, ps=1):
    """(Clusters of the workers, Clusters of the parameter servers), at free ports."""
    addresses = tuple('127.0.0.1:%d' % port for port in free_ports(workers + ps))
    jobs, servers_ = (('worker', addresses[:workers]),), addresses[workers:]
    return [[Cluster(jobs, kind, index, servers_) for index in range(count)] for kind, count in (('worker', workers), ('ps', ps))]


@pytest.fixture(name='fast', autouse=True)
def fast_looks(monkeypatch):
    monkeypatch.setattr(parameter_server, '_LOOK', .05)
    monkeypatch.setattr(parameter_server, '_LEAVING', .5)


def test_a_job_is_over_when_all_said_so():
    roll = parameter_server.Roll(2)
    assert not roll.is_over(set(), set(), False) and roll.missing(set()) == [0, 1]
    assert not roll.is_over({0}, {1}, False) and roll.missing({0}) == []
    assert roll.is_over(EVERYONE, set(), False)


def test_one_that_was_there_and_is_gone_is_not_waited_for():
    roll = parameter_server.Roll(2)
    looks = [roll.is_over(*look, False) for look in [(set(), {0, 1})] + 2 * [({0}, set())] + [({0}, {1})] + 3 * [({0}, set())]]
    assert looks == [False] * 6 + [True]  # it is missed in three looks in a row
    late = parameter_server.Roll(2)
    assert not any(late.is_over({0}, set(), False) for _ in range(9)) and late.missing({0}) == [1]
    assert [late.is_over({0}, set(), True) for _ in range(3)] == [False, False, True]  # but not after a signal


def test_servers_get_as_many_bytes_each():
    with tf.Graph().as_default(), tf.device(parameter_server.device_function(clusters(2, 2)[0][1])):
        sizes = 100, 30, 30, 50
        variables = [tf.get_variable('v%d' % index, [size]) for index, size in enumerate(sizes)]
        result = tf.add_n([tf.reduce_sum(variable) for variable in variables])
    assert [variable.device for variable in variables] == ['/job:ps/task:0'] + 3 * ['/job:ps/task:1']
    assert result.device == '/job:worker/task:1'


@pytest.mark.parametrize('rank, ends', [(0, True), (1, False)])
def test_a_signal_at_the_chief_ends_all_and_one_at_a_worker_that_one_alone(rank, ends):
    workers, (own,) = clusters(2)
    server = servers.started(own, tf.ConfigProto())
    with tf.Graph().as_default():
        assert parameter_server.ServedWorker(workers[rank]).add_stop_vote() is None
        (flag, agreed), = tf.get_collection(replicas.STOP)
        with parameter_server._Notes(own, server.target) as notes, tf.Session(server.target, config=parameter_server._only(0)) as session:
            assert session.run(agreed) == 0 and notes.read() == (set(), False)
            assert session.run(agreed, {flag: 1.}) == 1
            assert notes.read() == (set(), ends) and session.run(agreed) == float(ends)


def test_a_server_ends_when_all_have_left(monkeypatch):
    told, until_over = [], parameter_server.ParameterServer._until_over
    monkeypatch.setattr(parameter_server.ParameterServer, '_until_over', lambda *args: told.append(until_over(*args)) or told[-1])
    workers, (own,) = clusters(2)
    leaving = [threading.Thread(target=parameter_server.ServedWorker(worker).leave) for worker in workers]
    for thread in leaving:
        thread.start()  # they wait until the server is there
    parameter_server.ParameterServer(own).serve(tf.ConfigProto())
    for thread in leaving:
        thread.join(60)
    assert told == [EVERYONE] and not any(thread.is_alive() for thread in leaving)


def test_a_process_that_leaves_does_not_wait_for_ever_for_a_server(caplog):
    caplog.set_level(logging.INFO, 'blitznet')
    worker, = clusters()[0]
    start = time.monotonic()
    parameter_server.ServedWorker(worker).leave()
    assert .5 <= time.monotonic() - start < 30
    assert caplog.messages == ['Waiting for ps 0 at %s, to tell it that training is over ...' % worker.ps[0]]


def test_a_server_without_a_chief_ends_as_lost():
    (worker,), (own,) = clusters()
    with socket.socket() as chief:
        chief.bind(('127.0.0.1', int(worker.address.rpartition(':')[2])))
        chief.listen(64)
        threading.Timer(1., chief.close).start()
        with pytest.raises(servers.LostWorker, match='ps 0: the chief is gone') as lost:
            parameter_server.ParameterServer(own).serve(tf.ConfigProto())
    assert lost.value.exit_code == LOST


def test_a_stop_that_another_process_asks_for_ends_a_server(monkeypatch, caplog):
    """Until then it names the worker that it waits for."""
    monkeypatch.setattr(servers, 'PATIENCE', .1)
    caplog.set_level(logging.INFO, 'blitznet')
    own, = clusters()[1]
    timer = threading.Timer(.5, lambda: parameter_server._put(own, 0, 'stop'))
    timer.start()
    with pytest.raises(Stopped) as stopped:
        parameter_server.ParameterServer(own).serve(tf.ConfigProto())
    assert stopped.value.exit_code == 143
    assert 'Waiting for worker 0 at %s ...' % own.addresses[0] in caplog.messages


def test_the_watchdog_ends_a_process_whose_server_was_there_and_is_gone():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen(64)
        address, never = '127.0.0.1:%d' % server.getsockname()[1], '127.0.0.1:%d' % free_ports(1)[0]
        ended = threading.Event()
        with parameter_server.Watchdog([address, never], ended.set, every=.02):
            assert not ended.wait(.5)
            server.close()
            assert ended.wait(60)


def test_a_session_that_lost_a_server_is_not_closed():
    class Session:
        """One whose server is gone."""

        closed = 0

        def run(self, fetches):
            if fetches == 'lost':
                raise tf.errors.UnavailableError(None, None, 'Socket closed')
            return fetches

        def close(self):
            self.closed += 1
    session = parameter_server._ending_at_a_loss(Session(), 'worker 1')
    assert session.run('x') == 'x'
    session.close()
    assert session.closed == 1
    with pytest.raises(servers.LostWorker, match='worker 1 lost another process of the job'):
        session.run('lost')
    session.close()
    assert session.closed == 1
