"""Videos that are written, frame by frame."""
import cv2
import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.quiet import hushed

SLACK = 1  # frames that a file may seem to lack, as some formats know their length alone


class VideoWriter:
    """Writes frames of one size, BGR uint8 [height, width, 3], to a file that `close` completes.

    Codecs want even sides: an odd one gets another row or column, like its neighbour. Raises UserError where the file cannot be opened.
    """

    def __init__(self, path, codec, rate, height, width):
        """codec: a `codecs.Codec`. rate: frames per second, not rounded."""
        self._path, self._size, self.written = path, (height, width), 0
        self._padding = (0, height % 2), (0, width % 2), (0, 0)
        self._file = _open(path, codec, rate, (width + width % 2, height + height % 2))

    def write(self, pixels):
        """Add a frame."""
        if pixels.shape[:2] != self._size:
            raise ValueError('A frame of %s is no frame of a video of %s.' % (pixels.shape[:2], self._size))
        self._file.write(np.pad(pixels, self._padding, 'edge') if any(map(any, self._padding)) else pixels)
        self.written += 1

    def close(self):
        """Complete the file. UserError where it does not hold what was written, as on a full disk, which OpenCV does not tell."""
        self._file.release()
        with hushed():
            capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if self.written and count < self.written - SLACK:
            raise UserError('%s holds %d of %d frames: is the disk full?' % (self._path, max(count, 0), self.written))


def _open(path, codec, rate, size):
    if codec.fourcc is None:
        from blitznet_estimator.video.ffmpeg import FfmpegWriter
        return FfmpegWriter(path, rate, size)
    with hushed():
        file = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec.fourcc), rate, size)
    if not file.isOpened():
        raise UserError('%s cannot be written: check the folder, or choose another --video_codec than the one of %s.' % (path, codec.fourcc))
    return file
