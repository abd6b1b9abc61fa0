"""Exports without export.json, whose metadata.json names the classes."""
import json
import os

import pytest

from blitznet_estimator import model_location
from blitznet_estimator.errors import UserError
from blitznet_estimator.exports import GRAPH, METADATA
from tests.input_fn.datasets import trees


def locate(folder, text):
    trees.write(folder, GRAPH, '')
    trees.write(folder, METADATA, text)
    return model_location.locate(str(folder))


def test_classes_and_scores(tmp_path):
    found = locate(tmp_path, json.dumps({'class_names': ['background', 'cat'], 'min_scores': {'cat': .5, 'dog': 'x'}}))
    assert found.config.data.class_names == ('cat',) and found.min_scores == {'cat': .5} and found.exported is model_location.OLD


@pytest.mark.parametrize('text', [
    '{', '[]', '{}', '{"class_names": "abc"}', '{"class_names": [1, 2]}', '{"class_names": null}', '[' * 100000, '\xff'])
def test_what_names_no_classes(tmp_path, text):
    with pytest.raises(UserError, match='metadata.json does not name the classes of the export .*export again'):
        locate(tmp_path, text.encode('latin-1'))
    os.remove(str(tmp_path / METADATA))
    with pytest.raises(UserError, match='metadata.json does not name the classes of the export .*No such file'):
        model_location.locate(str(tmp_path))
