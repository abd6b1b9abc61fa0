"""What can be asked of a model: its signatures, with the tensors that go in and come out."""
import collections

PREDICT = 'tensorflow/serving/predict'  # the method of the signatures that are served

# A tensor of a signature. key: its name in the graph. dtype: of numpy; object for strings. shape: its sides, None where any will do, or None.
Tensor = collections.namedtuple('Tensor', 'key dtype shape')


class Signature:
    """What can be asked of a model. inputs, outputs: {name: Tensor}."""

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        everything = list(inputs.values()) + list(outputs.values())
        # Whether requests can be run as one: along the first side, all other sides being the same for any request.
        self.can_be_joined = all(spec.shape and spec.shape[0] is None and None not in spec.shape[1:] for spec in everything)
