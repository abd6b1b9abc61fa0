"""Which words of --input are videos, and of which kind."""
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.video import words


@pytest.mark.parametrize('word, is_video, is_live', [
    ('a/street.MP4', True, False), ('https://example.com/a.webm?x=1', True, False), ('0', True, True), ('rtsp://u:p@cam:554/1', True, True),
    ('a/street.jpg', False, False), ('https://example.com/a.jpg', False, False), ('val', False, False), ('photos/', False, False)])
def test_words(word, is_video, is_live):
    assert (words.is_video(word), words.is_live(word)) == (is_video, is_live)


def test_a_folder_or_a_file_comes_before_a_video_or_a_camera(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'frames.mp4').mkdir()
    (tmp_path / '7').write_text('')
    assert not words.is_video('frames.mp4') and not words.is_video('7') and words.is_camera('8')


def test_globs_and_files_each_once(tmp_path):
    paths = [str(tmp_path / name) for name in ('a.mp4', 'b.mp4')]
    for path in paths:
        open(path, 'w').close()
    assert words.find([paths[1], str(tmp_path / '*.mp4')]) == [paths[1], paths[0]]
    assert words.find(['a.jpg', 'photos/']) == []


@pytest.mark.parametrize('given, said', [
    (['a.mp4', 'b.jpg'], 'a video, a.mp4, and images, b.jpg'), (['none/*.mp4'], 'no such video'), (['0', '1'], 'predict it alone')])
def test_what_does_not_go_together(given, said):
    with pytest.raises(UserError, match=said.replace('*', '.')):
        words.find(given)


def test_names_hold_no_password():
    assert words.shown('rtsp://user:secret@cam:554/live') == 'rtsp://cam:554/live'
    assert words.shown('a@b/street.mp4') == 'a@b/street.mp4'


@pytest.mark.parametrize('word, stem', [
    ('x/street.mp4', 'street'), ('0', 'camera0'), ('rtsp://u:p@cam/live/1', '1'), ('rtsp://cam', 'stream'), ('https://h/a%20b.mp4?x', 'a b')])
def test_stems(word, stem):
    assert words.stem_of(word) == stem
