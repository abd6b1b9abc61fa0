"""SBD, the Semantic Boundaries Dataset: more masks for the images of VOC 2012 (Hariharan et al., ICCV 2011), in MATLAB files."""
import os

import numpy as np

from blitznet_estimator.errors import UserError
from input_fn.datasets import matlab_files


def augmented_ids(sbd_train, sbd_val, voc_train, voc_val):
    """Sorted ids of `train-seg-aug`: all of SBD and VOC's Segmentation train, without VOC's Segmentation val (lists of ids)."""
    return sorted(set(sbd_train).union(sbd_val, voc_train).difference(voc_val))


def mask_path(sbd_root, image_id):
    """Where SBD has the mask of an image."""
    return os.path.join(sbd_root, 'cls', image_id + '.mat')


def read_mask(path):
    """Class of each pixel, uint8 [h, w], of a file of SBD's folder cls."""
    try:
        found = matlab_files.read_field(path, 'GTcls', 'Segmentation')
        with np.errstate(invalid='ignore'):
            mask = found.astype(np.uint8)
        if mask.ndim != 2 or not np.array_equal(mask, found):
            raise ValueError('its classes are no numbers from 0 to 255')
        return mask
    except (OSError, ValueError) as error:
        raise UserError('%s: not a mask file of SBD (%s).' % (path, error))
