"""Saves checkpoints while training. TensorFlow's own hook writes more than is needed, and before the loss was judged."""
import os

from blitznet_estimator.runtime import tf

NAME = 'model.ckpt'


class CheckpointHook(tf.train.SessionRunHook):
    """Saves at each multiple of `every` steps and at the end of a phase, by the saver of the graph.

    It is a hook of the model, and those come after the hooks that the driver gives: a check that fails is met before the save. It saves no
    checkpoint at the start, no graph.pbtxt, and no graph beside each checkpoint. The graph is in the event file where it is asked for.
    """

    def __init__(self, model_dir, every, with_graph=False):
        if every < 1:
            raise ValueError('every=%s' % every)
        self._model_dir, self._every, self._with_graph = model_dir, every, with_graph
        self._step_tensor = self._saver = self._saved = None
        with tf.Graph().as_default():  # the writer that all hooks share begins its file with the graph of the moment
            tf.summary.FileWriterCache.get(model_dir)

    def begin(self):
        """Find the global step."""
        self._step_tensor = tf.train.get_global_step()

    def after_create_session(self, session, coord):
        """What the session starts from is saved already, or is nothing yet."""
        self._saver, = tf.get_collection(tf.GraphKeys.SAVERS)
        self._saved = self._read_step(session)
        if self._with_graph:
            tf.summary.FileWriterCache.get(self._model_dir).add_graph(session.graph)

    def after_run(self, run_context, run_values):
        """Save where a multiple was reached or passed."""
        step = self._read_step(run_context.session)
        if step // self._every > self._saved // self._every:
            self._save(run_context.session, step)

    def end(self, session):
        """Save the last step, and let go of the graph."""
        step = self._read_step(session)
        if step != self._saved:
            self._save(session, step)
        self._step_tensor = self._saver = None

    def _read_step(self, session):
        return int(session.run(self._step_tensor))

    def _save(self, session, step):
        self._saver.save(session, os.path.join(self._model_dir, NAME), global_step=step, write_meta_graph=False)
        self._saved = step
