"""Lowest scores of boxes that are kept: per class what an evaluation of the checkpoint found best (by F1), stored beside the checkpoint."""
import os

from blitznet_estimator import files, json_files
from blitznet_estimator.config import OWN_SCORES
from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.saved_config import BEST

NAME = 'min_scores.json'  # {name of a checkpoint: {class: score}}
DEFAULT = .25  # where no evaluation says anything


def plain(min_score):
    """A --min_score as one number for all classes."""
    return DEFAULT if min_score == OWN_SCORES else min_score


def lowest_scores(min_score, class_names, own):
    """float64 [number of classes] of the lowest scores that a --min_score means. own: {class: score} of the model, as `read` gives it."""
    import numpy as np  # here, as it takes longer to load than all that the flags need
    found = own if min_score == OWN_SCORES else {}
    return np.array([found.get(name, plain(min_score)) for name in class_names], np.float64)


def class_numbers(names, class_names, what):
    """The numbers, from 1, of classes by their names; UserError for one that `what`, as the user writes it, should not name."""
    for name in names:
        if name not in class_names:
            raise UserError('%s: the model has no class %s. %s' % (what, name, nearest(name, class_names)))
    return {class_names.index(name) + 1 for name in names}


def read(checkpoint):
    """{class: score} that is stored for a checkpoint; {} where no evaluation was."""
    folder, name = os.path.split(checkpoint)
    return valid(_table(folder).get(name))


def valid(scores):
    """{class: score} of what a file holds, without what is no score: a number in [0, 1]."""
    found = scores.items() if isinstance(scores, dict) else ()
    return {name: value for name, value in found if json_files.is_number(value) and 0 <= value <= 1}


def keep(model_dir, name, per_class):
    """Store what an evaluation of a model's own checkpoint found, beside it and where it is among the best.

    name: of the checkpoint's files. per_class: {class: {'best_threshold': score, ...}}; a class without objects or detections has none.
    """
    found = {one: row['best_threshold'] for one, row in per_class.items() if row.get('best_threshold') is not None}
    for folder in (model_dir, os.path.join(model_dir, BEST)) if found else ():
        if _is_there(folder, name):
            others = {one: scores for one, scores in _table(folder).items() if _is_there(folder, one)}
            files.write_json(os.path.join(folder, NAME), dict(others, **{name: found}))


def _is_there(folder, name):
    return os.path.isfile(os.path.join(folder, name + '.index'))


def _table(folder):
    path = os.path.join(folder, NAME)
    table = json_files.read_own(path)
    if table is not None and not isinstance(table, dict):
        json_files.leave_out(path, 'table of scores')
    return table if isinstance(table, dict) else {}
