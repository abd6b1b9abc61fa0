"""What the weights of a trunk take an image as. The network does it inside, so that every other part sees RGB in [0, 1]. No TensorFlow here."""
import dataclasses
from typing import Tuple

MEAN_RGB = 123.151630838, 115.902882574, 103.062623801  # of the images that BlitzNet's published trunks were trained on, in [0, 255]


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """(pixel - mean) / deviation, where a pixel is in [0, 255]."""
    mean: Tuple[float, float, float]  # of red, green, blue
    deviation: float
    bgr: bool  # whether blue comes first then

    @property
    def ordered_mean(self):
        """The mean in the order of the channels that the weights see."""
        return self.mean[::-1] if self.bgr else self.mean


CAFFE = Normalisation(MEAN_RGB, 1., bgr=True)  # Caffe's ResNet and Oxford's VGG
EFFICIENTNET_LITE = Normalisation((127., 127., 127.), 128., bgr=False)  # TensorFlow's EfficientNet-Lite
