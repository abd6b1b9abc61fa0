"""SBD, the Semantic Boundaries Dataset: more masks for the images of VOC 2012 (Hariharan et al., ICCV 2011), in MATLAB files."""
import os

import numpy as np

from blitznet_estimator.errors import UserError


def augmented_ids(sbd_train, sbd_val, voc_train, voc_val):
    """Sorted ids of `train-seg-aug`: all of SBD and VOC's Segmentation train, without VOC's Segmentation val (lists of ids)."""
    return sorted(set(sbd_train).union(sbd_val, voc_train).difference(voc_val))


def mask_path(sbd_root, image_id):
    """Where SBD has the mask of an image."""
    return os.path.join(sbd_root, 'cls', image_id + '.mat')


def read_mask(path):
    """Class of each pixel, uint8 [h, w], of a file of SBD's folder cls."""
    from scipy.io import loadmat  # here, as few runs need it
    try:
        return np.asarray(loadmat(path)['GTcls']['Segmentation'][0, 0], np.uint8)
    except Exception as error:  # scipy's parser raises whatever a damaged file leads it to
        raise UserError('%s: not a mask file of SBD (%s).' % (path, error))
