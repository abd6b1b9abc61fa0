"""One version of an export, run by another engine than TensorFlow: with the signatures of its SavedModel, and the same answers."""
import contextlib

import numpy as np

from api import Model
from blitznet_estimator import memory
from blitznet_estimator.batch import prediction_spec, raw_output_shapes
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.host_postprocess import batch_of
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log
from input_fn.datasets import image_headers, images
from input_fn.serving import DAMAGED, NO_PICTURE, OK, STATUSES, TOO_LARGE
from tools.serving.errors import ApiError, out_of_memory
from tools.serving.signatures import PREDICT, Signature, Tensor

MASK, PNG_MASK = 'segmentation', 'segmentation_png_bytes'
_TYPES = {'object': 'DT_STRING', 'float32': 'DT_FLOAT', 'int32': 'DT_INT32', 'uint8': 'DT_UINT8'}
_STRING = np.dtype(object)
# The prediction of a picture that cannot be read.
NOTHING = {'boxes': np.zeros((0, 4), np.float32), 'scores': (), 'classes': (), MASK: np.zeros((0, 0), np.uint8)}


class EngineModel:
    """An export's file in an engine. Several threads may run it.

    Attributes: signatures: {name: Signature}. described: {name: a SignatureDef as a dict}. statuses: of a picture, the good one first.
    metadata: what the export says of itself.
    """

    statuses = STATUSES

    def __init__(self, folder, engine, max_batch=8):
        """max_batch: most pictures that are computed at once."""
        self._model = Model(folder, color='rgb', min_score=0, platform='cpu', batch_size=max_batch, engine=engine)
        self._config, self.metadata = self._model.config, description.metadata_of(self._model.path)
        self._names = np.array([name.encode('utf-8') for name in ('background',) + tuple(self._model.class_names)], object)
        self.signatures = self._signatures()
        self.described = {name: _described(signature) for name, signature in sorted(self.signatures.items())}
        log.info('%s runs %s', engine, self._model.path)

    def _signatures(self):
        found = {key: _tensor(key, spec.dtype, (None,) + spec.shape[1:]) for key, spec in
                 prediction_spec(self._config.network, self._config.detection).items()}
        small = {key: spec for key, spec in found.items() if key != MASK}
        if MASK in found:
            small[PNG_MASK] = _tensor(PNG_MASK, _STRING, (None,))
        beside = {'image_size': _tensor('image_size', 'int32', (None, 2)), 'status': _tensor('status', _STRING, (None,)),
                  'class_names': _tensor('class_names', _STRING, (None, len(self._names)))}
        encoded = {'image_bytes': _tensor('image_bytes', _STRING, (None,))}
        signatures = {
            'serving_default': Signature(encoded, dict(small, **beside)), 'raw_masks': Signature(encoded, dict(found, **beside)),
            'from_tensor': Signature({'images': _tensor('images', 'uint8', (None, None, None, 3))}, dict(found, **beside))}
        if self._model.engine.is_raw:
            side = self._config.network.image_size
            signatures['raw'] = Signature({'input': _tensor('input', 'float32', (None, side, side, 3))}, {
                name: _tensor(name, 'float32', [None] + shape) for name, shape in raw_output_shapes(self._config.network).items()})
        return signatures

    def run(self, signature, inputs):
        """{name: array} of a signature's outputs. inputs: {name: array}.

        Raises:
          ApiError: the model failed. What its runtime says goes to the log.
        """
        try:
            if signature == 'raw':
                return self._raw(inputs['input'])
            pictures, status = _pictures(inputs, self._config.run.export_max_pixels)
            return self._answer(pictures, status, self.signatures[signature].outputs)
        except MemoryError as error:
            raise out_of_memory(error)
        except Exception as error:  # of any runtime: each has its own
            log.error('The model failed', exc_info=error)
            raise ApiError('INTERNAL', 'The model failed. The log of the server says why.')

    def _raw(self, network_input):
        if not len(network_input):
            return {name: np.zeros([0] + spec.shape[1:], spec.dtype) for name, spec in self.signatures['raw'].outputs.items()}
        return self._model.engine.compute(network_input)

    def _answer(self, pictures, status, wanted):
        """The wanted outputs of pictures, RGB uint8 [H, W, 3], or None where one could not be read: zeros there."""
        sizes = np.array([picture.shape[:2] if picture is not None else (0, 0) for picture in pictures], np.int32).reshape(-1, 2)
        results = iter(self._model([picture for picture in pictures if picture is not None]))
        found = [NOTHING if picture is None else _prediction(next(results)) for picture in pictures]
        answer = batch_of(found, self._config.network, self._config.detection, wanted)
        if PNG_MASK in wanted:
            answer[PNG_MASK] = _strings(_png(one[MASK]) for one in found)
        return dict(answer, image_size=sizes, status=_strings(one.encode('utf-8') for one in status),
                    class_names=np.tile(self._names, (len(pictures), 1)))

    def warm_up(self, max_batch):
        """Run a grey picture, alone and as a whole batch: the first run of each size is slow."""
        side = self._config.network.image_size
        for count in sorted({1, max_batch}):
            self.run('from_tensor', {'images': np.full([count, side, side, 3], 128, np.uint8)})

    def close(self):
        """Give back what the model took. Nobody runs it any more."""
        self._model.close()
        self._model = None
        memory.release()


def _prediction(result):
    """A Result as `host_postprocess.batch_of` takes it."""
    return {'boxes': result.fractions, 'scores': result.scores, 'classes': result.classes, MASK: result.mask}


def _pictures(inputs, max_pixels):
    """(pictures, RGB uint8 [H, W, 3] or None where one cannot be read; the status of each), as `input_fn.serving` reads them in the graph."""
    if 'images' in inputs:
        return list(inputs['images']), [OK] * len(inputs['images'])
    read = [_read(data, max_pixels) for data in inputs['image_bytes']]
    return [picture for picture, _ in read], [status for _, status in read]


def _read(data, max_pixels):
    if not images.is_jpeg_or_png(data):
        return None, NO_PICTURE
    size = image_headers.size(data)
    if size and size[0] * size[1] > max_pixels:
        return None, TOO_LARGE
    with contextlib.suppress(UserError):
        return images.decode_image(data, 'The picture', max_pixels=max_pixels), OK
    return None, DAMAGED


def _png(mask):
    return images.encode_png(mask) if mask.size else b''


def _strings(values):
    values = list(values)
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _tensor(name, dtype, shape):
    return Tensor('%s:0' % name, np.dtype(dtype), list(shape))


def _described(signature):
    """A SignatureDef as TensorFlow Serving's JSON has it."""
    return dict({kind: {name: _described_tensor(spec) for name, spec in sorted(tensors.items())}
                 for kind, tensors in (('inputs', signature.inputs), ('outputs', signature.outputs))}, method_name=PREDICT, defaults={})


def _described_tensor(spec):
    sides = [{'size': str(-1 if side is None else side), 'name': ''} for side in spec.shape]
    return {'name': spec.key, 'dtype': _TYPES[spec.dtype.name], 'tensor_shape': {'dim': sides, 'unknown_rank': False}}
