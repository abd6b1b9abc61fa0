"""What a process of a job does where the others are missing, or elsewhere. tests/test_multi_worker.py trains with several, for real."""
import logging
import socket
from unittest import mock

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import LOST, exit_code_of
from blitznet_estimator.platforms import multi_worker, servers
from blitznet_estimator.platforms.cluster import Cluster
from blitznet_estimator.runtime import tf
from tools.launch import free_ports


class _Creator:
    """Of sessions; it counts them."""

    scaffold, made = 'scaffold', 0

    def create_session(self):
        self.made += 1
        return self.made


def test_a_second_session_would_wait_for_ever_and_is_not_made(capsys):
    creator = servers.Once(_Creator(), 'worker 3')
    assert creator.create_session() == 1 and creator.scaffold == 'scaffold'
    assert exit_code_of(creator.create_session) == LOST
    assert 'worker 3 lost another process of the job' in capsys.readouterr().err


@pytest.mark.parametrize('own, mean', [(0, 0), (40, 40), (0, 20), (40, 20)])
def test_all_processes_begin_at_the_same_step(own, mean):
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.get_or_create_global_step()
        session.run([tf.global_variables_initializer()])
        session.run(step.assign(own))
        hook = multi_worker.SameStartHook('runs/x')
        hook._mean = tf.constant(mean, tf.float64)  # of all processes
        if own == mean:
            hook.after_create_session(session, None)
        else:
            with pytest.raises(UserError, match='--model_dir=runs/x holds step %d here, and .* begin at step %d on average' % (own, mean)):
                hook.after_create_session(session, None)


def test_a_port_that_another_listens_on_is_named():
    address = '127.0.0.1:%d' % free_ports(1)[0]
    groups = [multi_worker.WorkerGroup(Cluster((('worker', (address,)),), 'worker', 0)) for _ in range(2)]
    groups[0]._serve(tf.ConfigProto())
    with pytest.raises(UserError, match='worker 0 cannot listen on %s, which TF_CONFIG gives it' % address):
        groups[1]._serve(tf.ConfigProto())


def test_processes_that_nobody_reaches_are_named_once_until_all_have_come(caplog):
    caplog.set_level(logging.INFO, 'blitznet')
    with socket.socket() as own:
        own.bind(('127.0.0.1', 0))
        own.listen(64)
        addresses = ['127.0.0.1:%d' % own.getsockname()[1]] + ['127.0.0.1:%d' % port for port in free_ports(2)]
        waiting = servers.Waiting((('worker', tuple(addresses)),), patience=.01)
        seen = []

        def look(address, reached=servers.is_reached):
            seen.append(address)
            if len(seen) > 9:  # after three looks
                waiting.after_create_session(None, None)
            return reached(address)
        with mock.patch.object(servers, 'is_reached', look), waiting:
            assert waiting._over.wait(60)
    assert caplog.messages == ['Waiting for worker 1 at %s, worker 2 at %s ...' % tuple(addresses[1:])]
