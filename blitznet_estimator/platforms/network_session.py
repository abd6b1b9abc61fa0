"""A network of PREDICT with the weights of a checkpoint, ready to run."""
import collections
import contextlib
import os
import tempfile
import threading

import numpy as np

from blitznet_estimator import files, memory, weight_files
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import finished_graph
from blitznet_estimator.runtime import tf

_FOLDER = 'blitznet-weights'  # in the folder for temporary files
_Opened = collections.namedtuple('_Opened', 'session predictions inputs')


class NetworkSession:
    """The graph and the session of a network. Threads may call `run` at once; `close` is called once, when no call is left.

    On a CPU the weights lie in files of a temporary folder (see `weight_files`). The second call begins with the finished graph: TensorFlow's
    optimizers have done their work in the first, and what depends on weights alone is computed once for all. It replaces the first graph
    if it gives the outputs of the first call, to the bit. Last, its filters are arranged for the processor, which changes how sums are rounded.
    """

    def __init__(self, estimator, specs, checkpoint):
        """Build the graph and open its session.

        Args:
          estimator: a tf.estimator.Estimator of `LocalPlatform`, whose hooks for prediction are left out.
          specs: {key: (dtype, shape)} of the features; the first size may be unknown.
          checkpoint: path of the one to restore.
        """
        self._config, self._folder, self._lock = estimator.config.session_config, None, threading.Lock()
        self._metadata, self._first = None, None  # of the first call: its graphs, and (features, outputs)
        with contextlib.ExitStack() as files_kept:
            if _takes_files(estimator):
                self._folder = files_kept.enter_context(_temporary_folder())
                self._config = weight_files.session_config(self._config)
                self._metadata = tf.RunMetadata()
            self._features, self._predictions, self._passed, self._session = self._open(estimator, specs, checkpoint)
            self._files = files_kept.pop_all()
        self._ready = False

    def run(self, features):
        """{key: array} of the predictions for a batch of features {key: array}."""
        passed = {key: features[name] for key, name in self._passed.items()}
        if not self._ready:
            with self._lock:
                if not self._ready:
                    return dict(self._prepare(features), **passed)
        return dict(_run(self._session, self._predictions, self._features, features), **passed)

    def close(self):
        """End the session and remove its files."""
        self._session.close()
        self._files.close()
        memory.release()

    def _open(self, estimator, specs, checkpoint):
        """(features, computed predictions, {prediction: the feature that it is}, session)."""
        with tf.Graph().as_default():
            tf.set_random_seed(estimator.config.tf_random_seed)
            tf.train.create_global_step()
            if self._folder:
                weight_files.keep_in(self._folder)
            features = {key: tf.placeholder(dtype, shape, name=key) for key, (dtype, shape) in specs.items()}
            spec = estimator.model_fn(features, None, tf.estimator.ModeKeys.PREDICT, estimator.config)
            creator = tf.train.ChiefSessionCreator(spec.scaffold or tf.train.Scaffold(), config=self._config,
                                                   checkpoint_filename_with_path=checkpoint)
            passed = {key: name for key, tensor in spec.predictions.items() for name, feature in features.items() if tensor is feature}
            computed = {key: tensor for key, tensor in spec.predictions.items() if key not in passed}
            return features, computed, passed, creator.create_session()

    def _prepare(self, features):
        """`run`, at the first call and, where the weights are in files, the second one."""
        if self._metadata is not None and not self._first:
            outputs = _run(self._session, self._predictions, self._features, features,
                           options=tf.RunOptions(output_partition_graphs=True), run_metadata=self._metadata)
            self._first = features, outputs
            return outputs
        if self._first:
            try:
                self._replace(*self._first)
            except (ValueError, KeyError, tf.errors.OpError) as error:
                log.debug('The finished graph is not used: %s', error)
        outputs = _run(self._session, self._predictions, self._features, features)
        self._ready, self._metadata, self._first = True, None, None
        memory.release()  # what preparing the graphs took
        return outputs

    def _replace(self, features, outputs):
        """Take the finished graph's session for ours. ValueError where it gives other outputs."""
        partition, = self._metadata.partition_graphs
        finished = finished_graph.finish(partition, self._folder)
        opened = self._open_finished(finished)
        with contextlib.ExitStack() as unless_taken:
            unless_taken.callback(opened.session.close)
            again = _run(*opened, features)
            if not all(np.array_equal(again[key], outputs[key]) for key in outputs):
                raise ValueError('it gives other outputs')
            unless_taken.pop_all()
        arranged = finished_graph.arranged(finished)
        if arranged:
            opened.session.close()
            opened = self._open_finished(arranged)
        self._session.close()
        self._session, self._predictions, self._features = opened

    def _open_finished(self, finished):
        """The _Opened of a `finished_graph.Finished`."""
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(finished.graph_def, name='')
            predictions = {key: graph.get_tensor_by_name(finished.fetches[tensor.name]) for key, tensor in self._predictions.items()}
            inputs = {key: graph.get_tensor_by_name(finished.feeds[tensor.name]) for key, tensor in self._features.items()
                      if tensor.name in finished.feeds}
            return _Opened(tf.Session(config=finished_graph.session_config(self._config)), predictions, inputs)


def _run(session, predictions, inputs, features, **options):
    return session.run(predictions, {inputs[key]: value for key, value in features.items() if key in inputs}, **options)


def _takes_files(estimator):
    """Whether the graph is for a CPU and holds constant weights. XLA compiles them into its code instead."""
    platform, optimizer = estimator.params['platform'], estimator.config.session_config.graph_options.optimizer_options
    return bool(platform.constant_weights and platform.cpu_precision and optimizer.global_jit_level <= 0)


@contextlib.contextmanager
def _temporary_folder():
    """Path of a folder for this process alone; where the process is killed, a later one removes it."""
    with files.unpublished(os.path.join(tempfile.gettempdir(), _FOLDER)) as folder:
        os.mkdir(folder, 0o700)
        yield folder
