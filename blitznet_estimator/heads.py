"""The heads by name: what each one gives and what it learns by. TensorFlow is not needed here.

A head is an entry of `HEADS`. What is done for it stands under the same name where it is done:
  model_fn.network.heads.BUILD                   maps to raw outputs
  model_fn.training.losses.LOSSES, NORMALISERS   its losses, and what they are means over, by the names of LOSSES
  model_fn.predictions.postprocess.FINISH        raw outputs to predictions, in the graph
  model_fn.predictions.tta.MERGE                 raw outputs of several views to predictions
  blitznet_estimator.evaluation.host_postprocess.FINISH     raw outputs to predictions in numpy, for devices whose graph can't hold it
  blitznet_estimator.evaluation.host_postprocess.OF_IMAGE   one image's predictions out of those of a batch
  blitznet_estimator.evaluation.host_postprocess.PAD        predictions of several images to a batch
  blitznet_estimator.batch                       shapes and types of raw outputs and predictions
"""
import dataclasses
import re
from typing import Tuple


@dataclasses.dataclass(frozen=True)
class Head:
    """A task of the network."""
    flag: str  # field of NetworkConfig, and flag, that switches it
    raw_outputs: Tuple[str, ...]  # names of what the network gives, in the order of frozen graphs: a contract
    predictions: Tuple[str, ...]  # keys that post-processing gives; the first says whether a batch has them
    variables: str  # a regular expression that the names of its variables match, and no others

    def owns(self, variable):
        """Whether a variable, by its name, is the head's."""
        return re.search(self.variables, variable) is not None


HEADS = {
    'detection': Head(
        flag='detect',
        raw_outputs=('confidence', 'location'),
        predictions=('boxes', 'scores', 'classes', 'num_detections'),
        variables=r'(^|/)(confidence|location)/'),
    'segmentation': Head(
        flag='segment',
        raw_outputs=('segmentation',),
        predictions=('segmentation',),
        variables=r'^ssd/Conv(_\d+)?/'),
}


@dataclasses.dataclass(frozen=True)
class Loss:
    """What a head learns by."""
    head: str  # of HEADS
    weight: float = 1.  # in the total, where --loss_weights does not name it; a loss of weight 0 is not built


LOSSES = {'class': Loss('detection'), 'bbox': Loss('detection'), 'segmentation': Loss('segmentation')}


def heads_of(network):
    """{name: Head} of those that a NetworkConfig has."""
    return {name: head for name, head in HEADS.items() if getattr(network, head.flag)}


def heads_in(outputs):
    """{name: Head} of those whose raw outputs are all in `outputs`, a mapping by name."""
    return {name: head for name, head in HEADS.items() if all(output in outputs for output in head.raw_outputs)}


def losses_of(network):
    """Names of a network's losses, without weight decay."""
    heads = heads_of(network)
    return tuple(name for name, loss in LOSSES.items() if loss.head in heads)
