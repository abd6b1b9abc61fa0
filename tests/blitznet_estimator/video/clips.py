"""Small videos whose frames say their number: frame n is of grey level 10 n, but for a brighter left half."""
import queue
import time

import cv2
import numpy as np

from blitznet_estimator.quiet import hushed

KINDS = {'.mp4': 'mp4v', '.mov': 'mp4v', '.avi': 'MJPG', '.mkv': 'FFV1', '.webm': 'VP80'}


def frame(number, height=48, width=64):
    """BGR uint8 [height, width, 3]."""
    pixels = np.full((height, width, 3), 10 * number % 200, np.uint8)
    pixels[:, :width // 2] += 50
    return pixels


def write(path, count=6, rate=25., height=48, width=64):
    """Write a video of a kind of KINDS; returns its path as text."""
    path = str(path)
    with hushed():
        writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*KINDS[path[path.rindex('.'):]]), rate, (width, height))
    assert writer.isOpened()
    for number in range(count):
        writer.write(frame(number, height, width))
    writer.release()
    return path


def read(path):
    """(frames, rate) of a video."""
    capture, frames = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    rate = capture.get(cv2.CAP_PROP_FPS)
    while True:
        good, pixels = capture.read()
        if not good:
            capture.release()
            return frames, rate
        frames.append(pixels)


def level(pixels):
    """The number of the frame that pixels are of."""
    return int(round(pixels[:, pixels.shape[1] * 3 // 4:].mean() / 10))


class Capture:
    """As cv2.VideoCapture of a camera: a frame per call of `come`, and the end after `end`."""

    def __init__(self, rate=25.):
        self._rate, self._frames, self.is_released = rate, queue.Queue(), False

    def come(self, pixels):
        """A new frame."""
        self._frames.put(pixels)

    def end(self):
        """No frame more."""
        self._frames.put(None)

    def get(self, number):
        """Of the properties, the rate."""
        return self._rate if number == cv2.CAP_PROP_FPS else 0.

    def read(self):
        """(True, the next frame), or (False, None)."""
        pixels = self._frames.get()
        return pixels is not None, pixels

    def release(self):
        """Let go."""
        self.is_released = True


class Camera(Capture):
    """A Capture that gives frames without an end: pixels(number), some hundred a second."""

    def __init__(self, pixels, rate=0.):
        super().__init__(rate)
        self._pixels, self._count = pixels, 0

    def read(self):
        """(True, the next frame)."""
        time.sleep(.003)
        self._count += 1
        return True, self._pixels(self._count)
