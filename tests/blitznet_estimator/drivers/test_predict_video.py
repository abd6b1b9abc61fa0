"""Mode predict of videos: what it writes, what it says of damaged ones, and how a signal ends it."""
import json
import os
import signal

import cv2
import numpy as np
import pytest

import main
from blitznet_estimator import Model, files, saved_config
from blitznet_estimator.colors import palette
from blitznet_estimator.drivers import predict_video
from blitznet_estimator.errors import UserError
from blitznet_estimator.stop_request import Stopped
from blitznet_estimator.video import codecs, live, sources, writers
from tests import small_model
from tests.blitznet_estimator.video import clips


@pytest.fixture(name='ctrl_c')
def ctrl_c_is_heard():
    """Python hears of SIGINT, also where the tests run in a shell's background, in which it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope='module', name='model')
def loaded_model(small_run):
    """A Model on the CPU that keeps the best boxes."""
    with Model(small_run, platform='cpu', min_score=.3, batch_size=4) as model:
        yield model


@pytest.fixture(name='clip')
def clip_of_blotches(tmp_path):
    """Path of a video of ten different pictures that the small model finds something in; without loss."""
    path = str(tmp_path / 'clip.mkv')
    writer = writers.VideoWriter(path, codecs.LOSSLESS, 12.5, 64, 96)
    for number in range(10):
        writer.write(small_model.picture(64, 96, number))
    writer.close()
    return path


def _config(small_run, tmp_path, data=None, **run):
    run = dict(dict(mode='predict', platform='cpu', output_dir=str(tmp_path / 'out')), **run)
    return saved_config.read(str(small_run)).replace(run=run, data=data or {})


def _lines(path):
    with open(str(path), encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def _difference(one, other):
    assert one.shape == other.shape
    return float(cv2.absdiff(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY), cv2.cvtColor(other, cv2.COLOR_BGR2GRAY)).mean())


def test_the_files_of_a_video(small_run, model, clip, tmp_path, caplog):
    caplog.set_level('INFO')
    result = predict_video.run(_config(small_run, tmp_path), [clip], model)
    out = tmp_path / 'out'
    assert sorted(os.listdir(str(out))) == ['clip.jsonl', 'clip.webm', 'clip_masks.mkv', 'videos.json']
    pictures, rate = clips.read(out / 'clip.webm')
    masks, mask_rate = clips.read(out / 'clip_masks.mkv')
    lines, originals = _lines(out / 'clip.jsonl'), [small_model.picture(64, 96, number) for number in range(10)]
    assert len(pictures) == len(masks) == len(lines) == 10 and rate == mask_rate == 12.5
    assert [line['frame'] for line in lines] == list(range(10)) and lines[3]['time'] == .24
    for line, mask, picture, original, found in zip(lines, masks, pictures, originals, model(originals)):
        np.testing.assert_allclose([one['score'] for one in line['detections']], found.scores, atol=1e-4)
        assert [one['name'] for one in line['detections']] == found.names
        np.testing.assert_allclose([one['box'] for one in line['detections']], found.boxes, atol=.1)
        assert (mask == palette(256)[found.mask][..., ::-1]).mean() > .99
        assert _difference(picture, found.draw(legend=False, enlarge=False)) < _difference(picture, original) / 3  # VP8 loses a little
    assert sum(len(line['detections']) for line in lines) > 10
    with open(str(out / 'videos.json'), encoding='utf-8') as file:
        assert dict(json.load(file), folder=str(out)) == result
    assert result['videos'] == [{
        'picture': 'clip.webm', 'mask': 'clip_masks.mkv', 'json': 'clip.jsonl', 'file_name': clip, 'width': 96, 'height': 64, 'rate': 12.5,
        'stride': 1, 'frames': 10, 'frames_read': 10, 'seconds': result['videos'][0]['seconds']}]
    assert result['info']['min_scores'] == {'disc': .3, 'box': .3} and not result['skipped']
    assert 'clip.mkv: 10 frames of 96 x 64 at 12.5 per second; ' in caplog.text and ' frames/s)' in caplog.text


def test_a_stride_keeps_the_length(small_run, model, clip, tmp_path):
    config = _config(small_run, tmp_path, video_stride=4, save=('pictures', 'json'), video_codec='mp4v')
    result = predict_video.run(config, [clip], model)
    frames, rate = clips.read(tmp_path / 'out' / 'clip.mp4')
    assert len(frames) == 3 and rate == 12.5 / 4
    assert [line['frame'] for line in _lines(tmp_path / 'out' / 'clip.jsonl')] == [0, 4, 8]
    assert 'mask' not in result['videos'][0] and result['videos'][0]['frames_read'] == 10


def test_bad_videos_are_skipped_and_named(small_run, model, clip, tmp_path, caplog):
    (tmp_path / 'bad.mp4').write_bytes(b'no video')
    with open(clip, 'rb') as file:
        data = file.read()
    cut = tmp_path / 'cut' / 'clip.mkv'
    cut.parent.mkdir()
    cut.write_bytes(data[:len(data) // 2])
    config = _config(small_run, tmp_path, data=dict(on_bad_record='skip'))
    result = predict_video.run(config, [str(tmp_path / 'bad.mp4'), str(cut), clip], model)
    assert [entry['picture'] for entry in result['videos']] == ['clip.webm', 'clip_2.webm']
    count = result['videos'][0]['frames']
    assert 1 < count < 9 and len(clips.read(tmp_path / 'out' / 'clip.webm')[0]) == count
    problems = ['%s is no video' % (tmp_path / 'bad.mp4'), '%s ends after %d of 10 frames' % (cut, count)]
    for problem, skipped in zip(problems, result['skipped']):
        assert skipped['problem'].startswith(problem) and problem in caplog.text


def test_files_are_closed_where_the_model_fails(small_run, clip, tmp_path, monkeypatch):
    class Failing:
        """A model that gives nothing."""

        path, min_scores, class_names = 'model', {}, ('disc', 'box')

        def video(self, source):
            raise UserError('no memory')

    forms, closed = predict_video.FORMS, []
    for name in ('pictures', 'json'):
        close = forms[name].close
        monkeypatch.setattr(forms[name], 'close', lambda form, close=close: closed.append(close(form)))
    with pytest.raises(UserError, match='no memory'):
        predict_video.run(_config(small_run, tmp_path, save=('pictures', 'json')), [clip], Failing())
    assert closed == [{'picture': 'clip.webm'}, {'json': 'clip.jsonl'}] and os.listdir(str(tmp_path / 'out')) == ['videos.json']


def test_a_bad_video_may_be_an_error(small_run, model, tmp_path):
    (tmp_path / 'bad.mp4').write_bytes(b'no video')
    with pytest.raises(UserError, match='is no video'):
        predict_video.run(_config(small_run, tmp_path, data=dict(on_bad_record='error')), [str(tmp_path / 'bad.mp4')], model)


def test_no_video_is_written_over(small_run, model, tmp_path):
    path = clips.write(tmp_path / 'a.webm')
    with pytest.raises(UserError, match='is the folder of .*a.webm, which would be written over'):
        predict_video.run(_config(small_run, tmp_path, output_dir=str(tmp_path)), [path], model)
    mine = clips.write(tmp_path / 'a.mov')
    with pytest.raises(UserError, match='is the folder of .*a.webm, which would be written over'):
        predict_video.run(_config(small_run, tmp_path, output_dir=str(tmp_path)), [mine, path], model)
    assert len(clips.read(path)[0]) == 6 and not [name for name in os.listdir(str(tmp_path)) if name.endswith('.tmp')]


def test_each_video_has_files_of_its_own(small_run, model, tmp_path):
    (tmp_path / 'b').mkdir()
    paths = [clips.write(tmp_path / name) for name in ('a.webm', 'b/a.webm', 'a_2.webm')]
    result = predict_video.run(_config(small_run, tmp_path, save=('json',)), paths, model)
    assert [entry['json'] for entry in result['videos']] == ['a.jsonl', 'a_2.jsonl', 'a_2_2.jsonl']


def test_ctrl_c_completes_the_file(small_run, model, clip, tmp_path, monkeypatch, ctrl_c):
    _signal_at(3, monkeypatch)
    with pytest.raises(Stopped, match='Stopped by Ctrl-C. What was predicted until then is in .*out'):
        predict_video.run(_config(small_run, tmp_path), [clip, clip], model)
    lines = _lines(tmp_path / 'out' / 'clip.jsonl')
    assert 0 < len(lines) < 10 and len(clips.read(tmp_path / 'out' / 'clip.webm')[0]) == len(lines)
    with open(str(tmp_path / 'out' / 'videos.json'), encoding='utf-8') as file:
        assert [entry['frames'] for entry in json.load(file)['videos']] == [len(lines)]


def test_a_live_source_ends_well_by_ctrl_c(small_run, model, tmp_path, monkeypatch, ctrl_c):
    capture = clips.Camera(lambda number: small_model.picture(64, 96, number % 40))
    _signal_at(6, monkeypatch)
    monkeypatch.setattr(live, 'open_live', lambda word: live.LiveSource('camera0', capture))
    result = predict_video.run(_config(small_run, tmp_path), ['0'], model)
    (entry,) = result['videos']
    assert entry['file_name'] == 'camera0' and entry['picture'] == 'camera0.webm' and 0 < entry['frames'] < entry['frames_read']
    assert len(_lines(tmp_path / 'out' / 'camera0.jsonl')) == entry['frames']
    assert clips.read(tmp_path / 'out' / 'camera0.webm')[0]  # how many is a matter of the time that frames took: see test_pace.py
    assert capture.is_released and not result['skipped']


def test_a_live_source_that_ends_by_itself_is_said_and_what_it_showed_is_kept(small_run, model, tmp_path, monkeypatch):
    capture = clips.Capture()
    for number in range(3):
        capture.come(small_model.picture(64, 96, number))
    capture.end()
    monkeypatch.setattr(live, 'open_live', lambda word: live.LiveSource('camera0', capture))
    with pytest.raises(UserError, match='camera0 gives no frame any more'):
        predict_video.run(_config(small_run, tmp_path), ['0'], model)
    with open(str(tmp_path / 'out' / 'videos.json'), encoding='utf-8') as file:
        (entry,) = json.load(file)['videos']
    assert entry['frames_read'] == 3 and len(_lines(tmp_path / 'out' / 'camera0.jsonl')) == entry['frames'] > 0


def _signal_at(count, monkeypatch):
    """Ctrl-C with frame `count` of a video."""
    original, seen = predict_video.Background.submit, []

    def submit(self, *arguments):
        original(self, *arguments)
        seen.append(1)
        if len(seen) == count:
            os.kill(os.getpid(), signal.SIGINT)
    monkeypatch.setattr(predict_video.Background, 'submit', submit)


def test_what_a_killed_run_left_is_swept(small_run, model, clip, tmp_path, monkeypatch):
    with files.unpublished(str(tmp_path / 'out' / 'clip')) as temporary:
        process = int(temporary.rpartition('.tmp')[0].rpartition('.')[2].partition('-')[0])
        gone = temporary.replace('.%d-' % process, '.%d-' % (2 ** 22 + 1))
    os.makedirs(gone)
    monkeypatch.setattr(files, '_swept', set())
    predict_video.run(_config(small_run, tmp_path, save=('json',)), [clip], model)
    assert sorted(os.listdir(str(tmp_path / 'out'))) == ['clip.jsonl', 'videos.json']


def test_the_command(small_run, clip, tmp_path):
    """Main finds out that it is a video, and keeps the boxes that the flags say."""
    result = main.run(_config(small_run, tmp_path, input_paths=(clip,), min_score=.2, classes=('box',), save=('json',)))
    assert {one['name'] for line in _lines(tmp_path / 'out' / 'clip.jsonl') for one in line['detections']} == {'box'}
    assert result['info']['min_scores'] == {'disc': .2, 'box': .2}


def test_frames_of_the_api(model, small_run, clip, tmp_path):
    originals = [small_model.picture(64, 96, number) for number in range(10)]
    found = list(model.video(clip, stride=3, classes=['box']))
    assert [(frame.number, round(frame.seconds, 3)) for frame in found] == [(0, 0.), (3, .24), (6, .48), (9, .72)]
    for frame, expected in zip(found, model(originals[::3], classes=['box'])):
        np.testing.assert_allclose(frame.result.scores, expected.scores, atol=1e-4)
        np.testing.assert_array_equal(frame.result.image, originals[frame.number])
    with Model(small_run, platform='cpu', color='rgb') as rgb:
        np.testing.assert_array_equal(next(rgb.video(clip)).result.image, cv2.cvtColor(originals[0], cv2.COLOR_BGR2RGB))
    with pytest.raises(UserError, match='none.mp4 cannot be read'):
        model.video(tmp_path / 'none.mp4')
    with sources.open_source(clip) as source:
        assert len(list(model.video(source))) == 10
