"""Training of several processes, on one machine or on many: tf.distribute's MultiWorkerMirroredStrategy beneath an Estimator.

TensorFlow's own way leads through `tf.estimator.train_and_evaluate`, which evaluates when it wants to, and which TensorFlow 2.16 dropped. What
it does for a training process is done here, alike on all releases: a server for the others to talk to, a configured strategy, and the worker
context that an Estimator's session looks for.
"""
import importlib
import socket
import threading

from blitznet_estimator import replicas
from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import LOST
from blitznet_estimator.logs import log
from blitznet_estimator.platforms.cluster import hidden
from blitznet_estimator.runtime import tf

_COORDINATOR = 'tensorflow.python.distribute.distribute_coordinator'
_PROTOCOL = 'grpc'
_PATIENCE = 30.  # seconds between looks for processes that do not come


class WorkerGroup:
    """This process's part in the group that `cluster`, a Cluster, describes."""

    def __init__(self, cluster):
        self._cluster, self._server = cluster, None
        self._spec = tf.train.ClusterSpec({job: list(addresses) for job, addresses in cluster.jobs})

    def strategy(self, session_config):
        """A new strategy, configured for this process."""
        with hidden():
            strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
        strategy.configure(session_config, self._spec.as_dict(), self._cluster.task_type, self._cluster.task_index)
        return strategy

    def train(self, estimator, input_fn, max_steps, hooks):
        """As Estimator.train, together with the other processes: each has to call it with the same max_steps."""
        run_config = estimator._config  # the property gives a copy
        strategy = run_config.train_distribute
        session_config = type(run_config.session_config)()
        session_config.CopyFrom(run_config.session_config)
        strategy.configure(session_config)  # without the cluster: that would number its exchanges anew, as those of the phase before
        self._serve(session_config)
        context = _context_class()(strategy, self._spec, self._cluster.task_type, self._cluster.task_index, session_config, _PROTOCOL)
        _tell(run_config, self._spec, context)
        with context, _Waiting(self._cluster) as waiting:
            return estimator.train(input_fn, max_steps=max_steps, hooks=list(hooks) + [waiting])

    def _serve(self, session_config):
        """Start the server of this process, once: all phases of training use it."""
        if self._server is None:
            config = type(session_config)()
            config.CopyFrom(session_config)
            del config.device_filters[:]  # of the strategy, and for the sessions alone
            self._server = _started(self._spec, self._cluster, config)


class _Waiting(tf.train.SessionRunHook):
    """Says, until the session is there, which processes of the cluster nobody reaches: TensorFlow waits for them without a word, for ever."""

    def __init__(self, cluster, patience=_PATIENCE):
        self._cluster, self._patience, self._over = cluster, patience, threading.Event()

    def __enter__(self):
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._over.set()

    def after_create_session(self, session, coord):
        """All have come."""
        self._over.set()

    def _look(self):
        said = None
        while not self._over.wait(self._patience):
            missing = ['%s %d at %s' % (job, index, address) for job, addresses in self._cluster.jobs for index, address in enumerate(addresses)
                       if not _is_reached(address)]
            if missing and missing != said and not self._over.is_set():
                log.info('Waiting for %s ...', ', '.join(missing))
                said = missing


def _is_reached(address):
    host, port = address.rsplit(':', 1)
    try:
        socket.create_connection((host.strip('[]'), int(port)), timeout=2.).close()
    except OSError:
        return False
    return True


def _started(spec, cluster, config):
    try:
        return tf.distribute.Server(spec, job_name=cluster.task_type, task_index=cluster.task_index, config=config, protocol=_PROTOCOL)
    except (tf.errors.OpError, RuntimeError) as error:
        raise LostWorker('%s cannot listen on %s, which TF_CONFIG gives it (%s): free the port, or name another.'
                         % (cluster.describe(), cluster.address, str(error).splitlines()[0]))


def _tell(run_config, spec, context):
    """What TensorFlow's coordinator writes into the run configuration of a process: it has no public way."""
    run_config._cluster_spec = spec
    run_config._task_type, run_config._task_id = context.task_type, context.task_id
    run_config._master = run_config._evaluation_master = context.master_target
    run_config._is_chief = context.is_chief
    run_config._num_worker_replicas = context.num_workers


def _context_class():
    """The coordinator's worker context, which an Estimator's session looks for. It makes one session only."""
    base = importlib.import_module(_COORDINATOR)._WorkerContext

    class Context(base):
        """As TensorFlow's."""

        def session_creator(self, *args, **options):
            return _Once(super().session_creator(*args, **options), '%s %d' % (self.task_type, self.task_id))
    return Context


class _Once:
    """A session creator that makes no second session: TensorFlow makes one when another process is lost, and then waits for it for ever."""

    def __init__(self, creator, name):
        self._creator, self._name, self._used = creator, name, False

    def create_session(self):
        """The session, or LostWorker."""
        if self._used:
            raise LostWorker('%s lost another process of the job, and ends: start the whole job again, which resumes from its last checkpoint.'
                             % self._name)
        self._used = True
        return self._creator.create_session()

    def __getattr__(self, name):
        return getattr(self._creator, name)


class SameStartHook(tf.train.SessionRunHook):
    """Ends training at once where its processes start from different steps: they do not see the same checkpoints."""

    def __init__(self, model_dir):
        """It is made by every replica, where its graph is."""
        self._model_dir, self._step = model_dir, tf.train.get_or_create_global_step()
        self._mean, = replicas.mean([tf.cast(self._step, tf.float64)])

    def after_create_session(self, session, coord):
        """Compare the steps."""
        own, mean = int(session.run(self._step)), float(session.run(self._mean))
        if own != mean:
            raise UserError('--model_dir=%s holds step %d here, and the processes of the job begin at step %g on average: they need one folder '
                            'that all of them see.' % (self._model_dir, own, mean))

    def end(self, session):
        """Let go of the graph."""
        self._step = self._mean = None


class LostWorker(UserError):
    """The job cannot go on, but may when it is started again: another process ended before this one, or a port is taken."""

    exit_code = LOST
