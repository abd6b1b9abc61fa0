"""The near end of the peers: what people would take instead, a network for boxes and another one for masks.

None of them is a requirement of this project: a peer takes part where its packages are installed. `peer_runner` runs them.
"""
import importlib.util
import json
import os
import sys
import zlib

from blitznet_estimator.errors import UserError
from tools.benchmarks.rounds import Worker

HALVES = 'detection', 'segmentation'
PACKAGES = {'torchvision': ('torch', 'torchvision'), 'ultralytics': ('torch', 'ultralytics')}
OPENVINO = ' by openvino'  # at the end of a peer's name


def installed():
    """Names of the peers that can run here: with PyTorch and, where OpenVINO is there too, by that."""
    found = [name for name, packages in PACKAGES.items() if all(map(_is_there, packages))]
    return found + [name + OPENVINO for name in found if _is_there('openvino')]


def check():
    """UserError where no peer is installed."""
    if not installed():
        raise UserError('No peer is installed. In an environment of its own, run "pip install torchvision" or "pip install ultralytics".')


def _is_there(package):
    return importlib.util.find_spec(package) is not None


def starters(workspace, image_size, batch_size, seconds, threads):
    """{(peer, half): () -> Worker} of all installed peers. image_size: the side of what their networks see, in pixels."""
    return {(peer, half): _starter(peer, half, workspace, dict(image_size=image_size, batch_size=batch_size, seconds=seconds, cores=threads))
            for peer in installed() for half in HALVES}


def _starter(peer, half, workspace, order):
    name = peer[:-len(OPENVINO)] if peer.endswith(OPENVINO) else peer
    text = json.dumps(dict(order, peer=name, half=half, openvino=peer.endswith(OPENVINO), images=workspace.images, folder=workspace.folder))
    log = os.path.join(workspace.folder, 'peer-%08x.log' % zlib.crc32(text.encode('utf-8')))
    command = [sys.executable, '-m', 'tools.benchmarks.peer_runner', text]
    return lambda: Worker('%s, %s' % (peer, half), command, log, env=dict(os.environ, PYTHONPATH=os.getcwd()))


def shares(results):
    """[(our side, peer, share)]: the time of one network of ours as a share of the time of both networks of a peer.

    Args:
      results: {side: results} of `rounds.alternate`, ours by name and a peer's by (peer, half).
    """
    from tools.benchmarks import statistics
    ours = [side for side in results if isinstance(side, str)]
    theirs = dict.fromkeys(side[0] for side in results if not isinstance(side, str))
    return [dict(statistics.share(results[side]['rounds'], [results[peer, half]['rounds'] for half in HALVES]), side=side, peer=peer)
            for side in ours for peer in theirs]
