"""Every reader of files and requests from outside, with sound content to damage. Each reads, or raises an error that is one sentence."""
import functools
import os
import tempfile

import cv2
import numpy as np
from absl import flags as absl_flags
from scipy.io import savemat

import flags
from blitznet_estimator import checkpoint_path, checks, config_file, saved_config, text_files, thresholds
from blitznet_estimator.config import DataConfig
from blitznet_estimator.drivers import best_checkpoints, checkpoints, metrics_file, metrics_table
from blitznet_estimator.errors import UserError
from blitznet_estimator.json_files import read_object
from blitznet_estimator.platforms.rank_table import RankDevice, read_rank_table, write_rank_table
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.datasets import chunks, coco_instances, labelme_shapes, prepared, sbd, voc_layout, yolo_labels, yolo_yaml
from input_fn.datasets.formats import PREPARED
from input_fn.datasets.images import decode_image, decode_mask, limit_pixels, standard_image
from input_fn.datasets.names import read_class_file
from input_fn.datasets.plan import Example, SplitPlan
from input_fn.datasets.reader import check_sample, parse_sample
from input_fn.datasets.tfrecord import read_records
from input_fn.datasets.voc_xml import names_in, read_annotation
from tests.input_fn.datasets import trees
from tests.reliability import files_of_models, files_of_runs
from tests.reliability.files_of_runs import NAMES, as_json, bytes_of
from tests.reliability.fuzz import Reader


def _config(path):
    config = saved_config.read(os.path.dirname(path))
    try:
        checks.check_config(config)
    except UserError as error:
        assert '--' in str(error)  # a flag: what stands in the file has the right types, and is refused as flags are


def _best(path):
    for entry in checkpoints.best_index(os.path.dirname(os.path.dirname(path)))['checkpoints']:
        assert isinstance(entry['checkpoint'] + entry.get('weights', ''), str) and isinstance(entry.get('value', 0) + 1, (int, float))


def _metrics(path):
    found = metrics_file.read(os.path.dirname(path))
    assert found is None or isinstance(found, dict)
    metrics_file.evaluated_step(os.path.dirname(path))


def _coco(path):
    content = coco_instances.read_instances(path)
    labels = coco_instances.labels_of(content, coco_instances.class_names(content, path), path)
    entries, _, _ = coco_instances.entries_of(content, path)
    for entry in entries:
        image = coco_instances.open_entry(entry, '')
        if image.height is None or image.width is None or image.height * image.width > 10 ** 6:
            continue  # as its picture says, which is read before
        list(coco_instances.objects(image, labels, outlined=True))


def _labelme(path):
    shapes = labelme_shapes.read(read_object(path), path)
    for shape in shapes:
        labelme_shapes.pixels(shape, 20, 30)
        labelme_shapes.box([shape], 20, 30)


def _picture(path):
    data = bytes_of(path)
    standard_image(data, path)
    decode_image(data, path)


def _record(path):
    """A whole file: what lies between its checksums is damaged."""
    _check_record(bytes_of(path), path)


def _records(path):
    for number, record in enumerate(read_records(path)):
        _check_record(record, '%s, record %d' % (path, number))


def _check_record(record, where):
    sample = parse_sample(record, PREPARED, 0, where)
    check_sample(sample, 3)
    sample.image()
    sample.mask()


def _scores(path):
    thresholds.read(os.path.join(os.path.dirname(path), 'model.ckpt-1'))


def _listing(path):
    checkpoint_path.latest(os.path.dirname(path))
    checkpoint_path.in_folder(os.path.dirname(path))


def _example():
    picture, mask = trees.picture(), np.zeros((20, 30), np.uint8)
    numbers = dict(height=20, width=30, has_boxes=1, has_mask=1)
    feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value])) for name, value in numbers.items()}
    for name, value in dict(image=trees.jpeg(picture), mask=trees.png(mask), filename=b'a.jpg').items():
        feature[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    feature['objects/bbox'] = tf.train.Feature(float_list=tf.train.FloatList(value=[.1, .2, .3, .4]))
    for name in ('label', 'is_difficult', 'is_crowd'):
        feature['objects/' + name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[0]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _tfrecord():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'a.tfrecord')
        with tf.python_io.TFRecordWriter(path) as writer:
            for _ in range(2):
                writer.write(_example())
        return bytes_of(path)


def _mat(packed):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'a.mat')
        mask = np.arange(600).reshape(20, 30).astype(np.uint8)
        savemat(path, {'GTcls': {'Segmentation': mask, 'CategoriesPresent': [20]}}, do_compression=packed)
        return bytes_of(path)


