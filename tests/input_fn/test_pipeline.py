"""The pipeline's contract: keys, shapes, every image once, shares, orders; and what becomes of odd images and labels."""
import dataclasses

import cv2
import numpy as np
import pytest
from drawn_records import example, numbered, run, tiny_config, write_source

from blitznet_estimator.contract import BACKGROUND, UNUSED
from blitznet_estimator.runtime import tf
from input_fn import reading
from input_fn.arranging import fit
from input_fn.datasets.formats import PREPARED, TFDS_VOC
from input_fn.parsing import parse
from input_fn.pipeline import make_input_fn

PLAIN = dict(augment=False)
GREY = np.full([40, 40, 3], 200, np.uint8)
TRAIN, EVAL, PREDICT = 'train', 'eval', 'infer'


def numbers(batches):
    """Which of the `numbered` images the batches hold, padding left out; batches of (features, labels) or features."""
    images = [features['image'] for features in (batch[0] if isinstance(batch, tuple) else batch for batch in batches)]
    red = np.rint(np.concatenate(images)[:, 0, 0, 0] * 255).astype(int)
    return (red[red > 0] // 10).tolist()


def source_of(folder, count, shards=1, first=1):
    """A Source of images numbered from 1, spread over files."""
    records = numbered(count + first)[first:]
    share = -(-count // shards)
    return write_source(folder, [records[i:i + share] for i in range(0, count, share)])


@pytest.mark.parametrize('mode', [TRAIN, EVAL, PREDICT])
def test_keys_shapes_and_types(tmp_path, mode):
    config = tiny_config()
    side, cells, anchors, boxes = 128, 32, config.network.num_anchors, 8
    with tf.Graph().as_default():
        dataset = make_input_fn(config, source_of(tmp_path, 3), mode)(params={})
        types, shapes = tf.data.get_output_types(dataset), tf.data.get_output_shapes(dataset)
    features = {'image': (tf.float32, [4, side, side, 3])}
    if mode != TRAIN:
        features.update(source_id=(tf.int64, [4]), size=(tf.int32, [4, 2]))
    labels = {'match': (tf.int16, [4, anchors]), 'boxes': (tf.float32, [4, boxes, 4]), 'classes': (tf.int32, [4, boxes]),
              'mask': (tf.int32, [4, cells, cells])}
    expected = features if mode == PREDICT else (features, labels)
    for part_types, part_shapes, part in zip(*((parts if isinstance(parts, tuple) else (parts,)) for parts in (types, shapes, expected))):
        assert {key: (part_types[key], part_shapes[key].as_list()) for key in part_types} == part


@pytest.mark.parametrize('count', [1, 4, 7, 8, 9])
@pytest.mark.parametrize('mode', [EVAL, PREDICT])
def test_evaluation_sees_every_image_once_and_marks_padding(tmp_path, count, mode):
    batches = run(make_input_fn(tiny_config(run=dict(threads=3)), source_of(tmp_path, count, shards=2), mode))
    features = [batch[0] if mode == EVAL else batch for batch in batches]
    assert len(batches) == -(-count // 4)
    assert numbers(batches) == list(range(1, count + 1))
    source_id = np.concatenate([part['source_id'] for part in features])
    assert source_id.tolist() == list(range(count)) + [-1] * (-count % 4)
    sizes = np.concatenate([part['size'] for part in features])
    assert sizes.tolist() == [[24, 32]] * count + [[1, 1]] * (-count % 4)
    for _, labels in batches if mode == EVAL else ():
        for key, blank in (('match', UNUSED), ('boxes', 0), ('classes', 0), ('mask', 255)):
            assert (labels[key][count % 4 or 4:] == blank).all() or labels is not batches[-1][1]


def test_evaluation_values(tmp_path):
    """A picture of 256 x 128 halves and doubles exactly where TF1's grid says."""
    pixels = np.random.RandomState(0).randint(0, 256, (256, 64, 3)).astype(np.uint8)
    mask = np.random.RandomState(1).randint(0, 4, (256, 64)).astype(np.uint8)
    source = write_source(tmp_path, [[example(pixels, [[.25, .5, .75, 1]], [2], mask)]])
    features, labels = run(make_input_fn(tiny_config(), source, EVAL))[0]
    np.testing.assert_allclose(features['image'][0, :, ::2] * 255, pixels[::2], atol=1e-3)
    np.testing.assert_allclose(features['image'][0, :, 1:-1:2] * 255, (pixels[::2, :-1] / 2. + pixels[::2, 1:] / 2.), atol=1e-3)
    np.testing.assert_array_equal(labels['mask'][0], mask[::8, ::2])
    np.testing.assert_allclose(labels['boxes'][0], [[.25, .5, .75, 1]] + [[0] * 4] * 7)
    assert labels['classes'][0].tolist() == [3] + [0] * 7
    assert set(np.unique(labels['match'][0])) == {BACKGROUND, 0}


@pytest.mark.parametrize('mode', [TRAIN, PREDICT])
def test_two_workers_share_the_images(tmp_path, mode):
    source = source_of(tmp_path, 8, shards=3)
    shares = []
    for worker in range(2):
        batches = run(make_input_fn(tiny_config(data=PLAIN, network=dict(detect=False)), source, mode, shard=(worker, 2)), 1)
        shares.append(numbers(batches))
    assert sorted(shares[0] + shares[1]) == list(range(1, 9))


def test_the_seed_and_the_start_step_determine_training(tmp_path):
    source = source_of(tmp_path, 12, shards=3)

    def batches(seed=0, start_step=0, shard=(0, 1)):
        config = tiny_config(data=dict(seed=seed), run=dict(threads=2))
        return np.stack([features['image'] for features, _ in run(make_input_fn(config, source, TRAIN, shard, start_step), 3)])
    first = batches()
    np.testing.assert_array_equal(first, batches())
    assert all(not np.array_equal(first, other) for other in (batches(seed=1), batches(start_step=3)))


def test_an_image_without_objects(tmp_path):
    source = write_source(tmp_path, [[example(GREY, mask=np.full([40, 40], 3, np.uint8))]])
    for mode in (TRAIN, EVAL):
        _, labels = run(make_input_fn(tiny_config(), source, mode), 1)[0]
        assert (labels['match'][0] == BACKGROUND).all() and not labels['boxes'].any() and not labels['classes'].any()
        assert 3 in labels['mask'][0] and set(np.unique(labels['mask'][0])) <= {0, 3}


def test_an_image_without_annotations_trains_its_mask_only(tmp_path):
    source = write_source(tmp_path, [[example(GREY, mask=np.ones([40, 40], np.uint8), has_boxes=[0])]])
    for mode in (TRAIN, EVAL):
        _, labels = run(make_input_fn(tiny_config(), source, mode), 1)[0]
        assert (labels['match'][0] == UNUSED).all() and 1 in labels['mask'][0]


def test_an_image_without_a_mask_trains_its_boxes_only(tmp_path):
    source = write_source(tmp_path, [[example(GREY, [[.2, .2, .8, .8]], [0])] * 4])
    for mode in (TRAIN, EVAL):
        for _, labels in run(make_input_fn(tiny_config(), source, mode), 1):
            assert (labels['mask'] == 255).all() and labels['classes'].any()


@pytest.mark.parametrize('network, key, blank', [(dict(segment=False), 'mask', 255), (dict(detect=False), 'match', UNUSED)])
def test_labels_of_a_task_that_is_off(tmp_path, network, key, blank):
    source = write_source(tmp_path, [[example(GREY, [[.2, .2, .8, .8]], [0], np.ones([40, 40], np.uint8))]])
    _, labels = run(make_input_fn(tiny_config(network=network), source, TRAIN), 1)[0]
    assert (labels[key] == blank).all()


def test_crowds_are_no_boxes_to_learn(tmp_path):
    boxes = [[.1, .1, .4, .4], [.2, .2, .9, .9], [.5, .5, .8, .8]]
    record = example(GREY, boxes, [0, 1, 2], objects__is_crowd=[0, 1, 0])
    _, labels = run(make_input_fn(tiny_config(), write_source(tmp_path, [[record]]), EVAL))[0]
    assert labels['classes'][0].tolist() == [1, 3] + [0] * 6


def test_boxes_are_clipped_to_the_image_and_empty_ones_left_out(tmp_path):
    record = example(GREY, [[-.5, .2, .5, 1.5], [.3, .3, .3, .6], [1.2, 1.2, 1.5, 1.5]], [0, 1, 2])
    _, labels = run(make_input_fn(tiny_config(), write_source(tmp_path, [[record]]), EVAL))[0]
    np.testing.assert_allclose(labels['boxes'][0, :2], [[0, .2, .5, 1], [0, 0, 0, 0]])
    assert labels['classes'][0].tolist() == [1] + [0] * 7


def test_more_boxes_than_places_keeps_the_largest_in_order(tmp_path):
    sides = np.array([.1, .5, .2, .9, .05, .3, .4, .15, .6, .25, .35])
    boxes = np.stack([0 * sides, 0 * sides, sides, sides], 1)
    record = example(GREY, boxes, [0] * 11)
    config = tiny_config(data=dict(max_boxes=5))
    _, labels = run(make_input_fn(config, write_source(tmp_path, [[record]]), EVAL))[0]
    np.testing.assert_allclose(labels['boxes'][0, :, 2], [.5, .9, .4, .6, .35])
    run(make_input_fn(config, write_source(tmp_path, [[record]]), TRAIN), 3)


def test_fit_keeps_order_and_pads():
    boxes = np.arange(24, dtype=np.float32).reshape(1, 6, 4)
    with tf.Graph().as_default(), tf.Session() as session:
        fitted, classes = session.run(fit(boxes, np.int32([[1, 2, 3, 4, 5, 6]]), np.array([[False, True, False, True, True, False]]), 4))
    assert classes.tolist() == [[2, 4, 5, 0]]
    np.testing.assert_array_equal(fitted[0], np.concatenate([boxes[0, [1, 3, 4]], np.zeros([1, 4])]))


def test_one_pixel(tmp_path):
    source = write_source(tmp_path, [[example(np.full([1, 1, 3], 200, np.uint8), [[0, 0, 1, 1]], [0], np.ones([1, 1], np.uint8))]])
    features, labels = run(make_input_fn(tiny_config(), source, EVAL))[0]
    np.testing.assert_allclose(features['image'][0], 200 / 255, atol=1e-6)
    assert (labels['mask'][0] == 1).all()
    run(make_input_fn(tiny_config(), source, TRAIN), 5)


def test_raw_pixels_and_encoded_ones_give_the_same_batches(tmp_path):
    random = np.random.RandomState(0)
    pixels, masks = random.randint(0, 256, (3, 30, 50, 3)).astype(np.uint8), random.randint(0, 4, (3, 30, 50)).astype(np.uint8)
    boxes = [[.2, .2, .8, .8]]
    encoded = write_source(tmp_path, [[example(image, boxes, [0], mask) for image, mask in zip(pixels, masks)]])
    (tmp_path / 'raw').mkdir()
    raw = write_source(tmp_path / 'raw', [[example(image, boxes, [0], image__=[image.tobytes()], mask__=[mask.tobytes()], has_mask=[1])
                                          for image, mask in zip(pixels, masks)]], dataclasses.replace(PREPARED, raw=True))
    for mode in (TRAIN, EVAL):
        for ours, theirs in zip(run(make_input_fn(tiny_config(), encoded, mode), 1), run(make_input_fn(tiny_config(), raw, mode), 1)):
            for i in (0, 1):
                for key in ours[i]:
                    np.testing.assert_array_equal(ours[i][key], theirs[i][key])


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_formats_without_sizes_read_them_from_the_image(tmp_path, suffix):
    data = cv2.imencode(suffix, np.full([30, 50, 3], 128, np.uint8))[1].tobytes()
    record = example(np.zeros([1, 1, 3], np.uint8), [[.2, .2, .8, .8]], [0], image__=[data], height=None, width=None)
    features, _ = run(make_input_fn(tiny_config(), write_source(tmp_path, [[record]], TFDS_VOC), EVAL))[0]
    assert features['size'][0].tolist() == [30, 50]
    run(make_input_fn(tiny_config(), write_source(tmp_path, [[record]], TFDS_VOC), TRAIN), 2)


MALFORMED = {
    'no image': dict(image__=None), 'empty image': dict(image__=[b'']), 'labels': dict(labels=[0, 1]), 'class': dict(labels=[3]),
    'negative class': dict(labels=[-1]), 'nan': dict(boxes=[[.1, .1, float('nan'), .5]]),
    'odd coordinates': dict(objects__bbox=[.1, .1, .5])}


@pytest.mark.parametrize('name', sorted(MALFORMED))
def test_a_malformed_record_is_named(tmp_path, name):
    good = example(GREY, [[.2, .2, .8, .8]], [0])
    bad = example(GREY, **dict(dict(boxes=[[.2, .2, .8, .8]], labels=[0]), **MALFORMED[name]))
    source = write_source(tmp_path, [[good] * 3, [good, bad]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r'(?s)drawn-1\.tfrecord.*record.*1'):
        run(lambda: reading.read_in_order(source).map(lambda item: parse(item, source.format, source.num_classes)))


@pytest.mark.parametrize('changed', [dict(mask=np.ones([39, 40], np.uint8)), dict(height=[41])])
def test_a_record_of_differing_sizes_is_named(tmp_path, changed):
    source = write_source(tmp_path, [[example(GREY)] * 3, [example(GREY), example(GREY, **changed)]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r'(?s)drawn-1\.tfrecord.*record.*1'):
        run(make_input_fn(tiny_config(network=dict(detect=False)), source, EVAL))


def test_a_damaged_image_stops_the_run(tmp_path):
    bad = example(GREY, [[.2, .2, .8, .8]], [0], image__=[b'\x89PNG\r\n\x1a\n and no more'])
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(make_input_fn(tiny_config(), write_source(tmp_path, [[bad]]), EVAL))
