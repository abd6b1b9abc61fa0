"""Directories in VOC layout: which lists they have, and the example of one listed image.

    JPEGImages/<id>.jpg|.jpeg|.png    Annotations/<id>.xml    SegmentationClass/<id>.png
    ImageSets/{Main,Segmentation}/<split>.txt

The folders of images and annotations may also be `images` and `annotations`, or one folder for both.
An image without a mask trains detection only; one without XML trains segmentation only. XML and mask belong to the upright image.
"""
import collections
import os

import numpy as np

from blitznet_estimator import text_files
from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.errors import UserError
from input_fn.datasets import sbd
from input_fn.datasets.folders import below, read_bytes
from input_fn.datasets.images import check_mask, decode_mask, encode_png, standard_image
from input_fn.datasets.plan import Example
from input_fn.datasets.voc_xml import read_annotation

_EXTENSIONS = ('.jpg', '.jpeg', '.png')  # of images, in any case

Places = collections.namedtuple('Places', 'images annotations masks')  # folders within a root
VOC = Places('JPEGImages', 'Annotations', 'SegmentationClass')
_OTHERS = (Places('images', 'annotations', VOC.masks), Places('images', 'Annotations', VOC.masks), Places('images', 'images', VOC.masks),
           Places('', '', VOC.masks))  # as labelling tools write them

# name: the image's path in the folder of images; paths: annotation and mask None where the image has none; fault: why it cannot be used, or ''.
Files = collections.namedtuple('Files', 'name image annotation mask fault')


class Tree:
    """A directory in VOC layout, whose folders are listed once."""

    def __init__(self, root, places=VOC):
        self.root, self.places, self._endings = root, places, {}

    def endings(self, folder, name):
        """Sorted extensions of the files of `folder` that are called `name`, a path within it, but for them."""
        parent, stem = os.path.split(os.path.join(self.root, folder, name))
        if parent not in self._endings:
            self._endings[parent] = collections.defaultdict(list)
            for entry in sorted(os.listdir(parent)) if os.path.isdir(parent) else ():
                self._endings[parent][os.path.splitext(entry)[0]].append(os.path.splitext(entry)[1])
        return self._endings[parent].get(stem, [])

    def label(self, folder, name, ending):
        """The path of an image's annotation or mask, None where there is none. One of another kind is a UserError, as its labels would be lost."""
        found = [one for one in self.endings(folder, name) if folder != self.places.images or one.lower() not in _EXTENSIONS]
        path = os.path.join(self.root, folder, name)
        same = [one for one in found if one.lower() == ending]
        if found and not same:
            raise UserError('%s is no %s file, as labels of this layout are: convert it or take it away.' % (path + found[0], ending[1:].upper()))
        return path + (ending if ending in same else same[0]) if same else None


def places_of(root):
    """The Places of a directory: VOC's own, else the first ones with images and annotations; None where there are none."""
    if os.path.isdir(os.path.join(root, VOC.images)):
        return VOC
    if any(os.path.isdir(os.path.join(root, name)) for name in VOC):
        others = [places for places in _OTHERS if places.images]
    else:
        others = _OTHERS
    return next((places for places in others if below(os.path.join(root, places.images), _EXTENSIONS)
                 and below(os.path.join(root, places.annotations), ('.xml',))), None)


def labelled_images(tree):
    """(paths in the folder of images of those that have an annotation or a mask, of those that have neither), by name."""
    folder = os.path.join(tree.root, tree.places.images)
    names = [os.path.relpath(path, folder).replace(os.sep, '/') for path in below(folder, _EXTENSIONS)]
    found = [name for name in names if _has_labels(tree, os.path.splitext(name)[0])]
    return found, sorted(set(names) - set(found))


def _has_labels(tree, stem):
    own = _EXTENSIONS if tree.places.annotations == tree.places.images else ()
    return any(ending.lower() not in own for ending in tree.endings(tree.places.annotations, stem)) or bool(tree.endings(tree.places.masks, stem))


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
    ids = text_files.lines(path, 'The list')
    if not ids:
        raise UserError('The list %s is empty.' % path)
    return ids


