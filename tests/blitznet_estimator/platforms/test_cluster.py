"""TF_CONFIG is answered before TensorFlow acts on it."""
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.platforms.cluster import refuse_cluster
from tests.input_fn.drawn_records import tiny_config

CLUSTER = '{"cluster": {"chief": ["localhost:1"], "worker": ["localhost:2"]}, "task": {"type": "worker", "index": 0}}'


@pytest.mark.parametrize('text, problem', [
    (CLUSTER, 'describes a cluster, which is not used: unset it, and train on this machine alone'),
    ('{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 0}}', 'describes a cluster'),
    ('{"task": {"type": "evaluator", "index": 0}}', 'describes a cluster'),
    ('{', 'is not JSON'),
    ('[]', 'is no JSON object')])
def test_a_cluster_is_refused_in_a_sentence(monkeypatch, text, problem):
    monkeypatch.setenv('TF_CONFIG', text)
    with pytest.raises(UserError, match=problem):
        get_platform(tiny_config(run=dict(platform='cpu')))


@pytest.mark.parametrize('environ', [{}, {'TF_CONFIG': ''}, {'TF_CONFIG': '{}'}, {'TF_CONFIG': '{"environment": "cloud"}'}])
def test_no_cluster_is_no_problem(environ):
    assert refuse_cluster('', environ) is None
