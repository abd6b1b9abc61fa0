"""Training of several processes, on one machine or on many: tf.distribute's MultiWorkerMirroredStrategy beneath an Estimator.

TensorFlow's own way leads through `tf.estimator.train_and_evaluate`, which evaluates when it wants to, and which TensorFlow 2.16 dropped. What
it does for a training process is done here, alike on all releases: a server for the others to talk to, a configured strategy, and the worker
context that an Estimator's session looks for.
"""
from blitznet_estimator import replicas
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import servers
from blitznet_estimator.platforms.cluster import hidden
from blitznet_estimator.runtime import tf


class WorkerGroup:
    """This process's part in the group that `cluster`, a Cluster, describes: all make each step together."""

    is_synchronous = True

    def __init__(self, cluster):
        self._cluster, self._server = cluster, None
        self._spec = servers.spec_of(cluster)

    def strategy(self, session_config):
        """A new strategy, configured for this process."""
        with hidden():
            strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
        strategy.configure(session_config, self._spec.as_dict(), self._cluster.task_type, self._cluster.task_index)
        return strategy

    def add_stop_vote(self):
        """Make the vote of `replicas.STOP`; returns a tensor that no process has before all have come to it."""
        return replicas.add_stop_vote()

    def train(self, estimator, input_fn, max_steps, hooks):
        """As Estimator.train, together with the other processes: each has to call it with the same max_steps."""
        run_config = estimator._config  # the property gives a copy
        strategy = run_config.train_distribute
        session_config = type(run_config.session_config)()
        session_config.CopyFrom(run_config.session_config)
        strategy.configure(session_config)  # without the cluster: that would number its exchanges anew, as those of the phase before
        self._serve(session_config)
        name = self._cluster.describe()
        context = _context_class()(strategy, self._spec, self._cluster.task_type, self._cluster.task_index, session_config, servers.PROTOCOL)
        servers.tell(run_config, self._spec, context)
        with context, servers.losses_said(name), servers.Waiting(self._cluster.jobs) as waiting:
            return estimator.train(input_fn, max_steps=max_steps, hooks=list(hooks) + [waiting])

    def leave(self):
        """Training is over: the others know of it, for all make the same steps."""

    def _serve(self, session_config):
        """Start the server of this process, once: all phases of training use it."""
        self._server = self._server or servers.started(self._cluster, session_config)


def _context_class():
    """As TensorFlow's. It makes one session only."""
    base = servers.context_class()

    class Context(base):
        """Of one process."""

        def session_creator(self, *args, **options):
            return servers.Once(super().session_creator(*args, **options), '%s %d' % (self.task_type, self.task_id))
    return Context


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
