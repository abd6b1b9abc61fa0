"""What the weights of a trunk take an image as. The network does it inside, so that every other part sees RGB in [0, 1]. No TensorFlow here."""
import dataclasses
from typing import Tuple

MEAN_RGB = 123.151630838, 115.902882574, 103.062623801  # of the images that BlitzNet's published trunks were trained on, in [0, 255]


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """(pixel - mean) / deviation, where a pixel is in [0, 255]."""
    mean: Tuple[float, float, float]  # of red, green, blue
    deviation: Tuple[float, float, float]  # of red, green, blue
    bgr: bool  # whether blue comes first then

    @property
    def ordered_mean(self):
        """The mean in the order of the channels that the weights see."""
        return self.mean[::-1] if self.bgr else self.mean

    @property
    def ordered_deviation(self):
        """The deviation in the order of the channels that the weights see."""
        return self.deviation[::-1] if self.bgr else self.deviation


CAFFE = Normalisation(MEAN_RGB, (1.,) * 3, bgr=True)  # Caffe's ResNet and Oxford's VGG
EFFICIENTNET_LITE = Normalisation((127.,) * 3, (128.,) * 3, bgr=False)  # TensorFlow's EfficientNet-Lite
MOBILENET = Normalisation((127.5,) * 3, (127.5,) * 3, bgr=False)  # slim's and Keras's MobileNetV2: [-1, 1]
TORCHVISION = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), bgr=False)  # .485, .456, .406 and .229, .224, .225 of 255
