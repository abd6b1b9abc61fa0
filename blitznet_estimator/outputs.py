"""Folders that a run writes to, checked before anything else is done. Nothing is made here."""
import os

from blitznet_estimator.errors import UserError


def check(config):
    """Raise UserError where config.run.mode cannot write to its folder, or TensorFlow cannot keep a model in it."""
    run = config.run
    if run.mode in ('predict', 'export') and run.output_dir:
        check_writable(run.output_dir, '--output_dir')
    else:
        check_writable(run.model_dir, '--model_dir')
    found = [character for character in '[\\' if character in os.path.abspath(run.model_dir)]
    if run.mode == 'train' and found:
        raise UserError('--model_dir=%s: TensorFlow takes the %s of a path for a pattern, and would not find the checkpoints: choose a '
                        'folder without it.' % (run.model_dir, found[0]))


def check_writable(folder, flag):
    """Raise UserError unless `folder`, the value of `flag`, is a folder that can be written to, or can be made."""
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise UserError('%s=%s: %s is no folder, so that nothing can be written there.' % (flag, folder, path))
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError('%s=%s: there is no permission to write to %s.' % (flag, folder, path))
