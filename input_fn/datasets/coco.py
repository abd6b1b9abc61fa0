"""COCO 2014 and 2017 from the official archives or their trees, and, as dataset `coco`, any directory with COCO's instance files.

The official splits have BlitzNet's class order: VOC's twenty first, then the other sixty alphabetically.
The directory of the dataset `coco` has annotations/instances_<split>.json and the images in <split>/, images/<split>/ or images/.
"""
import collections
import glob
import os
import re

from blitznet_estimator.errors import UserError
from input_fn.datasets import archives, coco_instances, labelled
from input_fn.datasets.folders import holding, read_bytes
from input_fn.datasets.images import standard_image
from input_fn.datasets.plan import Plan, SplitPlan
from input_fn.datasets.prepared import fingerprint, open_plan, prepared_root, unique_name
from input_fn.datasets.source import join, named_for

CLASS_NAMES = (
    'airplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'dining table', 'dog', 'horse', 'motorcycle',
    'person', 'potted plant', 'sheep', 'couch', 'train', 'tv',
    'apple', 'backpack', 'banana', 'baseball bat', 'baseball glove', 'bear', 'bed', 'bench', 'book', 'bowl', 'broccoli', 'cake', 'carrot',
    'cell phone', 'clock', 'cup', 'donut', 'elephant', 'fire hydrant', 'fork', 'frisbee', 'giraffe', 'hair drier', 'handbag', 'hot dog',
    'keyboard', 'kite', 'knife', 'laptop', 'microwave', 'mouse', 'orange', 'oven', 'parking meter', 'pizza', 'refrigerator', 'remote',
    'sandwich', 'scissors', 'sink', 'skateboard', 'skis', 'snowboard', 'spoon', 'sports ball', 'stop sign', 'suitcase', 'surfboard',
    'teddy bear', 'tennis racket', 'tie', 'toaster', 'toilet', 'toothbrush', 'traffic light', 'truck', 'umbrella', 'vase', 'wine glass',
    'zebra')

# What a split is made of: the first of its forms whose files are there, else the last one is downloaded.
# A form: the instance file's name, the images' folder and number, and the split whose images are taken out, if any.
Form = collections.namedtuple('Form', 'instances images count without')
Form.__new__.__defaults__ = (None,)
SPLITS = {
    'coco-train': (Form('train2014', 'train2014', 82783),),
    'coco-minival': (Form('minival2014', 'val2014', 5000), Form('val2017', 'val2017', 5000)),
    'coco-valminusminival': (Form('val2014', 'val2014', 35504, 'coco-minival'), Form('valminusminival2014', 'val2014', 35504)),
    'coco-train2017': (Form('train2017', 'train2017', 118287),),
}
# COCO 2017's training set is the old trainval35k.
MIXTURES = {'coco-trainval35k': (('coco-train', 'coco-valminusminival'), ('coco-train2017',))}
NAMES = ('coco',) + tuple(SPLITS) + tuple(MIXTURES)

_URL = 'http://images.cocodataset.org/'
_URLS = {name: _URL + folder + name for folder, name in (
    ('annotations/', 'annotations_trainval2014.zip'), ('annotations/', 'annotations_trainval2017.zip'),
    ('zips/', 'train2014.zip'), ('zips/', 'val2014.zip'), ('zips/', 'train2017.zip'), ('zips/', 'val2017.zip'))}


def class_names(data_config):
    """COCO's eighty, or the categories of a directory's first instance file, by their ids."""
    if data_config.dataset != 'coco':
        return CLASS_NAMES
    path = sorted(_own_files(data_config).values())[0]
    return coco_instances.class_names(coco_instances.read_instances(path), path)


def split_names(data_config):
    """The official splits, or those of a directory."""
    return tuple(_own_files(data_config)) if data_config.dataset == 'coco' else NAMES[1:]


def default_split(data_config, role):
    """The dataset's own name is the split to train on; evaluation is on minival."""
    if data_config.dataset == 'coco':
        return named_for(role, split_names(data_config))
    return data_config.dataset if role == 'train' else 'coco-minival'


def open_split(data_config, split):
    """The Source of a split or mixture."""
    if data_config.dataset == 'coco':
        return _open(data_config, split, _own_files(data_config)[split], Form(split, split, None), data_config.class_names)
    archives.check_given(data_config)
    choices = MIXTURES.get(split, ((split,),))
    parts = next((parts for parts in choices if all(_local(data_config, part) for part in parts)), choices[-1])
    return join(split, [_official(data_config, part) for part in parts])


def _official(data_config, name):
    path, form = _local(data_config, name) or _fetched(data_config, name)
    return _open(data_config, name, path, form, CLASS_NAMES)


