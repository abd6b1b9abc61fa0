"""The Python API: what is found, by whom, and in which form; equal to --mode=predict and to the export."""
import os
import pathlib
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from blitznet_estimator import Model, UserError, model_location, saved_config, thresholds
from blitznet_estimator.drivers import export
from blitznet_estimator.drivers.predictions import predict
from blitznet_estimator.engines import registry
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from input_fn import make_image_input_fn
from input_fn import serving as serving_input
from model_fn import model_fn
from model_fn import serving as serving_model
from tests import small_model
from tests.paths import ROOT

SIZES = ((50, 70), (64, 64), (90, 40), (33, 48), (64, 100))


@pytest.fixture(scope='module', name='folder')
def run_folder(small_run):
    """Folder of a run with a checkpoint."""
    return small_run


@pytest.fixture(scope='module', name='pictures')
def picture_paths(tmp_path_factory):
    """Paths of five pictures, as JPEG."""
    folder = tmp_path_factory.mktemp('pictures')
    paths = [str(folder / ('%d.jpg' % number)) for number in range(len(SIZES))]
    for number, (path, (height, width)) in enumerate(zip(paths, SIZES)):
        cv2.imwrite(path, small_model.picture(height, width, number))
    return paths


@pytest.fixture(scope='module', name='model')
def loaded_model(folder):
    """A Model on the CPU that keeps all boxes."""
    with Model(folder, platform='cpu', min_score=0) as model:
        yield model


@pytest.fixture(scope='module', name='predicted')
def predictions_of_predict(folder, pictures):
    """What the network of mode predict gives for the pictures."""
    config = saved_config.read(str(folder)).replace(run=dict(mode='predict', platform='cpu'))
    found = []
    predict(config, get_platform(config), make_image_input_fn(config, pictures), model_fn, str(folder / 'model.ckpt-7'), found.append)
    return found


def check_same(results, predicted):
    """The same boxes in the same order but for rounding, which differs between sizes of batches, and the same mask but for a few pixels."""
    assert len(results) == len(predicted)
    for result, prediction in zip(results, predicted):
        height, width = prediction['size']
        assert (result.height, result.width) == (height, width) and len(result) > 20
        np.testing.assert_allclose(result.scores, prediction['scores'], atol=1e-5)
        expected = prediction['boxes'][:, [1, 0, 3, 2]] * [width, height, width, height]
        assert (np.abs(result.boxes - expected).max(axis=1) < .01).mean() > .9
        assert (result.mask == prediction['segmentation']).mean() > .99


def test_a_model_predicts_whatever_its_run_did_last(folder):
    """So that bfloat16 of another machine is not emulated here (test_precision)."""
    with Model(str(folder)) as model:
        assert model.config.run.mode == 'predict'


def test_it_finds_what_mode_predict_finds(model, pictures, predicted, monkeypatch):
    monkeypatch.setenv('HOME', os.path.dirname(pictures[0]))
    results = model([os.path.join('~', os.path.basename(pictures[0]))] + pictures[1:])
    assert [result.path for result in results] == pictures
    check_same(results, predicted)


def test_arrays_are_bgr_or_rgb_as_is_said(model, folder, pictures, predicted):
    check_same(model([cv2.imread(path) for path in pictures]), predicted)
    with Model(folder, color='rgb', platform='cpu', min_score=0) as rgb:
        image = cv2.imread(pictures[0])[..., ::-1]
        result = rgb(image)
        check_same([result], predicted[:1])
        np.testing.assert_array_equal(result.image, image)
        np.testing.assert_array_equal(result.draw()[..., ::-1], model(pictures[0]).draw())
    grey = np.full((40, 50), 99, np.uint8)
    for same in (grey[..., None], np.dstack([grey] * 3), np.dstack([grey] * 4)):
        np.testing.assert_array_equal(model(same).scores, model(grey).scores)


