"""Predictions made from ground truth, for something to score: shifted boxes, a few wrong ones, and a mask with a mistake."""
import numpy as np


def near_truth(sample, num_classes=8):
    """A prediction for a sample, the same at each call."""
    rs = np.random.RandomState(sample.source_id)
    count = len(sample.boxes)
    size = np.tile(sample.boxes[:, 2:] - sample.boxes[:, :2], 2)
    shifted = np.clip(sample.boxes + rs.uniform(-.35, .35, sample.boxes.shape) * size, 0, 1)
    low = rs.uniform(0, .7, (3, 2))
    boxes = np.concatenate([shifted, np.concatenate([low, low + .25], axis=1)]).astype(np.float32)
    classes = np.concatenate([sample.classes, rs.randint(1, num_classes + 1, 3)])
    scores = np.concatenate([rs.uniform(.4, 1, count), rs.uniform(0, .6, 3)]).astype(np.float32)
    order = np.argsort(-scores)
    mask = sample.mask()
    if mask is not None:
        mask = np.where(mask == 255, 0, mask)
        mask[:40, :40] = 1
    return {'boxes': boxes[order], 'classes': classes[order], 'scores': scores[order], 'segmentation': mask}
