"""Training around parameter servers: processes of the type ps hold the weights, and each of the others makes steps of its own on them.

It is an Estimator's own way, with a graph in each process: a device function puts the variables on the servers, the session's master is the server
of this process, and the chief alone initialises and saves. It runs on TensorFlow 1.15, 2.15 and 2.21 alike, and model_fn does not know of it.
ParameterServerStrategy would build the network inside of a strategy, and what joins it to Estimators was dropped with TensorFlow 2.16.

TensorFlow lets a server run for ever, and tells it nothing of the job. So each server holds two kinds of notes, in queues. A training process leaves
one of its own when it has ended well. By the other kind the chief, or a server that got a signal, asks all to end.
"""
import collections
import os
import signal
import sys
import threading
import time

from blitznet_estimator import replicas
from blitznet_estimator.exit_codes import LOST
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import servers
from blitznet_estimator.runtime import tf
from blitznet_estimator.stop_request import StopRequest

_STOP, _OVER = 'stop', 'over_%d'
_LOOK = 1.  # seconds between two looks of a server, and of a worker that waits for the chief
_LOOKS = 3  # in a row that have to find all processes gone
_LEAVING = 60.  # seconds that a process which has ended waits for a server that it does not reach
_WATCH, _MISSES = 2., 5  # seconds between two looks of a process that trains, and how many in a row find a server gone
_NOTES = 1 << 10  # that a queue takes
_ANSWER = 20000  # milliseconds that a server may take to take a note


class ServedWorker:
    """A process that trains, of a Cluster with parameter servers. The first is the chief."""

    is_synchronous = False

    def __init__(self, cluster):
        self._cluster, self._server, self._spec = cluster, None, servers.spec_of(cluster)

    def strategy(self, session_config):
        """None: an Estimator needs none for this."""
        del session_config

    def add_stop_vote(self):
        """Let StopHook hear at each step whether the job is to end, by the collection `replicas.STOP`. A signal at the chief ends all processes,
        one at another process that one alone. Returns None: nobody waits for the others."""
        flag = tf.placeholder_with_default(0., [])
        notes = [_queue(self._cluster, index, _STOP) for index in range(len(self._cluster.ps))]
        asked = tf.to_float(notes[0].size() > 0)
        if self._cluster.rank == 0:
            asked = tf.cond(flag > 0, lambda: _after([note.enqueue(1) for note in notes], flag), lambda: asked)
        tf.add_to_collection(replicas.STOP, (flag, tf.maximum(asked, flag)))

    def train(self, estimator, input_fn, max_steps, hooks):
        """As Estimator.train, up to the step `max_steps` of all processes together."""
        cluster, run_config = self._cluster, estimator._config  # the property gives a copy
        config = type(run_config.session_config)()
        config.CopyFrom(run_config.session_config)
        self._server = self._server or servers.started(cluster, config)
        config.device_filters.extend(['/job:ps', '/job:%s/task:%d' % (cluster.task_type, cluster.task_index)])  # the other workers may come and go
        context = _context_class()(None, self._spec, cluster.task_type, cluster.task_index, config, servers.PROTOCOL)
        context.addresses = cluster.ps
        servers.tell(run_config, self._spec, context)
        estimator._device_fn = device_function(cluster)
        waited = (cluster.jobs[0][0], cluster.jobs[0][1][:1]), ('ps', cluster.ps)
        with context, Watchdog(cluster.ps, lambda: _end(cluster.describe())), servers.Waiting(waited) as waiting:
            return estimator.train(input_fn, max_steps=max_steps, hooks=list(hooks) + [waiting])

    def leave(self):
        """Tell each server that this process has ended well. One that is not reached is waited for a while, for it may still start."""
        for index, address in enumerate(self._cluster.ps):
            end, said = time.monotonic() + _LEAVING, False
            while not servers.is_reached(address) and time.monotonic() < end:
                if not said:
                    log.info('Waiting for ps %d at %s, to tell it that training is over ...', index, address)
                said = True
                time.sleep(_LOOK)
            _put(self._cluster, index, _OVER % self._cluster.rank)


