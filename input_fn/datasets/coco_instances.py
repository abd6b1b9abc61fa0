"""COCO's instance files: the images of one, and an image's boxes and mask.

Boxes are [x, y, width, height] in pixels; instances are polygons or run-length codes. Coordinates belong to the image as it is stored.
"""
import collections
import json
import os

import numpy as np

from blitznet_estimator.errors import UserError

Image = collections.namedtuple('Image', 'path height width instances')  # instances: COCO's annotation dicts, in the file's order


def read_instances(path):
    """The content of an instance file, with the parts that are needed."""
    try:
        with open(path) as file:
            content = json.load(file)
    except (OSError, ValueError) as error:
        raise UserError('%s: not a readable JSON file (%s).' % (path, error))
    missing = [part for part in ('images', 'annotations', 'categories') if not isinstance(content, dict) or part not in content]
    if missing:
        raise UserError('%s: not an instance file of COCO, it has no %s.' % (path, ', '.join(missing)))
    return content


def labels_of(content, class_names, path):
    """{category id: index into class_names}, matched by name."""
    unknown = [category['name'] for category in content['categories'] if category['name'] not in class_names]
    if unknown:
        raise UserError('%s: the category %r is not in the class list.' % (path, unknown[0]))
    return {category['id']: class_names.index(category['name']) for category in content['categories']}


def images_of(content, folder):
    """The Images of an instance file, in its order; `folder` has the images."""
    instances = collections.defaultdict(list)
    for instance in content['annotations']:
        instances[instance['image_id']].append(instance)
    return [
        Image(os.path.join(folder, entry['file_name']), entry['height'], entry['width'], instances[entry['id']])
        for entry in content['images']]


def boxes_of(image, labels):
    """(boxes [n, 4] as in `boxes.py`, labels [n], crowd [n], notes) of an Image; empty boxes are dropped."""
    boxes, kept, crowd, notes = [], [], [], collections.Counter()
    for instance in image.instances:
        x, y, width, height = instance['bbox']
        box = np.array([y / image.height, x / image.width, (y + height) / image.height, (x + width) / image.width])
        clipped = np.clip(box, 0, 1)
        if not np.isfinite(box).all() or not np.all(clipped[:2] < clipped[2:]):
            notes['boxes dropped that were empty or outside their image'] += 1
            continue
        notes['boxes clipped to their image'] += int(np.abs(clipped - box).max() > 1e-6)
        boxes.append(clipped)
        kept.append(_label(instance, labels, image.path))
        crowd.append(int(instance.get('iscrowd', 0)))
    return np.array(boxes, np.float32).reshape(-1, 4), tuple(kept), tuple(crowd), notes


def mask_of(image, labels):
    """Class of each pixel, uint8 [h, w], painted from the instances in the file's order, crowds included."""
    mask = np.zeros((image.height, image.width), np.uint8)
    for instance in image.instances:
        mask[_pixels(instance['segmentation'], image)] = 1 + _label(instance, labels, image.path)
    return mask


def _pixels(segmentation, image):
    """bool [h, w] of polygons (a list), or of a run-length code (a dict), plain or compressed."""
    from pycocotools import mask as codes  # here, as it takes a compiled package that few runs need
    try:
        coded = segmentation if isinstance(segmentation, dict) else list(segmentation)
        if isinstance(coded, dict) and isinstance(coded['counts'], (str, bytes)):
            pixels = codes.decode(coded)
        elif coded:
            coded = codes.frPyObjects(coded, image.height, image.width)
            pixels = codes.decode(codes.merge(coded) if isinstance(coded, list) else coded)
        else:
            pixels = np.zeros((image.height, image.width), bool)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError('%s: the outline of an instance cannot be decoded (%s).' % (image.path, error))
    if pixels.shape != (image.height, image.width):
        raise UserError('%s: the run-length code of an instance has %d x %d pixels (width x height), but the image has %d x %d.'
                        % (image.path, pixels.shape[1], pixels.shape[0], image.width, image.height))
    return pixels.astype(bool)


def _label(instance, labels, path):
    if instance['category_id'] not in labels:
        raise UserError('%s: an instance has the category %s, which its file does not list.' % (path, instance['category_id']))
    return labels[instance['category_id']]