def _local(data_config, name):
    """(instance file, Form) of the split's first form that is there, as a file or in an archive; else None."""
    for form in SPLITS[name]:
        file_name = 'instances_%s.json' % form.instances
        path = _find(data_config, _annotation_archive(form), ('annotations', ''), file_name, {})
        if path and (form.without is None or _local(data_config, form.without)):
            return path, form
    return None


def _fetched(data_config, name):
    """(instance file, Form) of the split's last form, downloaded."""
    form = SPLITS[name][-1]
    file_name = 'instances_%s.json' % form.instances
    path = _find(data_config, _annotation_archive(form), ('annotations', ''), file_name, _URLS)
    if not path:
        raise UserError('%s needs %s in --data_dir=%s, in its folder annotations or as the official archive.'
                        % (name, file_name, data_config.data_dir))
    return path, form


def _annotation_archive(form):
    return 'annotations_trainval%s.zip' % form.instances[-4:]


def _find(data_config, archive, places, content, urls):
    """The path of `content` in one of `places` in --data_dir, else in the extracted `archive`; None if it is nowhere."""
    found = holding([data_config.data_dir, os.path.join(data_config.data_dir, 'coco')], places, content)
    if not found:
        folder = archives.extracted(archive, data_config.data_dir, prepared_root(data_config), urls)
        found = holding([folder] if folder else [], places, content)
    return found and os.path.join(found, content)


def _open(data_config, name, path, form, names):
    key = re.sub(r'\W', '_', name)
    place = unique_name(path, names, data_config.on_bad_record)
    plan = Plan('coco_masks', '%s-%s-%s' % (key, place, fingerprint([path])), tuple(names),
                lambda: {key: _work(data_config, path, form, names)})
    return open_plan(data_config, plan, key)


def _work(data_config, path, form, names):
    """The SplitPlan of a split; reading the instance file takes a minute for the large ones."""
    content = coco_instances.read_instances(path)
    if form.without:
        other = coco_instances.read_instances(_local(data_config, form.without)[0])
        content = coco_instances.content_without(content, coco_instances.image_ids(other))
    if form.count not in (None, len(content['images'])):
        raise UserError('%s lists %d images%s, but the official one %d: get it again.' % (
            path, len(content['images']), ' besides those of ' + form.without if form.without else '', form.count))
    if not content['images']:
        raise UserError('%s lists no image.' % path)
    labels = coco_instances.labels_of(content, names, path)
    folder = _image_folder(data_config, form, path, coco_instances.first_file_name(content, path))
    entries, bad, unknown = coco_instances.entries_of(content, path)
    outlined = coco_instances.has_outlines(content)
    plan = SplitPlan(entries, lambda entry: _make_example(entry, folder, labels, outlined), data_config.on_bad_record)
    _note_strays(plan, bad, [] if form.without else unknown, len(content['annotations']), data_config.on_bad_record)
    return plan


def _image_folder(data_config, form, path, first):
    """The folder of a split's images, with a slash at its end; `first` is the name of one."""
    found = _find(data_config, form.images + '.zip', (form.images, 'images/' + form.images, 'images', ''), first, _URLS)
    if not found:
        raise UserError('%s lists %s, but it is not in %s/%s, nor is the archive %s.zip there.'
                        % (path, first, data_config.data_dir, form.images, form.images))
    return found[:-len(first)]


def _note_strays(plan, bad, unknown, count, on_bad_record):
    """Of `count` instances, those without a usable image id are bad; those of images that are not in the file are left out, unless all are."""
    if bad and on_bad_record == 'error':
        raise UserError(bad[0])
    if count and count == len(bad) + len(unknown):
        raise UserError('No instance is of an image of its file; the first: %s' % (bad + unknown)[0])
    for messages in filter(None, (bad, unknown)):
        plan.notes.add({'instances left out that are of no image of their file; the first: %s' % messages[0].rstrip('.'): len(messages)})


def _make_example(entry, folder, labels, outlined):
    """(Example, notes) of a coco_instances.Entry; `outlined`: the file has outlines, so that there are masks."""
    image = coco_instances.open_entry(entry, folder)
    data, height, width = standard_image(read_bytes(image.path), image.path, upright=False)
    if (image.height or height, image.width or width) != (height, width):
        raise UserError('%s: the image has %d x %d pixels (width x height), but its instance file says %s x %s.'
                        % (image.path, width, height, image.width, image.height))
    objects = coco_instances.objects(image._replace(height=height, width=width), labels, outlined)
    return labelled.make_example(labelled.Picture(data, height, width, image.name), objects, outlined)


def _own_files(data_config):
    """{split: instance file} of a directory."""
    paths = glob.glob(os.path.join(glob.escape(data_config.data_dir), 'annotations', 'instances_*.json'))
    if not paths:
        raise UserError('--data_dir=%s has no annotations/instances_<split>.json, as the dataset coco needs.' % data_config.data_dir)
    return {os.path.basename(path)[len('instances_'):-len('.json')]: path for path in sorted(paths)}
