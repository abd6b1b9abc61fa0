"""What is missing beside TensorFlow, and how to install it, by folders that are made here."""
import json
import os

import pytest

from blitznet_estimator import installed


@pytest.fixture(name='empty', autouse=True)
def nothing_is_installed(tmp_path, monkeypatch):
    """The only folder of PATH and of NODE_PATH."""
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('NODE_PATH', os.pathsep + str(tmp_path))
    return tmp_path


def test_packages_programs_and_packages_of_node():
    assert installed.missing(['json', 'abacus']) == ['abacus']
    assert installed.missing(['abacus'], installed.NODE) == ['abacus', 'node', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm']
    assert installed.missing([], installed.PROGRAMS) == list(installed.PROGRAMS)


def test_what_is_on_the_paths_is_there(empty):
    (empty / 'node').write_text('#!/bin/sh\n')
    (empty / 'node').chmod(0o755)
    for name in installed.NODE[1:]:
        (empty / name).mkdir(parents=True)
        (empty / name / 'package.json').write_text(json.dumps({'version': '4.2.' + str(len(name))}))
    assert installed.missing([], installed.NODE) == []
    assert installed.versions([], installed.NODE) == {'@tensorflow/tfjs': '4.2.16', '@tensorflow/tfjs-backend-wasm': '4.2.29'}


def test_each_way_to_install_is_named_once():
    assert installed.how(['onnx', 'openvino']) == 'pip install -r requirements-export.txt (Python 3.10 or newer)'
    said = installed.how(['onnx'] + list(installed.PROGRAMS))
    assert [part.split()[0] for part in said.split('; ')] == ['pip', 'python3.11', 'install', 'npm']
    assert 'tfjs/bin/pip install tensorflowjs==' in said and '@tensorflow/tfjs@' in said and '@tensorflow/tfjs-backend-wasm@' in said