def test_an_export_finds_the_same(folder, pictures, predicted, tmp_path):
    config = saved_config.read(str(folder)).replace(
        run=dict(mode='export', output_dir=str(tmp_path), export_pictures=0, export_formats=('saved_model', 'frozen')))
    exported = export.run(config, get_platform(config), serving_input, serving_model, None)
    for path in (exported, tmp_path, os.path.join(exported, 'frozen.pb')):
        with Model(path, platform='cpu', min_score=0) as model:
            assert model.path == exported and model.class_names == small_model.CLASSES
            check_same(model(pictures), predicted)


def test_an_export_of_version_0_1_takes_files(folder, pictures, predicted, tmp_path):
    """It has one signature, with masks as an array. Its graph refuses what is too large; that of today is given pixels, of any number."""
    config = saved_config.read(str(folder)).replace(
        run=dict(mode='export', output_dir=str(tmp_path), export_pictures=0, export_max_pixels=6400))
    path = pathlib.Path(export.run(config, get_platform(config), serving_input, serving_model, None))
    with Model(path, platform='cpu') as model:
        assert model(np.zeros((65, 100, 3), np.uint8)).height == 65
    from tensorflow.core.protobuf import saved_model_pb2
    graph = saved_model_pb2.SavedModel.FromString((path / 'saved_model.pb').read_bytes())
    signatures = graph.meta_graphs[0].signature_def
    signatures['serving_default'].CopyFrom(signatures['raw_masks'])
    for name in set(signatures) - {'serving_default'}:
        del signatures[name]
    (path / 'saved_model.pb').write_bytes(graph.SerializeToString())
    with Model(path, platform='cpu', min_score=0) as model:
        check_same(model(pictures), predicted)
        with pytest.raises(UserError, match='cannot take the picture: too many pixels'):
            model(np.zeros((65, 100, 3), np.uint8))


def test_without_a_score_the_best_of_the_evaluation_counts(folder, pictures, model, tmp_path):
    everything = model(pictures[0])
    middle = {name: float(np.median(everything.scores[everything.classes == number])) for number, name in enumerate(small_model.CLASSES, 1)}
    thresholds.keep(str(folder), 'model.ckpt-7', {name: {'best_threshold': score} for name, score in middle.items()})
    try:
        config = saved_config.read(str(folder)).replace(run=dict(mode='export', output_dir=str(tmp_path), export_pictures=0))
        for path in (folder, export.run(config, get_platform(config), serving_input, serving_model, None)):
            with Model(path, platform='cpu') as own:
                result = own(pictures[0])
            for name, lowest in middle.items():
                scores = result.scores[np.array(result.names) == name]
                assert 0 < len(scores) < everything.names.count(name) and scores.min() >= lowest - 1e-6
    finally:
        (folder / thresholds.NAME).unlink()


def test_the_forms_of_a_result(model, pictures, tmp_path):
    everything, image = model(pictures[1]), cv2.imread(pictures[1])
    middle = float(np.median(everything.scores))
    result = model(pictures[1], min_score=middle)
    assert 0 < len(result) < len(everything) and result.scores.min() >= middle
    assert result.names == [small_model.CLASSES[number - 1] for number in result.classes]
    np.testing.assert_array_equal(result.image, image)
    assert result.boxes.dtype == np.float32 and result.mask.shape == (64, 64)
    (x0, y0, x1, y1), row = result.boxes[0], result.to_coco(7)[0]
    assert row['image_id'] == 7 and row['category_id'] == result.classes[0] and row['name'] == result.names[0]
    np.testing.assert_allclose(row['bbox'], [x0, y0, x1 - x0, y1 - y0], atol=1e-3)
    assert result.to_dict()['detections'][0] == {
        'class': int(result.classes[0]), 'name': result.names[0], 'score': float(result.scores[0]), 'box': result.boxes[0].tolist()}
    crop = result.crops()[0]
    np.testing.assert_array_equal(crop, image[int(y0):int(np.ceil(y1)), int(x0):int(np.ceil(x1))])
    result.save(tmp_path / 'drawn.png')
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'drawn.png')), result.draw())
    result.save_mask(tmp_path / 'mask.png')
    assert cv2.imread(str(tmp_path / 'mask.png')).shape == (64, 64, 3)


