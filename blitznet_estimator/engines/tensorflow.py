"""TensorFlow on a CPU or a GPU: a checkpoint by the project's own model_fn, or an exported graph. One session is kept."""
import os

import cv2
import numpy as np

from blitznet_estimator import memory
from blitznet_estimator.batch import PREDICT, PREDICTIONS, batch_spec, raw_output_shapes
from blitznet_estimator.engines.base import Engine, InputEngine, by_size
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import frozen
from blitznet_estimator.host_session import host_session
from blitznet_estimator.machine import available_cores
from blitznet_estimator.platforms import local
from blitznet_estimator.platforms.network_session import NetworkSession
from blitznet_estimator.resizing import network_input
from blitznet_estimator.runtime import tf

_FEATURES = 'image', 'size'  # that the network takes
PIXELS, STATUS, GOOD = 'images', 'status', b'ok'
COMPLETE = {'from_tensor': PIXELS, 'serving_default': 'image_bytes'}  # {signature: its input}; the second is that of exports by version 0.1
RAW = {'raw': 'input'}
PLATFORMS = {'cpu': local.CpuPlatform, 'gpu': local.GpuPlatform}


def open_checkpoint(checkpoint, config, model_fn):
    """The Engine of a checkpoint.

    Args:
      config: a Config, whose run.platform is auto, cpu or gpu; auto takes a GPU if there is one. model_fn: of the checkpoint's graph.
    """
    return CheckpointEngine(checkpoint, config, PLATFORMS[_device(config)](config), model_fn)


def open_file(path, exported, config):
    """The Engine of a SavedModel or of a frozen graph. config: its run.platform as of `open_checkpoint`."""
    if exported.outputs == 'complete':
        return SavedModelEngine(path, config)
    return GraphEngine(path, exported, config)


def _device(config):
    name = config.run.platform if config.run.platform != 'auto' else 'gpu' if local.visible_gpus() else 'cpu'
    if name not in PLATFORMS:
        raise UserError('platform=%s: a Model computes on a CPU or a GPU. On an NPU, predict by main.py --mode=predict.' % name)
    return name


def _open_session(config):
    """A session of the default graph: on a CPU one that NPU adapters leave alone."""
    if _device(config) == 'gpu':
        return tf.Session(config=local.GpuPlatform(config).session_config())
    threads = config.run.threads or available_cores()
    options = dict(allow_soft_placement=True, intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    if config.train.precision == 'mixed':
        options['graph_options'] = local.CpuPlatform(config).session_config().graph_options
    return host_session(**options)


class CheckpointEngine(Engine):
    """The graph of mode predict with a checkpoint's weights, for batches of any size."""

    def __init__(self, checkpoint, config, platform, model_fn):
        self._side = config.network.image_size
        estimator = platform.estimator(model_fn, {'config': config, 'checkpoint': checkpoint})
        features = batch_spec(config, PREDICT).features
        self._network = NetworkSession(estimator, {key: (features[key].dtype, (None,) + features[key].shape[1:]) for key in _FEATURES}, checkpoint)

    def run(self, images):
        """Complete predictions."""
        feed = {'image': np.array([network_input(image, self._side) for image in images]),
                'size': np.array([image.shape[:2] for image in images], np.int32)}
        return self._network.run(feed)

    def close(self):
        """End the session."""
        self._network.close()


class SavedModelEngine(Engine):
    """An exported SavedModel, which resizes by itself. It is given pixels; that of version 0.1 is given PNG files, which lose nothing."""

    def __init__(self, path, config):
        self._folder = os.path.dirname(path)
        with tf.Graph().as_default():
            self._session = _open_session(config)
            definition, given = _signature(self._session, self._folder, COMPLETE)
        self._takes_pixels, self._input = given == PIXELS, definition.inputs[given].name
        self._outputs = {key: info.name for key, info in definition.outputs.items() if key in PREDICTIONS or key == STATUS}

    def run(self, images):
        """Complete predictions, images of one size as one batch. UserError where the graph of version 0.1 refuses a picture."""
        if not self._takes_pixels:
            return self._run([_png(image) for image in images])
        return by_size(images, lambda places, size: self._run(np.array([images[i] for i in places])))

    def _run(self, batch):
        found = self._session.run(self._outputs, {self._input: batch})
        refused = [status.decode() for status in found.pop(STATUS, ()) if status != GOOD]
        if refused:
            raise UserError('%s cannot take the picture: %s. --export_max_pixels says how large a picture may be.' % (self._folder, refused[0]))
        return found

    def close(self):
        """End the session."""
        self._session.close()
        memory.release()


class GraphEngine(InputEngine):
    """A graph of raw outputs: a frozen one, or that signature of a SavedModel."""

    def __init__(self, path, exported, config):
        super().__init__(exported, config)
        with tf.Graph().as_default() as graph:
            self._session = _open_session(config)
            if exported.format == 'frozen':
                tf.import_graph_def(frozen.read(path), name='')
                self._input, self._outputs = 'input:0', {name: name + ':0' for name in raw_output_shapes(config.network)}
            else:
                definition, given = _signature(self._session, os.path.dirname(path), RAW)
                self._input, self._outputs = definition.inputs[given].name, {key: info.name for key, info in definition.outputs.items()}
            for name in [self._input] + sorted(self._outputs.values()):
                graph.get_tensor_by_name(name)  # of another graph they are not there

    def compute(self, inputs, size=None):
        """Raw outputs."""
        return self._session.run(self._outputs, {self._input: inputs})

    def close(self):
        """End the session."""
        self._session.close()
        super().close()


def _signature(session, folder, wanted):
    """(SignatureDef, its input) of a SavedModel that is loaded into a session: the first of `wanted`, {signature: its input}, that it has.

    The session is closed, and UserError raised, where there is none.
    """
    try:
        definitions = tf.saved_model.load(session, [tf.saved_model.SERVING], folder).signature_def
        found = [(definitions[name], given) for name, given in wanted.items() if name in definitions and given in definitions[name].inputs]
    except (ValueError, OSError, tf.errors.OpError) as error:
        session.close()
        raise UserError('%s cannot be used: it is no export of this project (%s).' % (folder, str(error).splitlines()[0]))
    if not found:
        session.close()
        raise UserError('%s cannot be used: it is no export of this project (it has no signature %s).'
                        % (folder, ' or '.join('%s with the input %s' % pair for pair in wanted.items())))
    return found[0]


def _png(image):
    return cv2.imencode('.png', image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
