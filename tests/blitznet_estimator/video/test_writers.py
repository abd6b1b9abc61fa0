"""Videos that are written: size and rate stay, odd sides are padded, and what cannot be written is an error."""
import importlib.util

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.video import codecs, writers
from tests.blitznet_estimator.video import clips

HAS_FFMPEG = pytest.mark.skipif(importlib.util.find_spec(codecs.FFMPEG) is None, reason='needs imageio-ffmpeg')


def _written(path, codec, rate=25., height=48, width=64):
    writer = writers.VideoWriter(str(path), codec, rate, height, width)
    for number in range(10):
        writer.write(clips.frame(number, height, width))
    writer.close()
    return clips.read(path)


@pytest.mark.parametrize('name', ['vp8', 'mp4v', pytest.param('h264', marks=HAS_FFMPEG)])
@pytest.mark.parametrize('rate', [30000 / 1001, 12.5])
def test_size_rate_and_frames_stay(name, rate, tmp_path, capfd):
    codec = codecs.CODECS[name]
    frames, written = _written(tmp_path / ('a' + codec.ending), codec, rate)
    assert len(frames) == 10 and written == pytest.approx(rate, abs=1e-3) and frames[0].shape == (48, 64, 3)
    assert [clips.level(pixels) for pixels in frames] == list(range(10))
    assert not capfd.readouterr().err


@pytest.mark.parametrize('codec', [codecs.CODECS['vp8'], codecs.LOSSLESS])
def test_odd_sides_are_padded(codec, tmp_path):
    frames, _ = _written(tmp_path / ('a' + codec.ending), codec, height=47, width=63)
    assert frames[0].shape == (48, 64, 3) and abs(int(frames[5][47, 63, 0]) - 50) < 8


def test_masks_are_read_as_they_were_written(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (48, 64, 3)).astype(np.uint8)
    writer = writers.VideoWriter(str(tmp_path / 'a.mkv'), codecs.LOSSLESS, 25., 48, 64)
    writer.write(pixels)
    writer.close()
    np.testing.assert_array_equal(clips.read(tmp_path / 'a.mkv')[0], [pixels])


def test_a_writer_that_does_not_open_is_an_error(tmp_path):
    with pytest.raises(UserError, match='a.webm cannot be written: check the folder'):
        writers.VideoWriter(str(tmp_path / 'none' / 'a.webm'), codecs.CODECS['vp8'], 25., 48, 64)


def test_frames_that_are_not_in_the_file_are_an_error(tmp_path):
    """As where the disk is full, which OpenCV does not tell."""
    path = tmp_path / 'a.webm'
    writer = writers.VideoWriter(str(path), codecs.CODECS['vp8'], 25., 48, 64)
    for number in range(10):
        writer.write(clips.frame(number))
    writer._file.release()
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match='holds 0 of 10 frames: is the disk full'):
        writer.close()


def test_a_frame_of_another_size_is_refused(tmp_path):
    writer = writers.VideoWriter(str(tmp_path / 'a.webm'), codecs.CODECS['vp8'], 25., 48, 64)
    with pytest.raises(ValueError, match='no frame of a video of .48, 64'):
        writer.write(clips.frame(0, 64, 48))


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(UserError, match='pip install -r requirements-video.txt'):
        codecs.check('h264')
    codecs.check('vp8')


@HAS_FFMPEG
def test_what_ffmpeg_says_is_passed_on(tmp_path):
    with pytest.raises(UserError, match='a.mp4 cannot be written .*No such file'):
        _written(tmp_path / 'none' / 'a.mp4', codecs.CODECS['h264'])
