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
    fault = fault_of(folder)
    if fault:
        raise UserError('%s=%s: %s.' % (flag, folder, fault))


def fault_of(folder):
    """Why nothing can be written to a folder, which is made where it is missing; '' where it can be."""
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        return '%s is no folder' % path
    return '' if os.access(path, os.W_OK | os.X_OK) else 'there is no permission to write to %s' % path
