"""Test-time augmentation (--tta): an image is seen in several views, mirrored and at other scales, whose findings are put together.

The words of the flag become `Views`. TensorFlow is not needed here; `model_fn.predictions.tta` makes the graph.
"""
import dataclasses
from typing import Tuple

from blitznet_estimator.errors import UserError

FLIP, SCALES = 'flip', 'scales:'
EXAMPLE = '--tta=flip,scales:0.75,1,1.25'
NEAR = 16  # a side may differ by this part of itself


@dataclasses.dataclass(frozen=True)
class Views:
    """Scales of the network's input, each once as it is, and once mirrored where `flip`."""
    scales: Tuple[float, ...] = (1.,)
    flip: bool = False

    @property
    def count(self):
        """Views per image."""
        return len(self.scales) * (1 + self.flip)

    @property
    def cost(self):
        """Pixels of all views, in those of the image as it is: about the times that the network takes."""
        return sum(scale ** 2 for scale in self.scales) * (1 + self.flip)


def parse(words):
    """The Views of the words of --tta: 'flip', and 'scales:' before the first of several numbers. UserError for another word."""
    scales, flip, in_scales = [], False, False
    for word in words:
        if word == FLIP:
            flip, in_scales = True, False
            continue
        in_scales |= word.startswith(SCALES)
        number = word[len(SCALES):] if word.startswith(SCALES) else word
        try:
            scale = float(number) if in_scales else 0.
        except ValueError:
            scale = 0.
        if not .25 <= scale <= 4:
            raise UserError('--tta=%s: "%s" is neither flip nor a scale from 0.25 to 4. It is written %s.' % (','.join(words), word, EXAMPLE))
        scales.append(scale)
    return Views(tuple(dict.fromkeys(scales)) or (1.,), flip)


def network_of(network, scale):
    """The NetworkConfig of a view's scale: of the nearest side with as many maps, as the weights are for that number alone.

    UserError where there is none near it.
    """
    wanted = int(round(network.image_size * scale))
    for side in sorted(range(wanted - wanted // NEAR, wanted + wanted // NEAR + 1), key=lambda side: abs(side - wanted)):
        view = dataclasses.replace(network, image_size=side)
        if len(view.detection_maps) == len(network.detection_maps) and min(min(grid) for grid in view.grids) > 0:
            return view
    raise UserError('--tta: at the scale %g an image has %d pixels per side, and the network another number of maps than for %d: '
                    'choose a scale that is nearer to 1.' % (scale, wanted, network.image_size))
