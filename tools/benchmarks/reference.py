"""The near end of the reference: a temporary copy of a checkout of the public BlitzNet, run by `reference_runner` in its own Python.

None of its code is in this project, and the checkout itself is left as it is: it makes folders beside its modules when they load.
"""
import glob
import json
import os
import shutil
import sys

import numpy as np

from blitznet_estimator.errors import UserError
from tools.benchmarks.rounds import Worker

NEEDED = ('config.py', 'paths.py', 'resnet.py', 'boxer.py', 'utils_tf.py', 'datasets.py', 'training.py', 'detector.py', 'evaluation.py')
WHOLE = {'input_unavoidable': 'input', 'eval_network': 'eval'}  # works of parts here that are compared with the reference's whole
PRESETS = {('resnet50', 300, True), ('resnet50', 300, False), ('resnet50', 512, True), ('resnet50', 512, False)}


def check(folder, config):
    """UserError unless `folder` is such a checkout, and it has the network of `config`."""
    missing = [name for name in NEEDED if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise UserError('--reference=%s is no checkout of the public BlitzNet: %s is missing.' % (folder, ', '.join(missing)))
    network = config.network
    if (network.trunk, network.image_size, network.x4) not in PRESETS:
        raise UserError('The reference has no network like --preset=%s: use blitznet300 or blitznet512, or drop --reference.'
                        % network.preset)


def copy(checkout, workspace):
    """Copy the checkout's modules beside the workspace's pictures; the folder of the copy."""
    target = os.path.join(workspace.folder, 'reference')
    datasets = os.path.join(target, 'Datasets')
    os.makedirs(datasets)
    for path in glob.glob(os.path.join(glob.escape(checkout), '*.py')):
        shutil.copy(path, target)
    os.symlink(os.path.join(workspace.folder, 'VOCdevkit'), os.path.join(datasets, 'VOCdevkit'))
    os.symlink(workspace.records, os.path.join(datasets, 'voc12-train-segmentation'))
    return target


def _arguments(config, batch_size):
    """The reference's own command line for the same network."""
    network, train = config.network, config.train
    options = dict(run_name='benchmark', dataset='voc12-train', split='val', trunk=network.trunk, image_size=network.image_size,
                   head=network.head, resize=network.resize, top_fm=network.top_fm, det_kernel=network.det_kernel,
                   n_base_channels=network.n_base_channels, seg_filter_size=network.seg_filter_size, batch_size=batch_size,
                   optimizer=train.optimizer, learning_rate=train.learning_rate, weight_decay=train.weight_decay,
                   zoomout_prob=config.data.zoomout_prob)
    switches = [name for name in ('x4', 'detect', 'segment') if getattr(network, name)]
    return ['--%s=%s' % item for item in sorted(options.items())] + ['--%s' % name for name in switches]


def starter(work, copied, config, workspace, python, batch_size, seconds, checkpoint=''):
    """() -> Worker that does `work` (a key of `reference_runner.WORKS` or of WHOLE) in the reference."""
    order = dict(work=WHOLE.get(work, work), arguments=_arguments(config, batch_size), batch_size=batch_size, image_size=config.network.image_size,
                 seconds=seconds, cores=config.run.threads, class_names=workspace.class_names, checkpoint=checkpoint)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    # The checkout's modules come first: its names (config, datasets, ...) are plain, ours are in packages.
    env = {key: value for key, value in os.environ.items() if not key.startswith('TF')}  # this process's TensorFlow sets some
    env.update(PYTHONPATH=os.pathsep.join([copied, root]), TF_CPP_MIN_LOG_LEVEL='2', CUDA_VISIBLE_DEVICES='')
    command = [python or sys.executable, '-m', 'tools.benchmarks.reference_runner', json.dumps(order)]
    log = os.path.join(workspace.folder, 'reference-%s.log' % work)
    return lambda: Worker('reference', command, log, cwd=copied, env=env)


def compare_outputs(ours, theirs, tolerance):
    """Largest difference of {output: numbers} that both sides report of the same weights and images, as a share of the output's largest number.

    Raises UserError where an output is missing or the difference is above `tolerance`.
    """
    if set(ours) != set(theirs):
        raise UserError('The two sides have different outputs (%s; %s), so their times cannot be compared.' % (sorted(ours), sorted(theirs)))
    shares = {name: float(np.max(np.abs(np.subtract(ours[name], theirs[name]))) / np.max(np.abs(theirs[name]))) for name in ours}
    name, difference = max(shares.items(), key=lambda pair: pair[1])
    if not difference <= tolerance:  # nor where it is no number
        raise UserError('With the same weights and images, %s of the two sides differs by %.2g of its largest value, more than %.2g: '
                        'they do not compute the same, so their times cannot be compared.' % (name, difference, tolerance))
    return difference
