"""deploy/ray_serve.py behind a real Ray of one machine. Skipped where the package ray is not installed."""
import concurrent.futures
import json
import os
import socket
import urllib.error
import urllib.request

import cv2
import pytest

from blitznet_estimator import Model
from tests import small_model
from tests.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_python]


def post(url, data):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=120) as answer:
            return answer.status, json.loads(answer.read().decode('utf-8'))
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read().decode('utf-8'))


@pytest.fixture(name='url')
def served(small_run, monkeypatch):
    """Address of the served model."""
    ray, serve = pytest.importorskip('ray'), pytest.importorskip('ray.serve')
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv('RAY_USAGE_STATS_ENABLED', '0')
    monkeypatch.setenv('PYTHONPATH', ROOT)
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        port = one.getsockname()[1]
    from deploy import ray_serve
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(http_options={'host': '127.0.0.1', 'port': port})
        serve.run(ray_serve.BlitzNet.bind(str(small_run)))
        yield 'http://127.0.0.1:%d/' % port
        serve.shutdown()
    finally:
        ray.shutdown()


def test_requests_are_answered_as_by_the_model_and_a_bad_one_harms_no_other(url, small_run):
    pictures = [cv2.imencode('.png', small_model.picture(64, 96, number))[1].tobytes() for number in range(6)]
    with concurrent.futures.ThreadPoolExecutor(7) as pool:
        answers = list(pool.map(lambda data: post(url, data), pictures + [b'no picture']))
    with Model(str(small_run)) as model:
        expected = [result.to_dict()['detections'] for result in model([small_model.picture(64, 96, number) for number in range(6)])]
    for (code, answer), boxes in zip(answers, expected):
        assert code == 200 and [one['name'] for one in answer['detections']] == [one['name'] for one in boxes]
        for one, other in zip(answer['detections'], boxes):
            assert one['score'] == pytest.approx(other['score'], abs=1e-3) and one['box'] == pytest.approx(other['box'], abs=.1)
    assert answers[-1][0] == 400 and 'the picture: the image cannot be decoded' in answers[-1][1]['error']
    assert any(boxes for boxes in expected)


def test_it_is_short():
    with open(os.path.join(ROOT, 'deploy', 'ray_serve.py'), encoding='utf-8') as file:
        assert len(file.readlines()) < 60
