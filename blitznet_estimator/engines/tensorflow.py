"""TensorFlow on a CPU or a GPU: a checkpoint by the project's own model_fn, or an exported SavedModel. One session is kept."""
import cv2
import numpy as np

from blitznet_estimator import memory
from blitznet_estimator.batch import PREDICT, PREDICTIONS, batch_spec
from blitznet_estimator.engines.base import Engine
from blitznet_estimator.errors import UserError
from blitznet_estimator.model_location import CHECKPOINT
from blitznet_estimator.platforms import local
from blitznet_estimator.platforms.network_session import NetworkSession
from blitznet_estimator.resizing import network_input
from blitznet_estimator.runtime import tf

_FEATURES = 'image', 'size'  # that the network takes
SIGNATURES = 'raw_masks', 'serving_default'  # with masks as an array; the second is that of exports by version 0.1
INPUT, STATUS, GOOD = 'image_bytes', 'status', b'ok'
PLATFORMS = {'cpu': local.CpuPlatform, 'gpu': local.GpuPlatform}


def open_engine(located, config, model_fn):
    """The Engine of a checkpoint or of a SavedModel.

    Args:
      config: a Config, whose run.platform is auto, cpu or gpu; auto takes a GPU if there is one. model_fn: of the checkpoint's graph.
    """
    name = config.run.platform if config.run.platform != 'auto' else 'gpu' if local.visible_gpus() else 'cpu'
    if name not in PLATFORMS:
        raise UserError('platform=%s: a Model computes on a CPU or a GPU. On an NPU, predict by main.py --mode=predict.' % name)
    platform = PLATFORMS[name](config)
    if located.kind == CHECKPOINT:
        return CheckpointEngine(located.path, config, platform, model_fn)
    return SavedModelEngine(located.path, platform)


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
    """An exported SavedModel, which decodes and resizes by itself. It is given pictures as PNG, which lose nothing."""

    def __init__(self, folder, platform):
        with tf.Graph().as_default():
            self._session = tf.Session(config=platform.session_config())
            try:
                definitions = tf.saved_model.load(self._session, [tf.saved_model.SERVING], folder).signature_def
                definition = definitions[next((name for name in SIGNATURES if name in definitions), SIGNATURES[0])]
                self._input = definition.inputs[INPUT].name
            except (KeyError, ValueError, OSError, tf.errors.OpError) as error:
                self._session.close()
                raise UserError('%s cannot be used: it is no export of this project (%s).' % (folder, str(error).splitlines()[0]))
        self._folder, self._outputs = folder, {key: info.name for key, info in definition.outputs.items() if key in PREDICTIONS or key == STATUS}

    def run(self, images):
        """Complete predictions. UserError where the export's graph refuses a picture, as one of more pixels than it was made for."""
        found = self._session.run(self._outputs, {self._input: [_png(image) for image in images]})
        refused = [status.decode() for status in found.pop(STATUS, ()) if status != GOOD]
        if refused:
            raise UserError('%s cannot take the picture: %s. --export_max_pixels says how large a picture may be.' % (self._folder, refused[0]))
        return found

    def close(self):
        """End the session."""
        self._session.close()
        memory.release()


def _png(image):
    return cv2.imencode('.png', image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