def test_one_image_gives_one_result_and_a_list_a_list(model, pictures):
    assert model(pictures[0]).path == pictures[0]
    assert [result.path for result in model(tuple(pictures[:2]))] == pictures[:2]
    assert model([]) == []


def test_classes_and_scores_are_chosen(model, folder, pictures):
    everything = model(pictures[0])
    boxes = model(pictures[0], classes=['box'])
    assert set(everything.classes) == {1, 2} and set(boxes.classes) == {2} and len(boxes) == (everything.classes == 2).sum()
    with pytest.raises(UserError, match='no class cat. .*disc, box'):
        model(pictures[0], classes=['cat'])
    with pytest.raises(UserError, match=r'min_score=2 is not in'):
        model(pictures[0], min_score=2)


def test_threads_share_a_model(model, pictures):
    expected, found = model(pictures), {}

    def work(number):
        found[number] = [model(path) for path in pictures]
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results in found.values():
        for result, other in zip(results, expected):
            np.testing.assert_allclose(result.scores, other.scores, atol=1e-5)
    assert len(found) == 4


def test_a_closed_model_says_so(folder, pictures):
    model = Model(folder, platform='cpu')
    with model:
        assert model.class_names == small_model.CLASSES
    model.close()
    with pytest.raises(RuntimeError, match='closed'):
        model(pictures[0])


@pytest.mark.parametrize('wrong, error, said', [
    (7, TypeError, 'not int'), (np.zeros((4, 4, 3)), ValueError, r'not float64 \[4, 4, 3\]'), (np.zeros((4, 4, 2), np.uint8), ValueError, '2'),
    (np.zeros((0, 4, 3), np.uint8), ValueError, '0, 4, 3'), ('none.jpg', UserError, 'none.jpg')])
def test_what_is_no_image_is_refused(model, wrong, error, said):
    with pytest.raises(error, match=said):
        model(wrong)


def test_what_is_no_model_is_refused(folder, tmp_path, monkeypatch):
    with pytest.raises(UserError, match='no such model'):
        Model(tmp_path / 'none' / 'model')
    with pytest.raises(UserError, match=r'no config\.json'):
        Model(tmp_path)
    with pytest.raises(UserError, match='neither bgr nor rgb'):
        Model(folder, color='hsv')
    with pytest.raises(UserError, match='engine=abacus is unknown'):
        Model(folder, engine='abacus')
    monkeypatch.setattr(registry, 'missing', lambda name: [])
    with pytest.raises(UserError, match='has none for it of this checkpoint. This makes one: .* --export_formats=onnx'):
        Model(folder, engine='onnxruntime')
    with pytest.raises(UserError, match='CPU or a GPU'):
        Model(folder, platform='npu')


def test_the_best_checkpoint_is_taken_or_the_one_that_is_named(folder):
    for path in (folder / 'model.ckpt-7', folder / 'model.ckpt-7.index', folder):
        located = model_location.locate(path)
        assert (located.path, located.kind) == (str(folder / 'model.ckpt-7'), model_location.CHECKPOINT)


def test_importing_the_package_loads_no_tensorflow():
    code = 'import sys, blitznet_estimator; assert "Model" in dir(blitznet_estimator); print([n for n in ("tensorflow", "cv2") if n in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == '[]'
    assert tf.__version__  # which the API itself needs


def test_a_stream_takes_a_batch_at_a_time(model, pictures, predicted, monkeypatch):
    monkeypatch.setattr(model, '_batch_size', 2)
    taken = []
    stream = model.stream(taken.append(path) or path for path in pictures)
    results = [next(stream)]
    assert taken == pictures[:2]
    results.extend(stream)
    check_same(results, predicted)
    assert all(0 < result.milliseconds < 60000 for result in results)