def _chunk():
    with tempfile.TemporaryDirectory() as folder:
        path, example = os.path.join(folder, 'a'), Example(trees.jpeg(trees.picture()), 20, 30, 'a.jpg', mask=b'')
        plan = SplitPlan([0, 1], lambda index: (example, {'note': 2}))
        list(chunks.make(plan, 0, 2, path))
        return bytes_of(path)


def _rank_table():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'ranks.json')
        write_rank_table(path, [RankDevice(rank, 's', rank, '10.0.0.%d' % rank) for rank in range(2)])
        return bytes_of(path)


def _request(path):
    """A body of the REST interface: ApiError is its sentence."""
    from tools.serving import rest
    from tools.serving.errors import ApiError
    from tools.serving.signatures import Signature, Tensor
    inputs = {'image_bytes': Tensor('x:0', np.dtype(object), (None,)), 'count': Tensor('n:0', np.dtype(np.int32), (None, 2))}
    signatures = {'serving_default': Signature({'image_bytes': inputs['image_bytes']}, {}), 'both': Signature(inputs, {})}
    try:
        rest.query(bytes_of(path), signatures)
    except ApiError as error:
        raise UserError(str(error))


def _flags(path):
    """Words of a command line, one per line, as a flag file has them. The flags are as new afterwards."""
    if 'preset' not in absl_flags.FLAGS:
        flags.define_flags()
    words = [line for line in bytes_of(path).decode('utf-8', 'replace').splitlines() if line.strip()]
    absl_flags.FLAGS.unparse_flags()
    try:
        rest = flags.read(['main.py'] + [word for word in words if 'flagfile' not in word and 'watch' not in word])  # which reads, which waits
        flags.refuse_positional(rest[1:])
        flags.make_config()
    finally:
        for name in list(absl_flags.FLAGS):
            absl_flags.FLAGS[name].unparse()


def pictures():
    """{name of a kind: bytes of a picture}"""
    image = trees.picture()
    kinds = {ending: cv2.imencode('.' + ending, image[..., ::-1])[1].tobytes() for ending in ('bmp', 'ppm', 'tiff', 'webp')}
    return dict(kinds, jpg=trees.jpeg(image), exif=trees.jpeg(image, 6), cmyk=trees.CMYK_JPEG, png=trees.png(image),
                indexed=trees.indexed_png(np.zeros((20, 30), np.uint8), 4))


XML = ('<?xml version="1.0" encoding="UTF-8"?>\n' + trees.voc_xml(
    trees.voc_object('cat', 3, 5, 12, 10, '<difficult>1</difficult>'), trees.voc_object('dog', 1.5, 2, 20, 19))).encode('utf-8')
INFO = as_json({'name': 'folder', 'version': '1.1.0', 'splits': [
    {'name': 'train', 'shardLengths': ['20', '3'], 'numBytes': '1000'}, {'name': 'val', 'shardLengths': ['8'], 'numBytes': '100'}]})
LABELME = as_json({'imagePath': 'a.png', 'imageData': None, 'imageHeight': 20, 'imageWidth': 30, 'shapes': [
    {'label': 'cat', 'points': [[3, 4], [7, 4.5], [7, 9]], 'shape_type': 'polygon', 'group_id': 1},
    {'label': 'dog', 'points': [[3, 4], [7, 9]], 'shape_type': 'rectangle', 'group_id': None},
    {'label': 'dog', 'points': [[9, 9], [12, 9]], 'shape_type': 'circle'}]})
ALIASES = b'names: &n [cat, dog]\ntrain: &t [a, b]\nval: *t\nx: [*n, *n, *t]\n'
YAML = b'path: .\ntrain: images/train\nval: [images/val, more.txt]\nnc: 2\nnames:\n  0: cat\n  1: "dog"\n'
COCO = as_json({
    'images': [{'id': 1, 'file_name': 'a.jpg', 'height': 20, 'width': 30}, {'id': 2, 'file_name': 'b.jpg', 'height': 20, 'width': 30}],
    'categories': [{'id': 3, 'name': 'cat'}, {'id': 9, 'name': 'dog'}],
    'annotations': [
        {'id': 1, 'image_id': 1, 'category_id': 3, 'bbox': [3, 4, 9, 8], 'iscrowd': 0, 'segmentation': [[3, 4, 12, 4, 12, 12, 3, 12]]},
        {'id': 2, 'image_id': 2, 'category_id': 9, 'bbox': [0, 0, 5, 5], 'iscrowd': 1, 'segmentation': {'size': [20, 30], 'counts': [10, 90, 500]}},
        {'id': 3, 'image_id': 2, 'category_id': 9, 'bbox': [0, 0, 5, 5], 'iscrowd': 0, 'segmentation': []}]})
