"""Whether the SavedModel that one TensorFlow exports is loaded by another, and gives the same outputs there.

  python -m tests.other_tensorflow /env/3.13/bin/python /env/3.7/bin/python

The first Python exports a small network. The second runs its raw and its complete outputs, and compares them as an export does. Each of them
has the packages of requirements.txt.
"""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from blitznet_estimator.drivers import export_check
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.formats import description, saved_model
from blitznet_estimator.runtime import tf
from tests import small_model
from tests.paths import ROOT
from tests.tools import small_export

PICTURES = [small_model.picture(height, width, seed) for seed, (height, width) in enumerate([(50, 70), (64, 64), (300, 200)])]
OUTPUTS = 'outputs.npz'


def outputs_of(folder, exported, config):
    """The outputs of one of an export's files for each picture alone: [{name: array}]."""
    with contextlib.closing(engines.open_file(folder, exported, config)) as engine:
        return [engine.run([picture]) for picture in PICTURES]


def write(folder):
    """Export a network into a folder, beside its raw outputs here. Prints what wrote it."""
    exported = small_export.write(pathlib.Path(folder))
    raw = outputs_of(exported, saved_model.files_of()[0], description.config_of(exported).replace(run=dict(platform='cpu')))
    np.savez(os.path.join(folder, OUTPUTS), **{'%d %s' % (number, name): values for number, one in enumerate(raw) for name, values in one.items()})
    print('written by TensorFlow %s' % tf.__version__)


def read(folder):
    """Run what `write` exported; UserError where it differs. Prints by how much."""
    exported = description.find(folder)
    config = description.config_of(exported).replace(run=dict(platform='cpu'))
    with np.load(os.path.join(folder, OUTPUTS)) as stored:
        expected = [{name.split(' ')[1]: stored[name] for name in stored.files if name.startswith('%d ' % number)} for number in range(len(PICTURES))]
    for one in saved_model.files_of():
        differences = export_check.compare(config, one, PICTURES, expected, outputs_of(exported, one, config))
        print('run by TensorFlow %s, %s: %s' % (tf.__version__, one.outputs, export_check.described(differences)))
        export_check.check(one, differences)


def main(argv):
    """`write FOLDER` and `read FOLDER` are the two halves, each run by its Python."""
    if argv[0] in STEPS:
        return STEPS[argv[0]](argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for python, step in zip(argv, STEPS):
            subprocess.run([python, '-m', __spec__.name, step, folder], cwd=ROOT, check=True)


STEPS = {'write': write, 'read': read}

if __name__ == '__main__':
    main(sys.argv[1:])
