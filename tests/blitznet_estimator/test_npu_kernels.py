"""Kernels of the chips, by the names in CANN's own lists."""
import pytest

from blitznet_estimator.npu_kernels import chip_of, without_kernel

FROZEN = ('Placeholder', 'Const', 'Conv2D', 'DepthwiseConv2dNative', 'BiasAdd', 'Relu', 'Relu6', 'MaxPool', 'Pad', 'ConcatV2', 'Mul', 'Sub', 'AddV2',
          'Split', 'Mean', 'Sum', 'Rsqrt', 'Reshape', 'ResizeBilinear', 'ResizeNearestNeighbor', 'Identity')
OF_TRAINING = ('ReluGrad', 'MaxPoolGrad', 'Conv2DBackpropFilter', 'FusedBatchNormGradV3', 'ApplyAdam', 'ApplyMomentum')


@pytest.mark.parametrize('soc_version, chip', [('Ascend310', '310'), ('Ascend310P3', '310p'), ('Ascend910A', '910'), ('Ascend910', '910'),
                                               ('Ascend310B1', ''), ('Ascend910B4', '')])
def test_chips_that_there_is_a_list_of(soc_version, chip):
    assert chip_of(soc_version) == chip


@pytest.mark.parametrize('chip', ['310', '310p', '910'])
def test_every_chip_computes_a_frozen_network(chip):
    assert without_kernel(FROZEN, chip) == []


def test_a_310_does_not_train():
    assert without_kernel(OF_TRAINING, '910') == without_kernel(OF_TRAINING, '310p') == []
    assert without_kernel(OF_TRAINING + FROZEN, '310') == sorted(OF_TRAINING)


def test_an_operator_that_is_in_no_list_has_no_kernel():
    assert without_kernel(['Relu', 'Polygamma', 'Polygamma'], '910') == ['Polygamma']


def test_the_ai_cpu_counts_on_every_chip():
    assert without_kernel(['IsFinite'], '310') == []  # which is in no list of its AI Core
