"""Sessions beside the training are of the host, in a process that drives an NPU too."""
import os
import re

from tests.paths import ROOT

FOLDERS = 'blitznet_estimator', 'hooks', 'input_fn', 'model_fn'
OF_A_DEVICE = {  # each is for the device on purpose, or is never reached on an NPU
    'blitznet_estimator/host_session.py': 'makes the others',
    'blitznet_estimator/platforms/broadcast.py': 'sends from NPU to NPU',
    'blitznet_estimator/platforms/concurrent_predict.py': 'is of CPU and GPU',
    'blitznet_estimator/platforms/finished_graph.py': 'is of the CPU',
    'blitznet_estimator/platforms/network_session.py': 'is of CPU and GPU',
    'blitznet_estimator/platforms/parameter_server.py': 'is of servers, which NPUs do not train around',
    'blitznet_estimator/engines/tensorflow.py': 'is of the GPU there'}


def test_all_other_sessions_are_made_by_host_session():
    """From CANN 6 on each tf.Session of a process that has imported the adapter is one of the NPU, unless it is told not to be."""
    found = set()
    for folder in FOLDERS:
        for path, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                with open(os.path.join(path, name), 'rb') as file:
                    if name.endswith('.py') and re.search(rb'tf\.(Interactive)?Session\(', file.read()):
                        found.add(os.path.relpath(os.path.join(path, name), ROOT).replace(os.sep, '/'))
    assert found == set(OF_A_DEVICE)
