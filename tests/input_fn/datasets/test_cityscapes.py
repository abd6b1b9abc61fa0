"""The dataset `cityscapes`: its classes, boxes and masks, beside the public package where that is installed."""
import json
import os

import cv2
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets.cityscapes import IDS, WITH_INSTANCES
from input_fn.datasets.registry import class_names
from tests.input_fn.datasets import trees

HEIGHT, WIDTH = 40, 60
NAME = 'train/aachen/aachen_000000_000019'
# (label, polygon), painted in this order: a road, sky, two cars of which one covers the other, a group of persons in two parts, a caravan
POLYGONS = (
    ('road', [(0, 20), (59, 20), (59, 39), (0, 39)]), ('sky', [(0, 0), (59, 0), (59, 9), (0, 9)]),
    ('car', [(5, 15), (25, 15), (25, 25), (5, 25)]), ('car', [(20, 18), (35, 18), (35, 30), (20, 30)]),
    ('persongroup', [(40, 12), (44, 12), (44, 22), (40, 22)]), ('persongroup', [(50, 12), (54, 12), (54, 22), (50, 22)]),
    ('caravan', [(2, 32), (8, 32), (8, 36), (2, 36)]), ('bicycle', [(45, 30), (55, 30), (50, 36)]))


def write(root, name, labels, instances):
    trees.write(root, 'leftImg8bit/%s_leftImg8bit.png' % name, trees.png(trees.picture(HEIGHT, WIDTH)))
    trees.write(root, 'gtFine/%s_gtFine_labelIds.png' % name, trees.png(labels.astype(np.uint8)))
    if instances is not None:
        trees.write(root, 'gtFine/%s_gtFine_instanceIds.png' % name, trees.png(instances.astype(np.uint16)))


def drawn():
    """(labelIds, instanceIds): sky above a road; two cars; a group of bicycles in two parts; a trailer, which is not trained on."""
    labels = np.full((HEIGHT, WIDTH), 7)
    labels[:15], labels[36:] = 23, 30
    labels[20:30, 10:20] = labels[20:30, 25:35] = 26
    labels[0:3, 50:], labels[10:14, 0:4] = 33, 33
    instances = labels.copy()
    instances[20:30, 10:20], instances[20:30, 25:35], instances[36:] = 26000, 26001, 30
    return labels, instances


@pytest.fixture(name='config')
def dataset(tmp_path):
    for name in (NAME, 'train/bremen/bremen_000001_000019', 'val/frankfurt/frankfurt_000000_000294'):
        write(tmp_path / 'city', name, *drawn())
    return trees.config_of('datumaro:cityscapes', tmp_path / 'city')


def test_nineteen_classes_and_boxes_of_instances(config):
    first, second = trees.samples(config)
    assert [sample.filename for sample in (first, second)] == [
        'aachen/aachen_000000_000019_leftImg8bit.png', 'bremen/bremen_000001_000019_leftImg8bit.png']
    mask = np.full((HEIGHT, WIDTH), 1)
    mask[:15], mask[36:] = 11, 255
    mask[20:30, 10:20] = mask[20:30, 25:35] = 14
    mask[0:3, 50:], mask[10:14, 0:4] = 19, 19
    assert first.mask().tolist() == mask.tolist()
    found = sorted(zip(first.classes.tolist(), first.crowd.tolist(), (first.boxes * (HEIGHT, WIDTH, HEIGHT, WIDTH)).round(4).tolist()))
    assert found == [(14, False, [20, 10, 30, 20]), (14, False, [20, 25, 30, 35]), (19, True, [0, 50, 3, 60]), (19, True, [10, 0, 14, 4])]
    assert class_names(config)[13] == 'car' and len(class_names(config)) == 19 and len(trees.samples(config, 'eval')) == 1


def test_without_instances_an_image_has_no_boxes(config):
    os.remove(os.path.join(config.data_dir, 'gtFine/%s_gtFine_instanceIds.png' % NAME))
    first, second = trees.samples(config)
    assert not first.has_boxes and first.has_mask and second.has_boxes


def test_what_is_missing_is_named(config, tmp_path):
    write(tmp_path / 'city', NAME, np.zeros((3, 4)), None)
    with pytest.raises(UserError, match='aachen_000000_000019_gtFine_labelIds.png: it has 4 x 3 pixels .*, but the image has 60 x 40'):
        trees.samples(config)
    os.remove(os.path.join(config.data_dir, 'gtFine/%s_gtFine_labelIds.png' % NAME))
    with pytest.raises(UserError, match='labelIds.png cannot be read: No such file'):
        trees.samples(config)
    with pytest.raises(UserError, match='is not Cityscapes: it needs the folders leftImg8bit/<split> and gtFine/<split>'):
        trees.samples_of(config.dataset, tmp_path / 'city-prepared')


def test_the_public_package_says_the_same(config, tmp_path):
    """labelIds, instanceIds and trainIds as the package paints them of polygons."""
    package = pytest.importorskip('cityscapesscripts.helpers.labels', reason='cityscapesscripts is not installed: pip install cityscapesscripts')
    from cityscapesscripts.preparation.json2instanceImg import json2instanceImg
    from cityscapesscripts.preparation.json2labelImg import json2labelImg
    trained = sorted((label for label in package.labels if label.trainId not in (-1, 255)), key=lambda label: label.trainId)
    assert [(label.name, label.id) for label in trained] == list(IDS.items())
    assert {label.name for label in trained if label.hasInstances} == set(WITH_INSTANCES)
    described = trees.write(tmp_path, 'polygons.json', json.dumps({'imgHeight': HEIGHT, 'imgWidth': WIDTH, 'objects': [
        {'label': label, 'polygon': polygon} for label, polygon in POLYGONS]}))
    stem = os.path.join(config.data_dir, 'gtFine', NAME + '_gtFine_')
    json2labelImg(described, stem + 'labelIds.png', 'ids')
    json2labelImg(described, str(tmp_path / 'trainIds.png'), 'trainIds')
    json2instanceImg(described, stem + 'instanceIds.png', 'ids')
    wanted, ids = cv2.imread(str(tmp_path / 'trainIds.png'), cv2.IMREAD_UNCHANGED), cv2.imread(stem + 'instanceIds.png', cv2.IMREAD_UNCHANGED)
    sample = trees.samples(config)[0]
    assert sample.mask().tolist() == np.where(wanted == 255, 255, wanted.astype(int) + 1).tolist()
    boxes = {(package.id2label[number // 1000].trainId + 1, rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
             for number in np.unique(ids[ids >= 1000]) for rows, columns in [np.where(ids == number)]
             if package.id2label[number // 1000].name in WITH_INSTANCES}
    edges = (sample.boxes * (HEIGHT, WIDTH, HEIGHT, WIDTH)).round().astype(int)
    found = [(cls,) + tuple(box) for cls, box, crowd in zip(sample.classes.tolist(), edges.tolist(), sample.crowd) if not crowd]
    assert set(found) == boxes and len(found) == len(boxes) == 3 and sample.crowd.sum() == 2
