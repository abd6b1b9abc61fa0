"""The engine of TensorFlow.js with small models that are written here. Skipped where Node.js or its packages are not installed."""
import contextlib
import json
import logging
import os
import signal

import numpy as np
import pytest

from blitznet_estimator import installed
from blitznet_estimator.config import Config
from blitznet_estimator.engines import registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats.registry import Exported

SIDE = 4
FLOAT = {'type': 'DT_FLOAT'}
MODEL = Exported('tfjs/model.json', 'tfjs', 'raw', 'float32')
IMAGES = [np.full([SIDE, SIDE, 3], value, np.uint8) for value in (51, 102, 255)]

pytestmark = pytest.mark.skipif(bool(installed.missing([], installed.NODE)), reason='not installed: %s' % installed.missing([], installed.NODE))


def write(folder, **node):
    """A model of one node, confidence = operation(input, weights); the weights are [SIDE, SIDE, 3] of 2."""
    shape = {'shape': {'dim': [{'size': str(side)} for side in (-1, SIDE, SIDE, 3)]}}
    nodes = [dict(name='input', op='Placeholder', attr={'dtype': FLOAT, 'shape': shape}),
             dict(name='two', op='Const', attr={'dtype': FLOAT}),
             dict(dict(name='confidence', input=['input', 'two'], attr={'T': FLOAT}), **node)]
    groups = [{'paths': ['two.bin'], 'weights': [{'name': 'two', 'shape': [SIDE, SIDE, 3], 'dtype': 'float32'}]}]
    (folder / 'tfjs').mkdir()
    (folder / 'tfjs' / 'two.bin').write_bytes(np.full([SIDE, SIDE, 3], 2, '<f4').tobytes())
    topology = {'node': nodes, 'versions': {'producer': 440}}
    (folder / 'tfjs' / 'model.json').write_text(json.dumps({'format': 'graph-model', 'modelTopology': topology, 'weightsManifest': groups}))


def opened(folder):
    """The Engine in a `with` block."""
    return contextlib.closing(registry.open_file(str(folder), MODEL, Config().replace(network=dict(image_size=SIDE, num_classes=3))))


def test_it_computes_by_webassembly_and_ends(tmp_path, caplog):
    write(tmp_path, op='Mul')
    with caplog.at_level(logging.INFO), opened(tmp_path) as engine:
        found = engine.run(IMAGES)['confidence']
    assert engine.is_raw and found.shape == (3, SIDE, SIDE, 3)
    np.testing.assert_allclose(found[:, 1, 2, 0], [.4, .8, 2], rtol=1e-6)
    assert caplog.text.rstrip().endswith('computes by its backend wasm.') and engine._program._process.returncode == 0


def test_an_operation_that_webassembly_lacks_is_computed_all_the_same(tmp_path, caplog):
    write(tmp_path, op='Einsum', attr={'T': FLOAT, 'N': {'i': '2'}, 'equation': {'s': 'YmhjZCxoY2QtPmJo'}})  # bhcd,hcd->bh
    with caplog.at_level(logging.INFO), opened(tmp_path) as engine:
        np.testing.assert_allclose(engine.run(IMAGES)['confidence'], np.outer([.2, .4, 1], [SIDE * 3 * 2] * SIDE), rtol=1e-6)
    assert "computes by its backend cpu. Kernel 'Einsum' not registered for backend 'wasm'" in caplog.text


@pytest.mark.parametrize('spoil, said', [
    (lambda folder: (folder / 'two.bin').unlink(), 'ENOENT.*two.bin'), (lambda folder: (folder / 'two.bin').write_bytes(b'abc'), ''),
    (lambda folder: (folder / 'model.json').write_text('[]'), ''), (lambda folder: (folder / 'model.json').unlink(), 'ENOENT.*model.json')])
def test_a_file_that_is_damaged_is_a_sentence(tmp_path, spoil, said):
    write(tmp_path, op='Mul')
    spoil(tmp_path / 'tfjs')
    with pytest.raises(UserError, match='tfjs/model.json cannot be loaded by --engine=tfjs .*%s.*export again' % said):
        opened(tmp_path)


def test_an_operation_that_it_does_not_know_is_a_sentence(tmp_path):
    write(tmp_path, op='Abacus')
    with pytest.raises(UserError, match='cannot be loaded by --engine=tfjs .*Abacus'):
        opened(tmp_path)


def test_a_process_that_is_killed_is_a_sentence(tmp_path):
    write(tmp_path, op='Mul')
    with opened(tmp_path) as engine:
        os.kill(engine._program._process.pid, signal.SIGKILL)
        with pytest.raises(UserError, match='tfjs/model.json cannot be computed by TensorFlow.js .it ended'):
            engine.run(IMAGES)
