"""Saves checkpoints while training. TensorFlow's own hook writes more than is needed, and before the loss was judged."""
import abc
import os

from blitznet_estimator.errors import NonFiniteLoss, listed
from blitznet_estimator.runtime import tf

NAME = 'model.ckpt'
SHOWN = 3  # variables in a message


class Pauses(abc.ABC):
    """What comes between some steps of a training, after they were saved."""

    @abc.abstractmethod
    def is_due(self, before, step):
        """Whether there is a pause after `step`, where the last step that was looked at was `before`."""

    @abc.abstractmethod
    def run(self, session, step):
        """Do what there is to do. Returns whether training ends with this step."""


class CheckpointHook(tf.train.SessionRunHook):
    """Saves at each multiple of `every` steps and at the end of a phase, by the saver of the graph.

    It is a hook of the model, and those come after the hooks that the driver gives: a check that fails is met before the save. It saves no
    checkpoint at the start, no graph.pbtxt, and no graph beside each checkpoint. The graph is in the event file where it is asked for.
    Variables that are not finite are never saved: the loss of a step says nothing of what the step made of them.
    Of the processes of a job only the chief saves. The others wait at the end of a phase until it has: the next one begins from there.
    """

    def __init__(self, model_dir, every, with_graph=False, saves=True, meeting=None, pauses=None):
        """meeting: a tensor that no process can compute before all others come to it, or None. pauses: a Pauses, or None."""
        if every < 1:
            raise ValueError('every=%s' % every)
        self._model_dir, self._every, self._with_graph, self._saves, self._meeting = model_dir, every, with_graph, saves, meeting
        self._pauses = pauses
        self._step_tensor = self._saver = self._saved = self._seen = self._finite = None
        if saves:
            self._make_writer(model_dir)

    @staticmethod
    def _make_writer(model_dir):
        with tf.Graph().as_default():  # the writer that all hooks share begins its file with the graph of the moment
            tf.summary.FileWriterCache.get(model_dir)

    def begin(self):
        """Find the global step and the variables."""
        self._step_tensor = tf.train.get_global_step()
        self._finite = {variable.name.split(':')[0]: tf.reduce_all(tf.is_finite(variable)) for variable in tf.global_variables()
                        if variable.dtype.base_dtype.is_floating}

    def after_create_session(self, session, coord):
        """What the session starts from is saved already, or is nothing yet."""
        self._saver, = tf.get_collection(tf.GraphKeys.SAVERS)
        self._saved = self._seen = self._read_step(session)
        if self._with_graph and self._saves:
            tf.summary.FileWriterCache.get(self._model_dir).add_graph(session.graph)

    def after_run(self, run_context, run_values):
        """Save where a multiple was reached or passed, and before a pause."""
        session, before = run_context.session, self._seen
        self._seen = step = self._read_step(session)
        is_due = self._pauses is not None and self._pauses.is_due(before, step)
        if is_due or step // self._every > self._saved // self._every:
            self._save(session, step)
        if is_due and self._pauses.run(session, step):
            run_context.request_stop()

    def end(self, session):
        """Save the last step, and let go of the graph."""
        step = self._read_step(session)
        if step != self._saved:
            self._save(session, step)
        if self._meeting is not None:
            session.run(self._meeting)
        self._step_tensor = self._saver = self._meeting = self._finite = None

    def _read_step(self, session):
        return int(session.run(self._step_tensor))

    def _save(self, session, step):
        bad = [name for name, is_finite in sorted(session.run(self._finite).items()) if not is_finite]
        if bad:
            raise NonFiniteLoss('The weights are not finite after step %d, and are not saved: %s.' % (step, listed(bad, SHOWN)), step)
        if self._saves:
            self._saver.save(session, os.path.join(self._model_dir, NAME), global_step=step, write_meta_graph=False)
        self._saved = step
