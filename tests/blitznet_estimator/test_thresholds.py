import json

import pytest

from blitznet_estimator import thresholds
from blitznet_estimator.config import OWN_SCORES
from blitznet_estimator.errors import UserError

FOUND = {'cat': {'best_threshold': .4}, 'dog': {'best_threshold': None}, 'cow': {}}


def _index(*paths):
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text('')


def test_the_best_of_an_evaluation_lies_beside_the_checkpoint_and_among_the_best(tmp_path):
    _index(tmp_path / 'model.ckpt-3.index', tmp_path / 'best' / 'model.ckpt-3.index')
    thresholds.keep(str(tmp_path), 'model.ckpt-3', FOUND)
    for folder in (tmp_path, tmp_path / 'best'):
        assert thresholds.lowest_scores(OWN_SCORES, ('dog', 'cat'), thresholds.read(str(folder / 'model.ckpt-3'))).tolist() == [.25, .4]


def test_a_given_score_counts_for_all_and_a_checkpoint_of_no_evaluation_has_a_quarter(tmp_path):
    assert thresholds.lowest_scores(.3, ('cat', 'dog'), {'cat': .4}).tolist() == [.3, .3]
    assert thresholds.lowest_scores(OWN_SCORES, ('cat', 'dog'), thresholds.read(str(tmp_path / 'model.ckpt-3'))).tolist() == [.25, .25]
    kinds = 'high', 'NaN', 'Infinity', '1e999', '-0.1', '1.5', 'true', 'null', '[]', '9' * 400
    for damaged in ['[]', '{'] + ['{"model.ckpt-3": {"cat": %s}}' % kind for kind in ('"high"',) + kinds[1:]]:
        (tmp_path / thresholds.NAME).write_text(damaged)
        assert thresholds.read(str(tmp_path / 'model.ckpt-3')) == {}


def test_those_of_removed_checkpoints_go_and_an_evaluation_without_boxes_says_nothing(tmp_path):
    _index(tmp_path / 'model.ckpt-3.index')
    thresholds.keep(str(tmp_path), 'model.ckpt-3', FOUND)
    thresholds.keep(str(tmp_path), 'model.ckpt-3', {'cat': {'IoU': .5}})
    assert thresholds.read(str(tmp_path / 'model.ckpt-3')) == {'cat': .4}
    (tmp_path / 'model.ckpt-3.index').unlink()
    _index(tmp_path / 'model.ckpt-6.index')
    thresholds.keep(str(tmp_path), 'model.ckpt-6', FOUND)
    assert json.loads((tmp_path / thresholds.NAME).read_text()) == {'model.ckpt-6': {'cat': .4}}


def test_classes_are_numbered_from_one():
    assert thresholds.class_numbers(['dog'], ('cat', 'dog'), '--classes') == {2}
    with pytest.raises(UserError, match='--classes: the model has no class dgo. Nearest: dog'):
        thresholds.class_numbers(['dgo'], ('cat', 'dog'), '--classes')