ROWS = [dict({name: 'x' for name in metrics_table.FIRST}, global_step=str(step), checkpoint='model.ckpt-%d' % step, mAP_voc12='0.%d' % step, mIoU='')
        for step in (2, 4)]
TABLE = ('\n'.join(','.join(row) for row in [list(ROWS[0])] + [list(row.values()) for row in ROWS]) + '\n').encode('utf-8')
CONFIG = preset_config('blitznet300', train=dict(lr_decay=(5, 9)), data=dict(class_names=NAMES)).to_json().encode('utf-8')


@functools.lru_cache(maxsize=None)
def readers():
    """{what is read: Reader}"""
    limit_pixels(DataConfig().max_pixels)
    found = {
        'configuration of a run': Reader('config.json', [CONFIG], _config),
        'configuration of --config': Reader('mine.yaml', [b'network:\n  top_fm: 64\ntrain: {train_steps: 9, lr_decay: [3, 5]}\n'], config_file.read),
        'table of evaluations': Reader('metrics.csv', [TABLE], lambda path: best_checkpoints.ranked(
            metrics_table.read(os.path.dirname(path)), 'mAP_voc12')),
        'metrics of a run': Reader('metrics.json', [as_json({'global_step': 2, 'mIoU': .5, 'per_class': {'cat': {'IoU': None}}})], _metrics),
        'list of the best checkpoints': Reader('best/best.json', [as_json({'metric': 'mIoU', 'checkpoints': [
            {'checkpoint': 'model.ckpt-2', 'global_step': 2, 'value': .5, 'weights': 'ab'}]})], _best),
        'lowest scores': Reader('min_scores.json', [as_json({'model.ckpt-1': {'cat': .3, 'dog': .5}})], _scores),
        'list of checkpoints': Reader('checkpoint', [b'model_checkpoint_path: "model.ckpt-2"\nall_model_checkpoint_paths: "model.ckpt-1"\n'],
                                      _listing),
        'description of prepared data': Reader('dataset_info.json', [INFO], lambda path: prepared.shard_lengths(os.path.dirname(path))),
        'file of records': Reader('a.tfrecord', [_tfrecord()], _records),
        'record': Reader('a.record', [_example()], _record),
        'annotation of VOC': Reader('a.xml', [XML], lambda path: (read_annotation(path, NAMES, 20, 30), names_in(path))),
        'annotations of COCO': Reader('instances.json', [COCO], _coco),
        'annotation of LabelMe': Reader('a.json', [LABELME], _labelme),
        'labels of YOLO': Reader('a.txt', [b'0 .5 .5 .1 .2\n1 .1 .1 .2 .1 .2 .3\n'],
                                 lambda path: list(yolo_labels.objects(yolo_labels.read(path, 2), 20, 30, True))),
        'data.yaml of YOLO': Reader('data.yaml', [YAML, ALIASES], yolo_yaml.read),
        'list of YOLO': Reader('list.txt', [b'images/a.jpg\n./images/b.jpg\n'], text_files.lines),
        'list of VOC': Reader('train.txt', [b'a\nb\n'], voc_layout.read_list),
        'class file': Reader('classes.txt', [b'cat\ndog\n'], read_class_file),
        'mask of SBD': Reader('a.mat', [_mat(packed) for packed in (False, True)], sbd.read_mask),
        'chunk of a preparation': Reader('000000000', [_chunk()], chunks.read),
        'mask': Reader('mask.png', [trees.png(np.arange(600).reshape(20, 30).astype(np.uint8)),
                                    trees.indexed_png(np.zeros((20, 30), np.uint8), 4)], lambda path: decode_mask(bytes_of(path), path)),
        'rank table': Reader('ranks.json', [_rank_table()], read_rank_table),
        'request to the server': Reader('body.json', [
            as_json({'instances': [{'b64': 'aGVsbG8='}]}), as_json({'signature_name': 'both', 'inputs': {'image_bytes': ['a'], 'count': [[1, 2]]}}),
            as_json({'signature_name': 'both', 'instances': [{'image_bytes': 'a', 'count': [1, 2]}]})], _request, False),
        'flags': Reader('words.txt', [b'--mode=train\n--preset=tiny\n--batch_size=4\n--lr_decay=5,9\n--loss_weights=class=1,bbox=2\n--nox4\n',
                                      b'--mode=export\n--export_formats=onnx\n--quantize=none\n--class_loss=focal\n--scale_jitter=0.5,2\n'],
                        _flags, False)}
    found.update(files_of_models.readers())
    found.update(files_of_runs.readers())
    found.update({'picture: ' + kind: Reader('a.' + kind, [data], _picture) for kind, data in sorted(pictures().items())})
    return found
