"""One version of a SavedModel, loaded: its signatures, and a session that runs them."""
import os

import numpy as np
from google.protobuf import json_format

from blitznet_estimator import json_files, memory
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import saved_model, warmup
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from tools.serving import warmup_requests
from tools.serving.errors import ApiError, invalid, out_of_memory
from tools.serving.signatures import PREDICT, Signature, Tensor


def _signature(definition):
    return Signature(*[{name: _tensor(info) for name, info in sorted(tensors.items())} for tensors in (definition.inputs, definition.outputs)])


def _tensor(info):
    dtype = tf.as_dtype(info.dtype)
    shape = tf.TensorShape(info.tensor_shape)
    return Tensor(info.name, np.dtype(object) if dtype == tf.string else np.dtype(dtype.as_numpy_dtype),
                  None if shape.ndims is None else shape.as_list())


def read_metadata(folder):
    """What metadata.json in a folder says of an export; {} where there is none. UserError where a field that is used is of another kind."""
    path = os.path.join(folder, 'metadata.json')
    if not os.path.isfile(path):
        return {}
    found = json_files.read_object(path)
    for name in ('class_names', 'statuses'):
        json_files.texts(found, name, path)
    if not json_files.is_number(found.get('max_pixels') or 0):
        raise UserError('%s: "max_pixels" is %s; it must be a number.' % (path, json_files.shown(found, 'max_pixels')))
    return found


class Model:
    """A SavedModel in a graph and a session of its own. Several threads may run it."""

    def __init__(self, folder):
        options = tf.ConfigProto()
        options.gpu_options.allow_growth = True  # two versions share the device while one takes the other's place
        with tf.Graph().as_default() as graph:
            self._session = tf.Session(graph=graph, config=options)
            try:
                definitions = tf.saved_model.load(self._session, [tf.saved_model.SERVING], folder).signature_def
            except BaseException:
                self.close()
                raise
        served = {name: definition for name, definition in definitions.items() if definition.method_name == PREDICT}
        self.signatures = {name: _signature(definition) for name, definition in served.items()}
        self.described = {name: _as_dict(definition) for name, definition in sorted(definitions.items())}
        self._extra = os.path.join(folder, saved_model.EXTRA)
        self.metadata = read_metadata(self._extra)  # what the export says of itself; {} where it says nothing
        self.statuses = self.metadata.get('statuses', ())  # of a picture, the good one first; () where the model does not tell them

    def run(self, signature, inputs):
        """{name: array} of a signature's outputs. inputs: {name: array}.

        Raises:
          ApiError: the model failed. What TensorFlow says, which names operations and files, goes to the log.
        """
        spec = self.signatures[signature]
        try:
            return self._session.run({name: output.key for name, output in spec.outputs.items()},
                                     {spec.inputs[name].key: array for name, array in inputs.items()})
        except tf.errors.ResourceExhaustedError as error:
            raise out_of_memory(error)
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            log.warning('The model refused a request: %s', error)
            raise invalid('The model cannot take these inputs: compare their shapes and contents with its metadata.')
        except tf.errors.OpError as error:
            log.error('The model failed: %s', error)
            raise ApiError('INTERNAL', 'The model failed. The log of the server says why.')

    def warm_up(self, max_batch):
        """Run the requests that came with the model, alone and as a whole batch: the first run of each size is slow."""
        for signature, inputs in warmup_requests.read(os.path.join(self._extra, warmup.NAME)):
            self.run(signature, inputs)
            if self.signatures[signature].can_be_joined and max_batch > 1:
                self.run(signature, {name: np.repeat(array, max_batch, axis=0) for name, array in inputs.items()})

    def close(self):
        """Give back what the model took. Nobody runs it any more."""
        self._session.close()
        self._session = None
        memory.release()


def _as_dict(definition):
    """A SignatureDef as TensorFlow Serving's JSON has it: with the names of the fields, and with those that hold nothing."""
    options = {'preserving_proto_field_name': True}
    try:
        return json_format.MessageToDict(definition, including_default_value_fields=True, **options)
    except TypeError:  # protobuf 5 and newer have another name for it
        return json_format.MessageToDict(definition, always_print_fields_with_no_presence=True, **options)
