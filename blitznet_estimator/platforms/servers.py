"""TensorFlow's servers, by which the processes of a job reach each other, and what an Estimator is told of a job: whichever way it trains."""
import contextlib
import importlib
import socket
import threading

from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import LOST
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf

PROTOCOL = 'grpc'
_COORDINATOR = 'tensorflow.python.distribute.distribute_coordinator'
PATIENCE = 30.  # seconds between looks for processes that do not come
_GONE = (tf.errors.UnavailableError, tf.errors.AbortedError)  # what TensorFlow raises where it reaches another process no more


class LostWorker(UserError):
    """The job cannot go on, but may when it is started again: another process ended before this one, or a port is taken."""

    exit_code = LOST


def spec_of(cluster):
    """tf.train.ClusterSpec of a Cluster, its parameter servers included."""
    return tf.train.ClusterSpec({job: list(addresses) for job, addresses in cluster.all_jobs})


def started(cluster, session_config):
    """The running server of this process of a Cluster. LostWorker where its port is taken. It has no filters: those are for the sessions alone."""
    config = type(session_config)()
    config.CopyFrom(session_config)
    del config.device_filters[:]
    try:
        return tf.distribute.Server(spec_of(cluster), job_name=cluster.task_type, task_index=cluster.task_index, config=config, protocol=PROTOCOL)
    except (tf.errors.OpError, RuntimeError) as error:
        raise LostWorker('%s cannot listen on %s, which TF_CONFIG gives it (%s): free the port, or name another.'
                         % (cluster.describe(), cluster.address, str(error).splitlines()[0]))


def is_reached(address):
    """Whether a process listens at host:port."""
    host, port = address.rsplit(':', 1)
    try:
        socket.create_connection((host.strip('[]'), int(port)), timeout=2.).close()
    except OSError:
        return False
    return True


def named(jobs):
    """[(such as "worker 1 at host:port", host:port)] of the processes of jobs, which are pairs (type, addresses)."""
    return [('%s %d at %s' % (job, index, address), address) for job, addresses in jobs for index, address in enumerate(addresses)]


class Waiting(tf.train.SessionRunHook):
    """Says, until the session is there, which processes of a job nobody reaches: TensorFlow waits for them without a word, for ever."""

    def __init__(self, jobs, patience=PATIENCE):
        """jobs: (type, addresses) of those that are waited for."""
        self._jobs, self._patience, self._over = jobs, patience, threading.Event()

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
            missing = [name for name, address in named(self._jobs) if not is_reached(address)]
            if missing and missing != said and not self._over.is_set():
                log.info('Waiting for %s ...', ', '.join(missing))
                said = missing


def tell(run_config, spec, context):
    """What TensorFlow's coordinator writes into the run configuration of a process: it has no public way."""
    run_config._cluster_spec = spec
    run_config._task_type, run_config._task_id = context.task_type, context.task_id
    run_config._master = run_config._evaluation_master = context.master_target
    run_config._is_chief = context.is_chief
    run_config._num_worker_replicas = context.num_workers


def context_class():
    """The coordinator's worker context, which an Estimator's session looks for."""
    return importlib.import_module(_COORDINATOR)._WorkerContext


class Once:
    """A session creator that makes no second session: TensorFlow makes one when another process is lost, and then waits for it for ever."""

    def __init__(self, creator, name):
        """name: of this process."""
        self._creator, self._name, self._used = creator, name, False

    def create_session(self):
        """The session, or LostWorker."""
        if self._used:
            raise lost(self._name)
        self._used = True
        return self._creator.create_session()

    def __getattr__(self, name):
        return getattr(self._creator, name)


@contextlib.contextmanager
def losses_said(name):
    """LostWorker, within a `with` block, in place of TensorFlow's error that another process is gone. name: of this process."""
    try:
        yield
    except _GONE:
        raise lost(name)


def lost(name):
    """The LostWorker of the process `name`, such as "worker 1"."""
    return LostWorker('%s lost another process of the job, and ends: start the whole job again, which resumes from its last checkpoint.' % name)
