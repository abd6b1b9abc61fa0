"""The pipeline's contract: keys, shapes, every image once, shares, orders; and what becomes of odd images and labels."""
import dataclasses
import re

import numpy as np
import pytest

from blitznet_estimator.batch import BACKGROUND, EVAL, PREDICT, TRAIN, UNUSED, batch_spec
from blitznet_estimator.runtime import tf
from input_fn.datasets.formats import PREPARED
from input_fn.pipeline import make_input_fn
from input_fn.targets import pad_or_trim
from tests.input_fn.drawn_records import evaluate, example, numbered, run, tiny_config, write_source

SIDE = 128
GREY = np.full([40, 40, 3], 200, np.uint8)
ONES = np.ones([40, 40], np.uint8)
# Pipelines without anchors are built in half the time.
UNMATCHED = dict(detect=False)


def numbers(batches):
    """Which of the `numbered` images the batches hold, padding left out; batches of (features, labels) or features."""
    images = [features['image'] for features in (batch[0] if isinstance(batch, tuple) else batch for batch in batches)]
    red = np.rint(np.concatenate(images)[:, 0, 0, 0] * 255).astype(int)
    return (red[red > 0] // 10).tolist()


def source_of(folder, count, shards=1):
    """A Source of images numbered from 1, spread over files."""
    records = numbered(count + 1)[1:]
    share = -(-count // shards)
    return write_source(folder, [records[i:i + share] for i in range(0, count, share)])


@pytest.mark.parametrize('mode', [TRAIN, EVAL, PREDICT])
def test_batches_are_as_the_spec_says(tmp_path, mode):
    config = tiny_config()
    spec = batch_spec(config, mode)
    with tf.Graph().as_default():
        dataset = make_input_fn(config, source_of(tmp_path, 3), mode)(params={})
        types, shapes = tf.data.get_output_types(dataset), tf.data.get_output_shapes(dataset)
        elements = run(lambda: make_input_fn(config, source_of(tmp_path, 3), mode)(), 1)
    parts = [(types, shapes, elements[0], spec.features)]
    if mode != PREDICT:
        parts = zip(types, shapes, elements[0], (spec.features, spec.labels))
    for types, shapes, arrays, expected in parts:
        assert {key: (types[key].name, tuple(shapes[key].as_list())) for key in types} == {
            key: (one.dtype, one.shape) for key, one in expected.items()}
        for key, one in expected.items():
            assert (arrays[key].dtype.name, arrays[key].shape) == (one.dtype, one.shape)
            if mode != TRAIN:  # of three images, which have no masks
                assert (arrays[key][3] == one.padding).all() and (key == 'mask') == (arrays[key][:3] == one.padding).all(), key


def test_workers_that_share_files_make_the_pictures_that_one_makes(tmp_path):
    """Augmented alike: two workers with batches of 2 against one with batches of 4, image by image in turn, at the fourth step."""
    source = source_of(tmp_path, 7)
    config = tiny_config(data=dict(augment=True, batch_size=2), network=UNMATCHED)
    alone, = run(make_input_fn(config.replace(data=dict(batch_size=4)), source, TRAIN, first_batch=3), 1)
    shares = [run(make_input_fn(config, source, TRAIN, (worker, 2), 3), 1)[0] for worker in range(2)]
    for part in range(2):
        for key, expected in alone[part].items():
            together = np.stack([share[part][key] for share in shares], axis=1).reshape(expected.shape)
            np.testing.assert_array_equal(together, expected, key)


@pytest.mark.parametrize('mode, count', [(PREDICT, 1), (PREDICT, 7), (PREDICT, 8), (EVAL, 7)])
def test_evaluation_sees_every_image_once_and_marks_padding(tmp_path, mode, count):
    batches = run(make_input_fn(tiny_config(run=dict(threads=3)), source_of(tmp_path, count, shards=2), mode))
    features = [batch[0] if mode == EVAL else batch for batch in batches]
    assert len(batches) == -(-count // 4)
    assert numbers(batches) == list(range(1, count + 1))
    padding = -count % 4
    assert np.concatenate([part['source_id'] for part in features]).tolist() == list(range(count)) + [-1] * padding
    assert np.concatenate([part['size'] for part in features]).tolist() == [[24, 32]] * count + [[1, 1]] * padding


def test_two_workers_share_the_images(tmp_path):
    config, source = tiny_config(data=dict(augment=False), network=UNMATCHED), source_of(tmp_path, 8, shards=3)
    shares = [numbers(run(make_input_fn(config, source, TRAIN, shard=(worker, 2)), 1)) for worker in range(2)]
    assert sorted(shares[0] + shares[1]) == list(range(1, 9))


@pytest.mark.parametrize('cache, starts, seeds', [('none', (2, 4), True), ('memory', (4,), False), ('disk', (4,), True)])
def test_the_seed_and_the_number_of_a_batch_determine_it(tmp_path, cache, starts, seeds):
    source = source_of(tmp_path, 12, shards=3)

    def batches(count, first_batch=0, seed=0):
        config = tiny_config(data=dict(seed=seed, cache=cache, prepared_dir=str(tmp_path)), run=dict(threads=2), network=UNMATCHED)
        return np.stack([features['image'] for features, _ in run(make_input_fn(config, source, TRAIN, (0, 1), first_batch), count)])
    whole = batches(8)
    for first in starts:  # three batches are an epoch
        np.testing.assert_array_equal(batches(3, first), whole[first:first + 3])
    assert not (seeds and np.array_equal(batches(8, seed=1), whole))


@pytest.mark.parametrize('cache, shard', [('none', (0, 1)), ('none', (1, 2)), ('memory', (0, 1)), ('disk', (0, 1))])
def test_the_records_of_a_batch_are_named(tmp_path, cache, shard):
    """Of an image numbered n, four of which are in a file."""
    source = source_of(tmp_path, 12, shards=3)
    config = tiny_config(data=dict(cache=cache, augment=False, prepared_dir=str(tmp_path)), run=dict(seed=5), network=UNMATCHED)
    input_fn = make_input_fn(config, source, TRAIN, shard, 1)

    def seeded():
        tf.set_random_seed(5)  # as an Estimator does
        return input_fn()
    batches = run(seeded, 6)
    for first, count in ((0, 1), (3, 2)):
        names = [re.search(r'drawn-(\d)\.tfrecord, record (\d)$', name).groups() for name in input_fn.records_of(first, count)]
        assert [4 * int(file) + int(record) + 1 for file, record in names] == numbers(batches[first:first + count])


# Records by name, each of an image 40 x 40 if not otherwise said.
TALL = np.random.RandomState(0).randint(0, 256, (256, 64, 3)).astype(np.uint8)
TALL_MASK = np.random.RandomState(1).randint(0, 4, (256, 64)).astype(np.uint8)
SIDES = np.array([.1, .5, .2, .9, .05, .3, .4, .15, .6, .25, .35])
BOX = [[.2, .2, .8, .8]]
ODD = {
    'tall': example(TALL, [[.25, .5, .75, 1]], [2], TALL_MASK),
    'no objects': example(GREY, mask=ONES * 3),
    'no annotation': example(GREY, mask=ONES, has_boxes=[0]),
    'no mask': example(GREY, BOX, [0]),
    'one pixel': example(GREY[:1, :1], [[0, 0, 1, 1]], [0], ONES[:1, :1]),
    'crowd': example(GREY, [[.1, .1, .4, .4], [.2, .2, .9, .9], [.5, .5, .8, .8]], [0, 1, 2], objects__is_crowd=[0, 1, 0]),
    'outside': example(GREY, [[-.5, .2, .5, 1.5], [.3, .3, .3, .6], [1.2, 1.2, 1.5, 1.5]], [0, 1, 2]),
    'many': example(GREY, np.stack([0 * SIDES, 0 * SIDES, SIDES, SIDES], 1), [0] * 11),
}


@pytest.fixture(scope='module')
def odd_source(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp('odd'), [list(ODD.values())])


@pytest.fixture(scope='module')
def odd(odd_source):
    """{name: what its batch holds} in evaluation."""
    batches = run(make_input_fn(tiny_config(), odd_source, EVAL))
    flat = [{key: value[i] for part in batch for key, value in part.items()} for batch in batches for i in range(4)]
    return dict(zip(ODD, flat))


def test_values_on_tf1s_grid(odd):
    """64 pixels become 128: every other one lies halfway between two. 256 become 128: every other one is left out."""
    found = odd['tall']
    np.testing.assert_allclose(found['image'][:, ::2] * 255, TALL[::2], atol=1e-3)
    np.testing.assert_allclose(found['image'][:, 1:-1:2] * 255, TALL[::2, :-1] / 2. + TALL[::2, 1:] / 2., atol=1e-3)
    np.testing.assert_array_equal(found['mask'], TALL_MASK[::8, ::2])
    np.testing.assert_allclose(found['boxes'], [[.25, .5, .75, 1]] + [[0] * 4] * 7)
    assert found['classes'].tolist() == [3] + [0] * 7
    assert set(np.unique(found['match'])) == {BACKGROUND, 0}


def test_an_image_without_objects_is_background(odd):
    found = odd['no objects']
    assert (found['match'] == BACKGROUND).all() and not found['boxes'].any() and not found['classes'].any()
    assert (found['mask'] == 3).all()


def test_an_image_without_annotations_trains_its_mask_only(odd):
    assert (odd['no annotation']['match'] == UNUSED).all() and (odd['no annotation']['mask'] == 1).all()


def test_an_image_without_a_mask_trains_its_boxes_only(odd):
    assert (odd['no mask']['mask'] == 255).all() and 0 in odd['no mask']['match']


def test_one_pixel(odd):
    np.testing.assert_allclose(odd['one pixel']['image'], 200 / 255, atol=1e-6)
    assert (odd['one pixel']['mask'] == 1).all()


def test_crowds_are_no_boxes_to_learn(odd):
    assert odd['crowd']['classes'].tolist() == [1, 3] + [0] * 6


def test_boxes_are_clipped_to_the_image_and_empty_ones_left_out(odd):
    np.testing.assert_allclose(odd['outside']['boxes'][:2], [[0, .2, .5, 1], [0, 0, 0, 0]])
    assert odd['outside']['classes'].tolist() == [1] + [0] * 7


def test_more_boxes_than_places_keeps_the_largest_in_order(odd):
    np.testing.assert_allclose(odd['many']['boxes'][:, 2], np.delete(SIDES, [0, 4, 7]))


def test_training_takes_them_all(odd_source):
    for features, labels in run(make_input_fn(tiny_config(), odd_source, TRAIN), 12):
        assert ((features['image'] >= 0) & (features['image'] <= 1)).all()
        real = labels['classes'] > 0
        sides = (labels['boxes'][..., 2:] - labels['boxes'][..., :2])
        assert (sides[real] >= 2 / SIDE).all() and not labels['boxes'][~real].any()
        assert ((labels['boxes'] >= 0) & (labels['boxes'] <= 1)).all()
        assert (np.diff(real.astype(int)) <= 0).all()  # the padding comes last
        for match, count in zip(labels['match'], real.sum(1)):
            assert set(np.unique(match)) - {BACKGROUND, UNUSED} <= set(range(count))
        assert set(np.unique(labels['mask'])) <= {0, 1, 2, 3, 255}


def test_fit_keeps_order_and_pads():
    boxes = np.arange(24, dtype=np.float32).reshape(1, 6, 4)
    fitted, classes = evaluate(lambda *tensors: pad_or_trim(*tensors, count=4), boxes, np.int32([[1, 2, 3, 4, 5, 6]]),
                               np.array([[False, True, False, True, True, False]]))
    assert classes.tolist() == [[2, 4, 5, 0]]
    np.testing.assert_array_equal(fitted[0], np.concatenate([boxes[0, [1, 3, 4]], np.zeros([1, 4])]))


@pytest.mark.parametrize('network, key, blank', [(dict(segment=False), 'mask', 255), (dict(detect=False), 'match', UNUSED)])
def test_labels_of_a_task_that_is_off(tmp_path, network, key, blank):
    source = write_source(tmp_path, [[example(GREY, BOX, [0], ONES)]])
    _, labels = run(make_input_fn(tiny_config(network=network), source, EVAL), 1)[0]
    assert (labels[key] == blank).all()


def test_raw_pixels_and_encoded_ones_give_the_same_batches(tmp_path):
    random = np.random.RandomState(0)
    pixels, masks = random.randint(0, 256, (3, 30, 50, 3)).astype(np.uint8), random.randint(0, 4, (3, 30, 50)).astype(np.uint8)
    encoded = write_source(tmp_path, [[example(image, BOX, [0], mask) for image, mask in zip(pixels, masks)]])
    (tmp_path / 'raw').mkdir()
    raw = [example(image, BOX, [0], image__=[image.tobytes()], mask__=[mask.tobytes()], has_mask=[1]) for image, mask in zip(pixels, masks)]
    raw = write_source(tmp_path / 'raw', [raw], dataclasses.replace(PREPARED, raw=True))
    batches = [run(make_input_fn(tiny_config(network=UNMATCHED), source, TRAIN), 1)[0] for source in (encoded, raw)]
    for ours, theirs in zip(*batches):
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key])


@pytest.mark.parametrize('changed', [dict(mask=ONES[1:]), dict(height=[41])])
def test_a_record_of_differing_sizes_is_named(tmp_path, changed):
    source = write_source(tmp_path, [[example(GREY)] * 3, [example(GREY), example(GREY, **changed)]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r'(?s)drawn-1\.tfrecord.*record.*1'):
        run(make_input_fn(tiny_config(network=UNMATCHED), source, EVAL))


def test_a_damaged_image_stops_the_run(tmp_path):
    bad = example(GREY, BOX, [0], image__=[b'\x89PNG\r\n\x1a\n and no more'])
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(make_input_fn(tiny_config(), write_source(tmp_path, [[bad]]), PREDICT))
