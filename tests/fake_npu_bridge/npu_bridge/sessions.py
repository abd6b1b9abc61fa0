"""Sessions of a process that imported the adapter: each is the device's, unless its configuration says otherwise, and is checked as such."""
from tensorflow.python.client import session as tf_session

from npu_bridge import device_graph

_ORIGINAL = tf_session.Session.__init__, tf_session.BaseSession.run


def replace():
    """As adapters from CANN 6 on: tf.Session gets the device's optimizer where its configuration names none."""
    tf_session.Session.__init__, tf_session.BaseSession.run = _init, _run


def restore():
    """TensorFlow's own sessions again."""
    tf_session.Session.__init__, tf_session.BaseSession.run = _ORIGINAL


def _init(self, target='', graph=None, config=None):
    from tensorflow.core.protobuf import config_pb2
    config = config or config_pb2.ConfigProto()
    optimizers = config.graph_options.rewrite_options.custom_optimizers
    if not any(optimizer.name == 'NpuOptimizer' for optimizer in optimizers):
        optimizers.add().name = 'NpuOptimizer'
    parameters = next(optimizer for optimizer in optimizers if optimizer.name == 'NpuOptimizer').parameter_map
    self._of_device = 'use_off_line' not in parameters or parameters['use_off_line'].b
    self._checked = set()
    _ORIGINAL[0](self, target, graph, config)


def _run(self, fetches, feed_dict=None, options=None, run_metadata=None):
    if getattr(self, '_of_device', False):
        targets = [self.graph.as_graph_element(target) for target in _flat(fetches)]
        key = tuple(target.name for target in targets)
        if key not in self._checked:
            device_graph.check_run(targets)
            self._checked.add(key)
    return _ORIGINAL[1](self, fetches, feed_dict, options, run_metadata)


def _flat(fetches):
    if isinstance(fetches, dict):
        fetches = list(fetches.values())
    if isinstance(fetches, (list, tuple)):
        return [target for fetch in fetches for target in _flat(fetch)]
    return [] if fetches is None else [fetches]
