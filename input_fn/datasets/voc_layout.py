"""Directories in VOC layout: which lists they have, and the example of one listed image.

    JPEGImages/<id>.jpg|.jpeg|.png    Annotations/<id>.xml    SegmentationClass/<id>.png
    ImageSets/{Main,Segmentation}/<split>.txt

An image without a mask trains detection only; one without XML trains segmentation only. XML and mask belong to the upright image.
"""
import collections
import os

from blitznet_estimator.errors import UserError
from input_fn.datasets import sbd
from input_fn.datasets.images import check_mask, decode_mask, encode_png, standard_image
from input_fn.datasets.plan import Example
from input_fn.datasets.voc_xml import read_annotation

_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.JPG', '.JPEG', '.PNG')

Files = collections.namedtuple('Files', 'image annotation mask')  # paths; annotation and mask None where the image has none


def split_lists(root):
    """{split: path of its list}: those of ImageSets/Main by name; those of ImageSets/Segmentation as 'Segmentation/<name>',
    and by name where Main has none of that name."""
    lists = {}
    for kind in ('Main', 'Segmentation'):
        folder = os.path.join(root, 'ImageSets', kind)
        for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            name, extension = os.path.splitext(entry)
            if extension == '.txt':
                lists.setdefault(name, os.path.join(folder, entry))
                if kind == 'Segmentation':
                    lists['Segmentation/' + name] = os.path.join(folder, entry)
    return lists


def read_list(path):
    """Ids of a split's list, in its order."""
    try:
        with open(path, encoding='utf-8') as file:
            ids = [line.strip() for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError('The list %s cannot be read: %s.' % (path, error))
    if not ids:
        raise UserError('The list %s is empty.' % path)
    return ids


def find_files(root, image_id, named_in):
    """The Files of an image; `named_in` is the list that names it."""
    stem, extension = os.path.splitext(image_id)
    stem = stem if extension in _EXTENSIONS else image_id
    images = [os.path.join(root, 'JPEGImages', stem + extension) for extension in _EXTENSIONS]
    image = next((path for path in images if os.path.isfile(path)), None)
    if image is None:
        raise UserError('%s lists %s, but there is no %s (nor .jpeg, .png).' % (named_in, image_id, images[0]))
    others = os.path.join(root, 'Annotations', stem + '.xml'), os.path.join(root, 'SegmentationClass', stem + '.png')
    files = Files(image, *(path if os.path.isfile(path) else None for path in others))
    if not (files.annotation or files.mask):
        raise UserError('%s has neither boxes (%s) nor a mask (%s): take it out of %s.' % ((image,) + others + (named_in,)))
    return files


def make_example(files, class_names):
    """(Example, notes) of the Files of one image; notes is a Counter of what was mended."""
    image, height, width = standard_image(read_bytes(files.image), files.image)
    labels, notes = {}, collections.Counter()
    if files.annotation:
        boxes = read_annotation(files.annotation, class_names, height, width)
        notes = boxes.notes
        labels = dict(boxes=boxes.boxes, labels=boxes.labels, difficult=boxes.difficult, crowd=(0,) * len(boxes.labels))
    mask = b''
    if files.mask:
        mask = encode_png(check_mask(_read_mask(files.mask), files.mask, len(class_names), height, width))
    example = Example(image=image, height=height, width=width, filename=os.path.basename(files.image), mask=mask,
                      has_boxes=bool(files.annotation), **labels)
    return example, notes


def _read_mask(path):
    """Class of each pixel, of an indexed or grey PNG, or of SBD's MATLAB file."""
    if path.endswith('.mat'):
        return sbd.read_mask(path)
    return decode_mask(read_bytes(path), path)


def read_bytes(path):
    """Content of a file."""
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError as error:
        raise UserError('%s cannot be read: %s.' % (path, error.strerror))
