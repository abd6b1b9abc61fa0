"""The same images, boxes and masks as a VOC tree, as a COCO directory and as both record formats train and evaluate alike.

The images are PNG, their boxes lie on whole pixels, and no pixel is unlabelled and no object difficult, which COCO's files can't say:
nothing is lost in any form. So every batch and all ground truth is equal to the last bit, and with them every loss, figure and detection, which
one whole run shows. What the forms do lose where the data aren't so kind is bounded in the last two tests.
"""
import json
import os
import pathlib

import cv2
import numpy as np
import pytest

import main
from blitznet_estimator.config import DataConfig
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn import ground_truth, make_input_fn, open_dataset
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names
from tests.input_fn.datasets import trees
from tools import prepare_data

HEIGHT, WIDTH, STEPS = 48, 64, 3
COUNTS = {'train': 6, 'val': 3}
FORMS = ('folder', 'coco', 'reference_jpeg', 'ascend_raw')


def drawing(index):
    """(RGB picture, mask, objects [(class from 1, (left, top, right, bottom))]): two coloured rectangles on clouds, the second in front."""
    random = np.random.RandomState(index)
    image, mask = trees.picture(HEIGHT, WIDTH, index), np.zeros((HEIGHT, WIDTH), np.uint8)
    objects = []
    for _ in range(2):
        label, left, top = random.randint(1, 4), random.randint(0, 30), random.randint(0, 20)
        right, bottom = left + random.randint(16, 30), top + random.randint(14, 25)
        image[top:bottom, left:right] = np.eye(3)[label - 1] * 255
        mask[top:bottom, left:right] = label
        objects.append((label, (left, top, right, bottom)))
    return image, mask, objects


def names_of(split):
    """{file name without extension: number of its drawing} of a split."""
    first = 0 if split == 'train' else COUNTS['train']
    return {'%s_%d' % (split, i): first + i for i in range(COUNTS[split])}


def write_voc(root):
    trees.write(root, 'classes.txt', '\n'.join(trees.CLASSES))
    for split in COUNTS:
        trees.write(root, 'ImageSets/Main/%s.txt' % split, '\n'.join(names_of(split)))
        for name, index in names_of(split).items():
            image, mask, objects = drawing(index)
            trees.write(root, 'JPEGImages/%s.png' % name, trees.png(image))
            trees.write(root, 'SegmentationClass/%s.png' % name, trees.indexed_png(mask))
            trees.write(root, 'Annotations/%s.xml' % name, trees.voc_xml(
                *[trees.voc_object(trees.CLASSES[label - 1], *box) for label, box in objects], size=(WIDTH, HEIGHT)))


def write_coco(root):
    for split in COUNTS:
        content = {'categories': [{'id': 10 * i, 'name': name} for i, name in enumerate(trees.CLASSES, 1)], 'images': [], 'annotations': []}
        for name, index in names_of(split).items():
            image, _, objects = drawing(index)
            trees.write(root, '%s/%s.png' % (split, name), trees.png(image))
            content['images'].append({'id': index, 'file_name': name + '.png', 'height': HEIGHT, 'width': WIDTH})
            content['annotations'] += [instance(index, *item) for item in objects]
        trees.write(root, 'annotations/instances_%s.json' % split, json.dumps(content))


def instance(image_id, label, box):
    left, top, right, bottom = box
    return {'image_id': image_id, 'category_id': 10 * label, 'bbox': [left, top, right - left, bottom - top],
            'segmentation': [[left, top, right, top, right, bottom, left, bottom]]}


@pytest.fixture(scope='module', name='root')
def all_forms(tmp_path_factory):
    """A folder with the four forms by name."""
    root = tmp_path_factory.mktemp('forms')
    write_voc(root / 'folder')
    write_coco(root / 'coco')
    for record_format in FORMS[2:]:
        prepare_data.main(['--dataset=folder', '--data_dir=%s' % (root / 'folder'), '--prepared_dir=%s' % (root / 'prepared'),
                           '--format=' + record_format, '--output=%s' % (root / record_format)])
    return root


def data_of(root, form):
    """Fields of the DataConfig of a form."""
    fields = dict(dataset=form, data_dir=str(root / form), prepared_dir=str(root / 'prepared'))
    return fields if form in ('folder', 'coco') else dict(fields, dataset='records', class_names=trees.CLASSES)


def configuration(root, form):
    config = preset_config('tiny', network=dict(image_size=64, x4=False, top_fm=8, n_base_channels=4), train=dict(train_steps=STEPS, lr_decay=()),
                           data=dict(data_of(root, form), batch_size=2, eval_batch_size=2))
    return config.replace(run=dict(model_dir=str(root / 'runs' / form), platform='cpu', threads=1, summary_every=1, progress=False,
                                   max_pictures=0))


def taken(config):
    """[arrays]: the batches of STEPS steps, those of the evaluation and its ground truth, which is all that a run takes from its data."""
    batches = []
    for role, mode, count in (('train', 'train', STEPS), ('eval', 'infer', 2)):
        with tf.Graph().as_default(), tf.Session() as session:
            following = tf.data.make_one_shot_iterator(make_input_fn(config, open_dataset(config.data, role), mode)()).get_next()
            batches += [session.run(following) for _ in range(count)]
    truth = [(one.height, one.width, one.boxes, one.classes, one.difficult, one.mask()) for one in ground_truth(config.data, 'eval')]
    return tf.nest.flatten([batches, truth])