def paths_of(files):
    """All paths of a list of Files, those that it has."""
    return [path for item in files for path in (item.image, item.annotation, item.mask) if path]


def files_of(tree, image_ids, named_in):
    """The Files of images of a Tree, in their order. One that cannot be used carries the fault, which `make_example` raises."""
    files = []
    for image_id in image_ids:
        try:
            files.append(find_files(tree, image_id, named_in))
        except UserError as error:
            files.append(Files(image_id, None, None, None, str(error)))
    return files


def find_files(tree, image_id, named_in):
    """The Files of an image in a Tree; `named_in` is the list that names it."""
    if os.path.isabs(image_id) or '..' in image_id.split('/'):
        raise UserError('%s lists %s: a list has paths within %s.' % (named_in, image_id, tree.places.images))
    stem, extension = _image_name(tree, image_id, named_in)
    places, root = tree.places, tree.root
    image = os.path.join(root, places.images, stem + extension)
    files = Files(stem + extension, image, tree.label(places.annotations, stem, '.xml'), tree.label(places.masks, stem, '.png'), '')
    if not (files.annotation or files.mask):
        others = os.path.join(root, places.annotations, stem + '.xml'), os.path.join(root, places.masks, stem + '.png')
        raise UserError('%s has neither boxes (%s) nor a mask (%s): take it out of %s.' % ((image,) + others + (named_in,)))
    return files


def _image_name(tree, image_id, named_in):
    """(stem, extension) of the one image that an id means, which may hold the extension."""
    stem, extension = os.path.splitext(image_id)
    if extension.lower() not in _EXTENSIONS:
        stem, extension = image_id, ''
    found = [ending for ending in tree.endings(tree.places.images, stem) if ending.lower() in _EXTENSIONS]
    if extension in found:
        return stem, extension
    if not found:
        raise UserError('%s lists %s, but there is no %s (nor .jpeg, .png).'
                        % (named_in, image_id, os.path.join(tree.root, tree.places.images, stem + '.jpg')))
    if len(found) > 1:
        raise UserError('%s lists %s, which may be %s: write the one that is meant.'
                        % (named_in, image_id, ' or '.join(stem + ending for ending in found)))
    return stem, found[0]


def make_example(files, class_names, mask_numbers=None):
    """(Example, notes) of the Files of one image; notes is a Counter of what was mended.

    mask_numbers: the classes that the values 1, 2, ... of the mask stand for; None where they are the numbers of `class_names`.
    """
    if files.fault:
        raise UserError(files.fault)
    image, height, width = standard_image(read_bytes(files.image), files.image)
    labels, notes = {}, collections.Counter()
    if files.annotation:
        boxes = read_annotation(files.annotation, class_names, height, width)
        notes = boxes.notes
        labels = dict(boxes=boxes.boxes, labels=boxes.labels, difficult=boxes.difficult, crowd=(0,) * len(boxes.labels))
    mask = b''
    if files.mask:
        count = len(class_names if mask_numbers is None else mask_numbers)
        mask = encode_png(_renumbered(check_mask(_read_mask(files.mask), files.mask, count, height, width), mask_numbers))
    example = Example(image=image, height=height, width=width, filename=files.name, mask=mask,
                      has_boxes=bool(files.annotation), **labels)
    return example, notes


def _renumbered(mask, numbers):
    """A mask whose values 1, 2, ... are `numbers`; None leaves them."""
    if numbers is None:
        return mask
    table = np.full(256, IGNORE_LABEL, np.uint8)
    table[:len(numbers) + 1] = [0] + list(numbers)
    return table[mask]


def _read_mask(path):
    """Class of each pixel, of an indexed or grey PNG, or of SBD's MATLAB file."""
    if path.endswith('.mat'):
        return sbd.read_mask(path)
    return decode_mask(read_bytes(path), path)