def device_function(cluster):
    """tf.Operation -> its device: a parameter server for variables, the one with the fewest bytes so far, and this process for all else.

    All processes have to build the variables in one order.
    """
    filled = [0] * len(cluster.ps)

    def lightest(variable):
        index = filled.index(min(filled))
        filled[index] += tf.TensorShape(variable.get_attr('shape')).num_elements() or 1
        return index
    return tf.train.replica_device_setter(ps_tasks=len(cluster.ps), worker_device='/job:%s/task:%d' % (cluster.task_type, cluster.task_index),
                                          ps_strategy=lightest)


def _context_class():
    """As TensorFlow's, for processes that each make their own steps."""
    base = servers.context_class()

    class Context(base):
        """Of one process."""

        addresses = ()  # of the parameter servers
        should_checkpoint = should_save_summary = experimental_should_init = property(lambda self: self.is_chief)

        def session_creator(self, scaffold=None, config=None, checkpoint_dir=None, **_):
            if self.is_chief:
                made = tf.train.ChiefSessionCreator(scaffold, self.master_target, self.session_config, checkpoint_dir)
            else:
                made = tf.train.WorkerSessionCreator(scaffold, self.master_target, self.session_config, max_wait_secs=0)  # one try at a time
            return _Patient(made, self.addresses, '%s %d' % (self.task_type, self.task_id))
    return Context


class _Patient:
    """A session creator that waits for the servers, and then for the chief's values, where signals are heard: TensorFlow's own waiting hears none."""

    def __init__(self, creator, addresses, name):
        """addresses: of the servers. name: of this process."""
        self._creator, self._addresses, self._name = creator, addresses, name

    def create_session(self):
        """The session, which raises LostWorker where a server is gone; so does this where one was there."""
        while not self._has_servers():
            time.sleep(_LOOK)
        with servers.losses_said(self._name):
            while True:
                try:
                    return _ending_at_a_loss(self._creator.create_session(), self._name)
                except tf.errors.DeadlineExceededError:  # the chief has not put its values there yet
                    time.sleep(_LOOK)
                if not self._has_servers():
                    raise servers.lost(self._name)

    def _has_servers(self):
        return all(map(servers.is_reached, self._addresses))

    def __getattr__(self, name):
        return getattr(self._creator, name)


def _ending_at_a_loss(session, name):
    """The session, whose runs raise LostWorker where a server is gone. Then it is not closed: TensorFlow would wait for that server, for ever."""
    run, close, is_lost = session.run, session.close, []

    def run_or_lose(*args, **options):
        try:
            with servers.losses_said(name):
                return run(*args, **options)
        except servers.LostWorker:
            is_lost.append(True)
            raise
    session.run, session.close = run_or_lose, lambda: None if is_lost else close()
    return session


class Watchdog:
    """A thread that ends this process where a server is gone and TensorFlow says nothing: TensorFlow 1.15 waits for its answer for ever, and so does
    any release where a machine loses its power."""

    def __init__(self, addresses, end, every=_WATCH):
        """addresses: of the servers. end: what ends the process. every: seconds between two looks."""
        self._addresses, self._end, self._every, self._over = addresses, end, every, threading.Event()

    def __enter__(self):
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._over.set()

    def _look(self):
        seen, missed = set(), collections.Counter()
        while not self._over.wait(self._every):
            for address in self._addresses:
                is_there = servers.is_reached(address)
                seen.update([address] if is_there else [])
                missed[address] = 0 if is_there or address not in seen else missed[address] + 1
            if max(missed.values()) >= _MISSES and not self._over.is_set():
                self._end()
                return


def _end(name):
    """End the process at once: its main thread is in a call of TensorFlow's that does not return."""
    print('error: %s' % servers.lost(name), file=sys.stderr, flush=True)
    os._exit(LOST)