@pytest.fixture(scope='module')
def expected(root):
    """What is taken of the VOC tree."""
    return taken(configuration(root, 'folder'))


@pytest.mark.parametrize('form', FORMS[1:])
def test_batches_and_ground_truth_are_equal(root, expected, form):
    found = taken(configuration(root, form))
    assert len(found) == len(expected) > STEPS * 5
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(one, other)
    assert class_names(configuration(root, form).data) == trees.CLASSES


def outcome(config):
    """(losses of each step, figures, {name: content} of the predictions), of a run of main."""
    figures = main.run(config)
    for name in ('settings', 'split'):  # which name the data
        del figures[name]
    return losses(config.run.model_dir), figures, contents(os.path.join(config.run.model_dir, 'evaluation'))


def losses(model_dir):
    """{(tag, step): value} of the losses that training summarised."""
    paths = [os.path.join(model_dir, name) for name in os.listdir(model_dir) if 'tfevents' in name]
    return {(value.tag, event.step): value.simple_value for path in paths for event in tf.train.summary_iterator(path)
            for value in event.summary.value if value.tag.startswith('loss/')}


def contents(folder):
    """{path in a folder: bytes}, without metrics.json, which names the data beside the figures."""
    paths = [path for path in pathlib.Path(folder).rglob('*') if path.is_file() and path.name != 'metrics.json']
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.slow
@pytest.mark.one_python
def test_losses_metrics_and_predictions_are_equal(root):
    expected_losses, expected_metrics, expected_predictions = outcome(configuration(root, 'folder'))
    assert len({step for _, step in expected_losses}) == STEPS and expected_metrics['mIoU'] > 0
    found_losses, found_metrics, found_predictions = outcome(configuration(root, 'coco'))
    assert found_losses == expected_losses
    assert found_metrics == expected_metrics
    assert found_predictions == expected_predictions and len(json.loads(found_predictions['detections.json'].decode())) > 9


def test_raw_pixels_of_a_jpeg_differ_by_its_decoders(tmp_path):
    """Raw pixels are OpenCV's and JPEG bytes are decoded by TensorFlow: at most one level of 256 apart, here without any resizing."""
    trees.write(tmp_path, 'voc/classes.txt', 'cat')
    trees.write(tmp_path, 'voc/ImageSets/Main/train.txt', 'a')
    noise = np.random.RandomState(0).randint(0, 256, (9, 9, 3)).astype(np.uint8)
    trees.write(tmp_path, 'voc/JPEGImages/a.jpg', trees.jpeg(cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)))
    trees.write(tmp_path, 'voc/Annotations/a.xml', trees.voc_xml(trees.voc_object('cat', 9, 9, 50, 50), size=(64, 64)))
    pictures = []
    for record_format in ('reference_jpeg', 'ascend_raw'):
        output = tmp_path / record_format
        prepare_data.main(['--dataset=folder', '--data_dir=%s' % (tmp_path / 'voc'), '--prepared_dir=%s' % (tmp_path / 'prepared'),
                           '--split=train', '--format=' + record_format, '--output=%s' % output])
        config = configuration(tmp_path, 'folder').replace(network=dict(num_classes=2), data=dict(
            dataset='records', data_dir=str(output), eval_split='train', class_names=('cat',)))
        pictures.append(first_picture(config))
    assert np.abs(pictures[0] - pictures[1]).max() <= 1.01 / 255


def first_picture(config):
    """The image [S, S, 3] that the network sees first."""
    input_fn = make_input_fn(config, open_dataset(config.data, 'eval'), 'infer')
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(tf.data.make_one_shot_iterator(input_fn()).get_next()['image'])[0]


BOXES = (3.3, 5.7, 91. / 3, 21.45), (0., 1e-3, 63.99, 47.123)  # left, top, right, bottom, in pixels


@pytest.mark.parametrize('digits, bound', [(17, 1e-7), (2, .01 / HEIGHT)])
def test_boxes_off_the_pixels_differ_by_rounding(tmp_path, digits, bound):
    """COCO states widths and heights in place of the far edges: they agree to a float32's precision; published files have two digits."""
    trees.write(tmp_path, 'classes.txt', 'cat')
    trees.write(tmp_path, 'ImageSets/Main/train.txt', 'a')
    trees.write(tmp_path, 'JPEGImages/a.png', trees.png(trees.picture(HEIGHT, WIDTH)))
    trees.write(tmp_path, 'Annotations/a.xml', trees.voc_xml(*[trees.voc_object('cat', *box) for box in BOXES], size=(WIDTH, HEIGHT)))
    instances = [instance(1, .1, box) for box in BOXES]
    for item in instances:
        item['bbox'] = [round(number, digits) for number in item['bbox']]
    trees.write(tmp_path, 'annotations/instances_train.json', json.dumps({
        'categories': [{'id': 1, 'name': 'cat'}], 'annotations': instances,
        'images': [{'id': 1, 'file_name': 'JPEGImages/a.png', 'height': HEIGHT, 'width': WIDTH}]}))
    data = dict(data_dir=str(tmp_path), class_names=('cat',), prepared_dir=str(tmp_path / 'prepared'))
    voc, coco = (next(read_samples(open_dataset(DataConfig(dataset=form, **data), 'train'))) for form in ('folder', 'coco'))
    assert len(voc.boxes) == 2 and np.abs(coco.boxes - voc.boxes).max() <= bound
