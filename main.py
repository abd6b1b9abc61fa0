"""Train, evaluate, run or export BlitzNet: flags -> configuration -> platform -> one mode. `python main.py --help` lists the flags."""
import sys

from absl import app

import flags
from blitznet_estimator.errors import UserError


def run(config):
    """Do what config.run.mode says; returns what its driver returns. TensorFlow is loaded here, after all flags were checked."""
    from blitznet_estimator import drivers
    return drivers.run(config)


def main(argv):
    """Entry point of absl: a UserError becomes one sentence and exit code 2."""
    try:
        flags.refuse_positional(argv[1:])
        return run(flags.make_config())
    except UserError as error:
        print('error: %s' % error, file=sys.stderr)
        return 2


if __name__ == '__main__':
    flags.define_flags()
    app.run(main)
