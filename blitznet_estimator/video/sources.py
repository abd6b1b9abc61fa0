"""Videos that are read frame by frame: files here, cameras and streams in `live.py`. `open_source` chooses."""
import collections
import contextlib
import os

import cv2

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.quiet import hushed
from blitznet_estimator.video import words

os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')  # FFmpeg prints nothing: what is wrong with a video is said here
FASTEST, COMMON = 999., 25.  # frames per second: above the first a file states no rate, but a unit of time; then the second is taken
OTHER_SIZE = '%s: the frames from number %d on have another size, and are left out.'
SLACK = .01  # share of the frames that a file promises and need not have: some formats know their length alone

# number: in the source, from 0. seconds: since its start. pixels: BGR uint8 [H, W, 3], upright.
Frame = collections.namedtuple('Frame', 'number seconds pixels')


def open_source(word, stride=1, max_pixels=DataConfig.max_pixels):
    """A context manager that gives the VideoFile or the LiveSource that a word of --input means.

    Args:
      stride: every which frame of a file is given. max_pixels: of a frame.
    Raises:
      UserError: it cannot be opened.
    """
    if words.is_live(word):
        from blitznet_estimator.video import live
        return contextlib.closing(live.open_live(word))
    return contextlib.closing(VideoFile(word, stride, max_pixels))


class VideoFile:
    """A video file, or one of the web. Iterating gives Frames, once. Memory holds one frame.

    Frames are turned upright as the file's metadata say. Sound is not read.

    Attributes:
      name: for messages. rate: frames per second. count: how many frames there are, as the file says; None where it does not.
      height, width: of a frame. stride: every which frame is given.
      read: frames that were read so far. problem: what is wrong with the file, a sentence; '' where nothing is.
    """

    is_live = False

    def __init__(self, path, stride=1, max_pixels=DataConfig.max_pixels):
        self.name, self.stride, self.read, self.problem = words.shown(path), stride, 0, ''
        if '://' not in path:
            check_kind(path)
        with hushed():
            self._capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # before OpenCV 5 it is not on by itself
        try:
            if not self._capture.isOpened():
                raise UserError('%s cannot be read: it is damaged or not whole, or OpenCV does not know its codec.' % self.name)
            self._check_size(max_pixels)
            self._first = read_frame(self._capture)
            if self._first is None:
                raise UserError('%s has no frame that can be read.' % self.name)
        except UserError:
            self.close()
            raise
        self.height, self.width = self._first.shape[:2]
        self.rate, count = self._get(cv2.CAP_PROP_FPS), self._get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate = self.rate if 0 < self.rate <= FASTEST else COMMON
        self.count = int(count) if 0 < count < 1e9 else None

    def _get(self, number):
        return self._capture.get(number)

    def _check_size(self, max_pixels):
        width, height = self._get(cv2.CAP_PROP_FRAME_WIDTH), self._get(cv2.CAP_PROP_FRAME_HEIGHT)
        if width * height > max_pixels:
            raise UserError('%s has frames of %d x %d pixels, more than --max_pixels=%d.' % (self.name, width, height, max_pixels))

    def __iter__(self):
        pixels, seconds = self._first, 0.
        self._first = None
        while pixels is not None:
            yield Frame(self.read, seconds, pixels)
            self.read += 1
            pixels = self._next()
            seconds = self._seconds(seconds)
        self._look_whether_whole()

    def _next(self):
        """The pixels of the next frame that is given; None at the end."""
        while self.read % self.stride:
            if not self._capture.grab():
                return None
            self.read += 1
        pixels = read_frame(self._capture)
        if pixels is not None and pixels.shape[:2] != (self.height, self.width):
            self.problem = OTHER_SIZE % (self.name, self.read)
            return None
        return pixels

    def _seconds(self, before):
        """When the frame is shown that was read last. Some files say no times."""
        said = self._get(cv2.CAP_PROP_POS_MSEC) / 1000
        return said if said > before else self.read / self.rate

    def _look_whether_whole(self):
        if self.count and not self.problem and self.count - self.read > max(1, SLACK * self.count):
            self.problem = '%s ends after %d of %d frames: it is damaged or not whole.' % (self.name, self.read, self.count)

    def close(self):
        """Close the file."""
        self._capture.release()


def read_frame(capture):
    """The pixels of the next frame of a cv2.VideoCapture; None where there is none, or none that OpenCV can hold."""
    try:
        return capture.read()[1]
    except cv2.error:  # of damaged sizes
        return None


def check_kind(path):
    """UserError where a file does not begin as one of the kinds of `words.EXTENSIONS` does, whatever its name is."""
    try:
        with open(path, 'rb') as file:
            head = file.read(12)
    except OSError as error:
        raise UserError('%s cannot be read (%s).' % (path, error.strerror))
    is_avi, is_matroska = head[:4] == b'RIFF' and head[8:] == b'AVI ', head[:4] == b'\x1a\x45\xdf\xa3'
    if not (is_avi or is_matroska or head[4:8] in (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide')):
        raise UserError('%s is no video: it begins as none of %s does.' % (path, ', '.join(words.EXTENSIONS)))
