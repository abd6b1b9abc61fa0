"""Cameras and streams: the newest frame, the end, and the pace of what is written."""
import time

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.video import codecs, live
from blitznet_estimator.video.live import LiveSource
from blitznet_estimator.video.pace import PacedWriter
from tests.blitznet_estimator.video import clips

SOON = 5.  # seconds


def _wait_until(condition):
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(.002)


def test_who_reads_gets_the_newest_frame():
    capture = clips.Capture()
    for number in range(3):
        capture.come(clips.frame(number))
    source = LiveSource('camera0', capture)
    assert (source.height, source.width, source.rate, source.is_live) == (48, 64, 25., True)
    _wait_until(lambda: source.read == 3)
    frames = iter(source)
    assert clips.level(next(frames).pixels) == 2
    for number in range(3, 7):
        capture.come(clips.frame(number))
    _wait_until(lambda: source.read == 7)
    newest = next(frames)
    assert (newest.number, clips.level(newest.pixels)) == (6, 6) and newest.seconds > 0
    capture.end()
    assert list(frames) == []
    source.close()
    assert capture.is_released


def test_a_source_that_breaks_off_is_opened_anew_until_it_stays_away(monkeypatch, caplog):
    monkeypatch.setattr(live, 'PAUSE', .01)
    first, second = clips.Capture(), clips.Capture()
    opened = [None, second]  # it is not there at once
    first.come(clips.frame(0))
    source = LiveSource('rtsp://cam/1', first, lambda: opened.pop(0) if opened else None)
    frames = iter(source)
    assert clips.level(next(frames).pixels) == 0
    first.end()
    second.come(clips.frame(5))
    newest = next(frames)
    assert (newest.number, clips.level(newest.pixels)) == (1, 5) and first.is_released and not source.problem
    assert 'rtsp://cam/1 gives no frame: it is opened anew, for at most 60 s.' in caplog.text
    monkeypatch.setattr(live, 'LONGEST_OUTAGE', .05)
    second.end()
    assert list(frames) == [] and source.problem == 'rtsp://cam/1 gives no frame any more: it has ended, or the connection to it is lost.'
    source.close()
    assert second.is_released


def test_closing_does_not_wait_for_a_source_that_is_away():
    capture = clips.Capture()
    capture.come(clips.frame(0))
    source = LiveSource('camera0', capture, lambda: None)
    capture.end()
    _wait_until(lambda: capture.is_released)  # and opened anew from then on
    begin = time.monotonic()
    source.close()
    assert time.monotonic() - begin < live.PAUSE and not source._thread.is_alive() and not source.problem


def test_frames_of_another_size_end_a_source():
    capture = clips.Capture()
    for width in (64, 80):
        capture.come(clips.frame(0, 48, width))
    source = LiveSource('camera0', capture, lambda: None)
    assert len(list(source)) == 1 and source.problem == 'camera0: the frames from number 1 on have another size, and are left out.'


def test_a_source_without_a_frame_or_a_rate():
    capture = clips.Capture(rate=0.)
    capture.end()
    with pytest.raises(UserError, match='camera0 gives no frame'):
        LiveSource('camera0', capture)
    capture = clips.Capture(rate=0.)
    capture.come(clips.frame(0))
    capture.end()
    assert LiveSource('camera0', capture).rate is None


@pytest.mark.parametrize('word, said', [('97', 'There is no camera 97'), ('rtsp://u:secret@127.0.0.1:1/x', '^rtsp://127.0.0.1:1/x gives no video')])
def test_what_is_not_there(word, said):
    with pytest.raises(UserError, match=said):
        live.open_live(word)


def _paced(path, times, fastest):
    writer = PacedWriter(str(path), codecs.LOSSLESS, fastest, 48, 64)
    for number, seconds in enumerate(times):
        writer.write(clips.frame(number % 20), seconds)
    writer.close()
    return clips.read(path)


def test_a_live_video_lasts_as_long_as_its_source(tmp_path):
    times = [0.] + [1. + .1 * number for number in range(29)]  # the model starts with the first
    frames, rate = _paced(tmp_path / 'a.mkv', times, 25.)
    assert rate == pytest.approx(10., abs=.01) and abs(len(frames) / rate - times[-1]) <= .7
    assert clips.level(frames[-1]) == 29 % 20


def test_a_live_video_is_no_faster_than_its_source_and_a_short_one_is_whole(tmp_path):
    frames, rate = _paced(tmp_path / 'a.mkv', [.01 * number for number in range(50)], 25.)
    assert rate == 25. and len(frames) == 13
    frames, _ = _paced(tmp_path / 'b.mkv', [0., .5], None)
    assert [clips.level(pixels) for pixels in frames][-1] == 1
