"""The heads by name: what each one gives, learns by, and is scored by. TensorFlow is not needed here.

A head is an entry of `HEADS`. What is done for it stands under the same name where it is done:
  model_fn.network.heads.BUILD                   maps to raw outputs
  model_fn.training.losses.LOSSES                its losses, under their own names
  model_fn.predictions.postprocess.FINISH        raw outputs to predictions, in the graph
  blitznet_estimator.evaluation.host_postprocess.FINISH   the same in numpy, for devices whose graph can't hold it
"""
import dataclasses
from typing import Callable, Tuple


@dataclasses.dataclass(frozen=True)
class RawOutput:
    """A tensor that the network gives, before post-processing. Its name is a contract: frozen graphs have it."""
    name: str
    shape: Callable  # NetworkConfig -> sizes without the batch


@dataclasses.dataclass(frozen=True)
class Head:
    """A task of the network."""
    flag: str  # field of NetworkConfig, and flag, that switches it
    raw_outputs: Tuple[RawOutput, ...]  # in the order of frozen graphs
    losses: Tuple[str, ...]  # names of model_fn.training.losses.LOSSES
    predictions: Tuple[str, ...]  # keys that post-processing gives; the first says whether a batch has them


HEADS = {
    'detection': Head(
        flag='detect',
        raw_outputs=(RawOutput('confidence', lambda network: [network.num_anchors, network.num_classes]),  # logits
                     RawOutput('location', lambda network: [network.num_anchors, 4])),  # offsets from the anchors
        losses=('class', 'bbox'),
        predictions=('boxes', 'scores', 'classes', 'num_detections')),
    'segmentation': Head(
        flag='segment',
        raw_outputs=(RawOutput('segmentation', lambda network: [network.segmentation_size] * 2 + [network.num_classes]),),  # logits
        losses=('segmentation',),
        predictions=('segmentation',)),
}
LOSSES = tuple(loss for head in HEADS.values() for loss in head.losses)  # that --loss_weights knows


def heads_of(network):
    """{name: Head} of those that a NetworkConfig has."""
    return {name: head for name, head in HEADS.items() if getattr(network, head.flag)}


def raw_outputs(network):
    """{name: shape without the batch} of a network's raw outputs, in the order of frozen graphs."""
    return {output.name: output.shape(network) for head in heads_of(network).values() for output in head.raw_outputs}


def heads_in(outputs):
    """{name: Head} of those whose raw outputs are all in `outputs`, a mapping by name."""
    return {name: head for name, head in HEADS.items() if all(output.name in outputs for output in head.raw_outputs)}


def losses_of(network):
    """Names of a network's losses, without weight decay."""
    return tuple(loss for head in heads_of(network).values() for loss in head.losses)
