"""Cameras and streams: who reads them gets the newest frame, and those that came meanwhile are dropped."""
import os
import threading
import time

import cv2

from blitznet_estimator.errors import UserError
from blitznet_estimator.quiet import hushed
from blitznet_estimator.video import words
from blitznet_estimator.video.sources import FASTEST, Frame, read_frame

OPTIONS, BY_TCP = 'OPENCV_FFMPEG_CAPTURE_OPTIONS', 'rtsp_transport;tcp'  # over UDP parts of frames get lost
WAIT = .2  # seconds after which a wait for a frame is begun anew, so that Python sees Ctrl-C
LONGEST_OPEN_MS = 10000  # of waiting for the first answer of a stream
LONGEST_END = 5.  # seconds that closing waits for the reading thread, which may be waiting for the network


def open_live(word):
    """The LiveSource of a camera's number or of a stream's address. UserError where there is none."""
    os.environ.setdefault(OPTIONS, BY_TCP)
    with hushed():
        if words.is_camera(word):
            capture = cv2.VideoCapture(int(word))
        else:
            capture = cv2.VideoCapture(word, cv2.CAP_FFMPEG, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, LONGEST_OPEN_MS])
    if not capture.isOpened():
        raise UserError(('There is no camera %s, or another program uses it.' if words.is_camera(word) else '%s gives no video: check the address.')
                        % words.shown(word))
    return LiveSource(words.stem_of(word) if words.is_camera(word) else words.shown(word), capture)


class LiveSource:
    """A camera or a stream. Iterating gives the newest Frame each time, until the source ends. A thread reads all of them.

    Attributes:
      name, rate, count, height, width, stride, read, problem: as of `sources.VideoFile`; rate is None where the source does not say it.
    """

    is_live, count, stride = True, None, 1

    def __init__(self, name, capture, clock=time.monotonic):
        """capture: as cv2.VideoCapture, open. clock: for tests."""
        self.name, self.read, self.problem = name, 0, ''
        self._capture, self._clock = capture, clock
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= FASTEST else None
        first = read_frame(capture)
        if first is None:
            capture.release()
            raise UserError('%s gives no frame.' % name)
        self.height, self.width = first.shape[:2]
        self._start, self._changed, self._is_over = clock(), threading.Condition(), False
        self._newest, self.read = Frame(0, 0., first), 1
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        self._thread.start()

    def _read_on(self):
        while not self._is_over:
            pixels = read_frame(self._capture)
            with self._changed:
                if pixels is not None and pixels.shape[:2] == (self.height, self.width):
                    self._newest = Frame(self.read, self._clock() - self._start, pixels)
                    self.read += 1
                else:
                    self._is_over = True
                self._changed.notify_all()

    def __iter__(self):
        while True:
            with self._changed:
                while self._newest is None and not self._is_over:
                    self._changed.wait(WAIT)
                frame, self._newest = self._newest, None
            if frame is None:
                return
            yield frame

    def close(self):
        """End the thread and let go of the camera."""
        self._is_over = True
        self._thread.join(LONGEST_END)
        if not self._thread.is_alive():
            self._capture.release()
