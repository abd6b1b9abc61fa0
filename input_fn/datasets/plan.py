"""What a prepared dataset is to consist of: its classes, and each split's examples in order.

Making a Plan is cheap; its examples are made when they are asked for.
"""
import dataclasses
from typing import Callable, Dict, Tuple

import numpy as np

VERSION = '1.0.0'  # of the prepared form; a new one prepares everything anew


def _no_boxes():
    return np.zeros((0, 4), np.float32)


@dataclasses.dataclass(frozen=True)
class Example:
    """What a prepared record holds. Image and mask are upright and of one size."""
    image: bytes  # JPEG or PNG, RGB
    height: int  # pixels
    width: int
    filename: str
    boxes: np.ndarray = dataclasses.field(default_factory=_no_boxes)  # [n, 4] as in `boxes.py`
    labels: tuple = ()  # [n] indices into the plan's class_names: from 0, without background
    difficult: tuple = ()  # [n]
    crowd: tuple = ()  # [n]
    mask: bytes = b''  # PNG, class of each pixel, 255 = no label; empty = no mask
    has_boxes: bool = True  # False: nobody looked for boxes here


@dataclasses.dataclass(frozen=True)
class Work:
    """One split: how many examples, and the function that yields them."""
    count: int
    examples: Callable


@dataclasses.dataclass(frozen=True)
class Plan:
    """One prepared dataset: it goes to <root>/<dataset>/<config>/<version>."""
    dataset: str  # a TFDS builder's name
    config: str
    class_names: Tuple[str, ...]  # without background
    splits: Dict[str, Work]
