"""Cameras and streams: who reads them gets the newest frame, and those that came meanwhile are dropped."""
import os
import threading
import time

import cv2

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.quiet import hushed
from blitznet_estimator.video import words
from blitznet_estimator.video.sources import FASTEST, OTHER_SIZE, Frame, read_frame

OPTIONS, BY_TCP = 'OPENCV_FFMPEG_CAPTURE_OPTIONS', 'rtsp_transport;tcp'  # over UDP parts of frames get lost
WAIT = .2  # seconds after which a wait for a frame is begun anew, so that Python sees Ctrl-C
LONGEST_OPEN_MS = 10000  # of waiting for the first answer of a stream
LONGEST_OUTAGE, PAUSE = 60., 1.  # seconds for which a source that gives no frame is opened anew, and between two tries: a camera may restart
LONGEST_END = 5.  # seconds that closing waits for the reading thread, which may be waiting for the network


def open_live(word):
    """The LiveSource of a camera's number or of a stream's address. UserError where there is none."""
    os.environ.setdefault(OPTIONS, BY_TCP)
    with hushed():
        capture = _open(word)
    if capture is None:
        raise UserError(('There is no camera %s, or another program uses it.' if words.is_camera(word) else '%s gives no video: check the address.')
                        % words.shown(word))
    return LiveSource(words.stem_of(word) if words.is_camera(word) else words.shown(word), capture, lambda: _open(word))


def _open(word):
    """The cv2.VideoCapture of a camera's number or of a stream's address; None where it does not open."""
    if words.is_camera(word):
        capture = cv2.VideoCapture(int(word))
    else:
        capture = cv2.VideoCapture(word, cv2.CAP_FFMPEG, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, LONGEST_OPEN_MS])
    return capture if capture.isOpened() else None


class LiveSource:
    """A camera or a stream. Iterating gives the newest Frame each time, until the source ends. A thread reads all of them.

    A source that gives no frame is opened anew, for LONGEST_OUTAGE seconds. Then it has ended, and `problem` says so.

    Attributes:
      name, rate, count, height, width, stride, read, problem: as of `sources.VideoFile`; rate is None where the source does not say it.
    """

    is_live, count, stride = True, None, 1

    def __init__(self, name, capture, reopen=None):
        """capture: as cv2.VideoCapture, open. reopen: () -> another one of the same source, None where it cannot be opened; None = it ends."""
        self.name, self.read, self.problem = name, 0, ''
        self._capture, self._reopen, self._lost = capture, reopen, None
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= FASTEST else None
        first = read_frame(capture)
        if first is None:
            capture.release()
            raise UserError('%s gives no frame.' % name)
        self.height, self.width = first.shape[:2]
        self._start, self._changed, self._is_over = time.monotonic(), threading.Condition(), False
        self._newest, self.read = Frame(0, 0., first), 1
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        self._thread.start()

    def _read_on(self):
        while not self._is_over:
            pixels = read_frame(self._capture)
            if pixels is not None or not self._is_back():
                self._take(pixels)
        self._capture.release()

    def _take(self, pixels):
        """Let who reads have the next frame. None, or one of another size, is the end."""
        with self._changed:
            if self._is_over:
                return
            if pixels is None:
                self.problem = '%s gives no frame any more: it has ended, or the connection to it is lost.' % self.name
            elif pixels.shape[:2] != (self.height, self.width):
                self.problem = OTHER_SIZE % (self.name, self.read)
            else:
                self._newest, self._lost = Frame(self.read, time.monotonic() - self._start, pixels), None
                self.read += 1
            self._is_over = bool(self.problem)
            self._changed.notify_all()

    def _is_back(self):
        """Whether a source that gave no frame could be opened anew, in the time that it may be away."""
        if not self._reopen or self._is_over:
            return False
        if self._lost is None:
            self._lost = time.monotonic()
            log.warning('%s gives no frame: it is opened anew, for at most %g s.', self.name, LONGEST_OUTAGE)
        self._capture.release()
        while time.monotonic() - self._lost < LONGEST_OUTAGE:
            with self._changed:
                self._changed.wait_for(lambda: self._is_over, PAUSE)
            if self._is_over:
                return False
            capture = self._reopen()
            if capture is not None:
                self._capture = capture
                log.info('%s is open again.', self.name)
                return True
        return False

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
        """End the thread, which lets go of the camera."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join(LONGEST_END)
