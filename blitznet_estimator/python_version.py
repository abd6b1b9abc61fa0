"""Which Pythons there is a TensorFlow for. Needs nothing that is installed, as on another one nothing is."""
import sys

from blitznet_estimator.errors import UserError


def check(version):
    """Raise UserError where `version` (as sys.version_info) is of a Python for which there is no TensorFlow that this code runs on."""
    found = tuple(version[:2])
    if found != (3, 7) and found < (3, 10):
        raise UserError('This is Python %d.%d, for which there is no TensorFlow that BlitzNet runs on: use Python 3.10 or newer, or 3.7 '
                        'for TensorFlow 1.15.' % found)


def exit_without_runtime():
    """End the process with that sentence and exit code 2, as main.py and the tools end on a UserError."""
    try:
        check(sys.version_info)
    except UserError as error:
        print('error: %s' % error, file=sys.stderr)
        sys.exit(2)
