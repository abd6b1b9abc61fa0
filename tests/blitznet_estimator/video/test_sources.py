"""Video files, frame by frame: numbers, times, sizes, rotation, and what is wrong with damaged ones."""
import cv2
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.video.sources import VideoFile, open_source
from tests.blitznet_estimator.video import clips


@pytest.mark.parametrize('kind', sorted(clips.KINDS))
def test_every_kind_of_file_is_read(kind, tmp_path):
    with open_source(clips.write(tmp_path / ('a' + kind), rate=30000 / 1001)) as source:
        assert (source.height, source.width, source.count, source.is_live) == (48, 64, 6, False)
        assert abs(source.rate - 30000 / 1001) < 1e-3
        frames = list(source)
    assert [frame.number for frame in frames] == [clips.level(frame.pixels) for frame in frames] == list(range(6))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(6) / 29.97, atol=1e-3)
    assert source.read == 6 and not source.problem


@pytest.mark.parametrize('rate', [480., 960.])
@pytest.mark.parametrize('kind', ['.mp4', '.mkv', '.avi'])
def test_a_fast_camera_keeps_its_rate(kind, rate, tmp_path):
    with open_source(clips.write(tmp_path / ('a' + kind), rate=rate)) as source:
        assert source.rate == pytest.approx(rate)


def test_a_stride_leaves_frames_out(tmp_path):
    with open_source(clips.write(tmp_path / 'a.mp4', 8), stride=3) as source:
        frames = list(source)
    assert [frame.number for frame in frames] == [clips.level(frame.pixels) for frame in frames] == [0, 3, 6]
    np.testing.assert_allclose([frame.seconds for frame in frames], [0, .12, .24], atol=1e-6)
    assert source.read == 8 and not source.problem


def test_frames_are_turned_as_the_file_says(tmp_path):
    """The matrix of an MP4's track says by how much."""
    path = clips.write(tmp_path / 'a.mp4')
    with open(path, 'rb') as file:
        data = file.read()
    plain, quarter = (b''.join((value << 16).to_bytes(4, 'big', signed=True) for value in values) for values in ((1, 0, 0, 0, 1), (0, 1, 0, -1, 0)))
    start = data.index(plain, data.index(b'tkhd'))
    with open(path, 'wb') as file:
        file.write(data[:start] + quarter + data[start + len(plain):])
    with open_source(path) as source:
        assert (source.height, source.width) == (64, 48)
        pixels = next(iter(source)).pixels
    assert pixels[:32].mean() > 40 and pixels[32:].mean() < 10  # the left half is the upper one now


@pytest.mark.parametrize('kind', ['.webm', '.mkv', '.avi'])
def test_a_file_that_is_cut_says_how_far_it_was_read(kind, tmp_path):
    path = clips.write(tmp_path / ('a' + kind), 20)
    with open(path, 'rb') as file:
        data = file.read()
    with open(path, 'wb') as file:
        file.write(data[:len(data) * 2 // 3])
    with open_source(path) as source:
        count = len(list(source))
    assert 3 < count < 19 and source.problem == '%s ends after %d of 20 frames: it is damaged or not whole.' % (path, count)


def test_a_file_that_cannot_be_opened(tmp_path, capfd):
    path = clips.write(tmp_path / 'a.mp4')  # whose index is at the end
    with open(path, 'rb') as file:
        data = file.read()
    with open(path, 'wb') as file:
        file.write(data[:-200])
    with pytest.raises(UserError, match='a.mp4 cannot be read: it is damaged or not whole'):
        open_source(path)
    assert not capfd.readouterr().err  # OpenCV and FFmpeg say nothing beside


@pytest.mark.parametrize('data', [b'', b'hello world, hello', b'#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n', b'RIFF....WAVEfmt '])
def test_what_does_not_begin_as_a_video_is_not_given_to_a_decoder(data, tmp_path):
    (tmp_path / 'a.mp4').write_bytes(data)
    with pytest.raises(UserError, match='a.mp4 is no video: it begins as none of'):
        VideoFile(str(tmp_path / 'a.mp4'))


def test_damage_is_an_end_or_a_sentence(tmp_path):
    """Whatever is flipped, frames come or a UserError does; OpenCV's own errors, as of frames that are wider than they are long, do not."""
    random, ends = np.random.RandomState(3), set()
    for kind in sorted(clips.KINDS):
        with open(clips.write(tmp_path / ('a' + kind), 12), 'rb') as file:
            data = np.frombuffer(file.read(), np.uint8)
        for _ in range(40):
            damaged, place = data.copy(), random.randint(12, len(data) - 4)
            damaged[place:place + 4] = random.choice([0, 255]) if random.rand() < .5 else random.randint(0, 256, 4)
            (tmp_path / ('b' + kind)).write_bytes(damaged.tobytes())
            try:
                with open_source(str(tmp_path / ('b' + kind))) as source:
                    ends.add('short' if len(list(source)) < 12 else 'whole')
            except UserError:
                ends.add('refused')
    assert ends == {'short', 'whole', 'refused'}


def test_an_error_of_opencv_ends_a_video(tmp_path):
    """A damaged size of a frame may raise one, whichever frame it is."""
    with open_source(clips.write(tmp_path / 'a.mp4', 12)) as source:
        capture = source._capture

        class Damaged:
            def read(self):
                if source.read >= 5:
                    raise cv2.error('_step >= minstep')
                return capture.read()
            get, release = capture.get, capture.release
        source._capture = Damaged()
        assert len(list(source)) == 5 and 'ends after 5 of 12 frames' in source.problem


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match='none.mp4 cannot be read .No such file'):
        VideoFile(str(tmp_path / 'none.mp4'))


def test_large_frames_are_refused(tmp_path):
    with pytest.raises(UserError, match='frames of 64 x 48 pixels, more than --max_pixels=3000'):
        VideoFile(clips.write(tmp_path / 'a.mp4'), max_pixels=3000)