class ParameterServer:
    """A process that holds variables for those that train."""

    def __init__(self, cluster):
        self._cluster = cluster

    def serve(self, session_config):
        """Serve until the job is over.

        It is when each training process has ended well, or has been reached and is gone. Raises Stopped after a signal, here or at the chief, and
        LostWorker where the chief was lost.
        """
        cluster = self._cluster
        server = servers.started(cluster, session_config)
        log.info('%s holds weights at %s for %d processes that train.', cluster.describe(), cluster.address, cluster.size)
        with StopRequest(waiting='It ends when the processes that train have saved their step. A second signal ends it at once.') as stop:
            stop.defer()
            with _Notes(cluster, server.target) as notes:
                told = self._until_over(notes, stop)
            stop.release()
        if 0 not in told:
            raise servers.LostWorker('%s: the chief is gone, and did not say that training is over. Start the whole job again, which resumes from '
                                     'its last checkpoint.' % cluster.describe())

    def _until_over(self, notes, stop):
        """Ranks of the processes that ended well, once all have ended. stop: the StopRequest; a note of another process sets its number, too."""
        addresses, roll, passed_on, since = self._cluster.addresses, Roll(self._cluster.size), False, time.monotonic()
        while True:
            told, is_asked = notes.read()
            if stop.number is not None and not is_asked and not passed_on:
                passed_on = True
                for index in range(len(self._cluster.ps)):
                    _put(self._cluster, index, _STOP)
            if is_asked and stop.number is None:
                stop.number = signal.SIGTERM  # that another process got
            here = {rank for rank, address in enumerate(addresses) if rank not in told and servers.is_reached(address)}
            if roll.is_over(told, here, stop.number is not None):
                return told
            since = self._say_missing(roll, told, since)
            time.sleep(_LOOK)

    def _say_missing(self, roll, told, since):
        """Name the processes that did not come yet, every now and then; returns when that was done, or `since`."""
        if time.monotonic() - since < servers.PATIENCE:
            return since
        missing = roll.missing(told)
        if missing:
            names = servers.named(self._cluster.jobs)
            log.info('Waiting for %s ...', ', '.join(names[rank][0] for rank in missing))
        return time.monotonic()


class Roll:
    """Who of the `size` processes that train came, and went."""

    def __init__(self, size):
        self._everyone, self._seen, self._in_a_row = frozenset(range(size)), set(), 0

    def is_over(self, told, here, stopping):
        """Whether all have ended, by one more look.

        Args:
          told: ranks of those that said so. here: of the others, those that are reached.
          stopping: whether a signal ended the job, so that nobody who did not come yet is waited for.
        """
        self._seen |= here
        gone = (self._everyone if stopping else self._seen) - here
        self._in_a_row = self._in_a_row + 1 if told | gone >= self._everyone else 0
        return told >= self._everyone or self._in_a_row >= _LOOKS

    def missing(self, told):
        """Ranks of those that did not come yet."""
        return sorted(self._everyone - self._seen - told)


class _Notes:
    """The notes that this server of a cluster holds. A context manager."""

    def __init__(self, cluster, target):
        self._graph, index = tf.Graph(), cluster.task_index
        with self._graph.as_default():
            self._sizes = [_queue(cluster, index, name).size() for name in [_STOP] + [_OVER % rank for rank in range(cluster.size)]]
        self._session = tf.Session(target, self._graph, config=_only(index))

    def read(self):
        """(ranks of the processes that ended well, whether all are to end)."""
        asked, *over = self._session.run(self._sizes)
        return {rank for rank, count in enumerate(over) if count}, bool(asked)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._session.close()


def _queue(cluster, index, name):
    """The queue of notes of this name that a parameter server holds, the same in all graphs."""
    with tf.device('/job:ps/task:%d/cpu:0' % index):
        return tf.FIFOQueue(_NOTES, tf.int32, [()], shared_name='blitznet_' + name)


def _put(cluster, index, name):
    """Leave a note at a server; where it does not answer it is gone, and needs none."""
    if not servers.is_reached(cluster.ps[index]):
        return
    try:
        with tf.Graph().as_default(), tf.Session('%s://%s' % (servers.PROTOCOL, cluster.ps[index]), config=_only(index)) as session:
            session.run(_queue(cluster, index, name).enqueue(1))
    except tf.errors.OpError as error:
        log.info('ps %d at %s took no note (%s).', index, cluster.ps[index], str(error).splitlines()[0])


def _only(index):
    """The configuration of a session on one server alone."""
    return tf.ConfigProto(device_filters=['/job:ps/task:%d' % index], operation_timeout_in_ms=_ANSWER)


def _after(operations, value):
    with tf.control_dependencies(operations):
        return tf.identity(value)
