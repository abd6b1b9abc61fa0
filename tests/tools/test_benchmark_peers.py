"""The peers of the benchmark: what their rounds are worth beside ours, and that each runs where its packages are."""
import cv2
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from tools import benchmark
from tools.benchmarks import measure, peers, report


def rounds(*seconds):
    return {'rounds': [{'total': [one]} for one in seconds], 'peak_mb': 100., 'facts': {}}


def test_one_network_beside_both_of_a_peer_by_hand():
    """2 of 3 + 1 is half, 3 of 2 + 4 is half, 6 of 2 + 2 is one and a half."""
    results = {'openvino fp32': rounds(2, 3, 6), ('torchvision', 'detection'): rounds(3, 2, 2), ('torchvision', 'segmentation'): rounds(1, 4, 2)}
    assert peers.shares(results) == [dict(side='openvino fp32', peer='torchvision', median=.5, low=.5, high=1.5, rounds=3)]


def test_the_table_names_both_sides():
    found = dict(machine=measure.machine(), settings={}, limits={}, results=[], ratios=[],
                 shares=[dict(side='tflite fp32, B=8', peer='ultralytics', median=.41, low=.4, high=.5, rounds=2),
                         dict(side='training step', peer='TensorFlow 2.15', median=1.02, low=.9, high=1.1, rounds=2, memory=.98)])
    first, second = [line.split() for line in report.format_table(found).split('\n')[-2:]]
    assert first == ['tflite', 'fp32,', 'B=8', 'ultralytics', '0.41', '0.40-0.50']
    assert second == ['training', 'step', 'TensorFlow', '2.15', '1.02', '0.90-1.10', '0.98']


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(UserError, match='peers measures the files of an export: name one by --export=FOLDER'):
        benchmark.check(benchmark.parse(['peers']))
    with pytest.raises(UserError, match='--other_python=python2.1: there is no such program'):
        benchmark.check(benchmark.parse(['train', '--other_python=python2.1']))
    monkeypatch.setattr(peers, '_is_there', lambda package: package == 'openvino')
    with pytest.raises(UserError, match='pip install torchvision'):
        peers.check()
    monkeypatch.setattr(peers, '_is_there', lambda package: package in ('torch', 'torchvision', 'openvino'))
    assert peers.installed() == ['torchvision', 'torchvision by openvino']


@pytest.mark.slow
@pytest.mark.parametrize('half', peers.HALVES)
@pytest.mark.parametrize('peer', peers.installed())
def test_a_peer_runs(tmp_path, peer, half):
    cv2.imwrite(str(tmp_path / 'a.jpg'), np.random.RandomState(0).randint(0, 256, (60, 90, 3), np.uint8))

    class Workspace:
        images = [str(tmp_path / 'a.jpg')]
        folder = str(tmp_path)
    worker = peers.starters(Workspace, 64, 2, 0, 1)[peer, half]()
    try:
        assert worker.facts['torch'] and len(worker.round()['total']) >= 2
        assert worker.stop() > 10
    finally:
        worker.kill()
