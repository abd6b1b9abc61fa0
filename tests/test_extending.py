"""The examples of docs/extending.md work as they stand there."""
import os
import re

import numpy as np
import pytest

from blitznet_estimator import config, heads, trunks
from blitznet_estimator.config import TrainConfig
from blitznet_estimator.drivers import prediction_forms
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.formats import registry as formats
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.network.trunks import resnet
from model_fn.training import losses, optimizer
from tests.paths import ROOT


@pytest.fixture(name='run_example')
def example_runner(monkeypatch):
    """(words that an example holds, module) -> the names of the module with those of the example, which is run at its end."""
    with open(os.path.join(ROOT, 'docs', 'extending.md'), encoding='utf-8') as file:
        examples = re.findall('```python\n(.*?)```', file.read(), re.DOTALL)

    def run(words, module):
        code, = [example for example in examples if words in example]
        namespace = dict(vars(module))
        for name, key in re.findall(r"^(\w+)\['(\w+)'\] =", code, re.MULTILINE):
            monkeypatch.setitem(namespace[name], key, None)  # so that the entry is gone when the test ends
        exec(code, namespace)  # the code of the page
        return namespace
    return run


def test_a_residual_trunk(run_example):
    """Three convolutions per unit, the first one and the classifier are 152 layers."""
    run_example("TRUNKS['resnet152'] = ", trunks)
    run_example("WIDTHS['resnet152'] = ", resnet)
    assert 3 * sum(block.units for block in resnet.WIDTHS['resnet152'].blocks) + 2 == 152
    network = preset_config('blitznet300', network=dict(trunk='resnet152')).network
    assert network.grids == preset_config('blitznet300').network.grids and trunks.TRUNKS['resnet152'].prefixes == ('resnet_v1_152/',)


def test_a_loss(run_example):
    """Of one pixel of probability 1/4 the cross-entropy is ln 4, and its focal loss 9/16 of that; a pixel without a label counts for nothing."""
    run_example('def _focal_pixels', losses)
    run_example("LOSSES['focal_pixels'] = Loss", heads)
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = {'segmentation': tf.constant([[[[0., np.log(3.)], [5., 5.]]]], tf.float32)}
        labels, train = {'mask': tf.constant([[[0, 255]]])}, TrainConfig(loss_weights=(('focal_pixels', 2.), ('segmentation', 0.)))
        total, each, _ = losses.all_losses(outputs, labels, np.zeros((1, 4), np.float32), train)
        assert session.run(total) == pytest.approx(2 * 9 / 16 * np.log(4)) and set(each) == {'focal_pixels'}
        assert session.run(losses.normalisers(outputs, labels, np.zeros((1, 4), np.float32), train)) == {'focal_pixels': 1.}


def test_an_optimizer(run_example):
    """RMSProp's first step: the mean of squares starts at 1, so that it is .9 + .1 g^2 after the gradient g = 3."""
    names = run_example('OPTIMIZERS += ', config)['OPTIMIZERS']
    run_example("OPTIMIZERS['rmsprop'] = ", optimizer)
    assert set(names) == set(optimizer.OPTIMIZERS)
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.get_variable('x/biases', initializer=2.)
        train_op = optimizer.train_step(3 * x, TrainConfig(optimizer='rmsprop', learning_rate=.1))[0]
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        assert session.run(x) == pytest.approx(2 - .1 * 3 / np.sqrt(.9 + .1 * 9), rel=1e-4)


def test_a_format_and_its_engine(run_example):
    run_example("FORMATS['coreml'] = ", formats)
    run_example("ENGINES['abacus'] = ", engines)
    assert engines.of_format('coreml') == 'abacus'
    assert formats.missing('coreml') == ['coremltools'] and engines.missing('abacus') == ['abacus']


def test_a_form_of_results(run_example, tmp_path):
    form = run_example('class Count(_Form)', prediction_forms)['Count'](str(tmp_path), ('cat',), {})
    assert form.add([1, 2, 3], 0, 'street') == {'count': 3}
    assert (tmp_path / 'street.count').read_text() == '3\n'
