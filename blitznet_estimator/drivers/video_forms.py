"""What mode predict can write of a video, by the names of --save: an entry of FORMS is one form.

A form is made with (path, target, options): `path(ending)` is where its file goes; the Target says what the video is like. `add(frame)` writes
what was found in one, and `close()` completes the file and returns the entries that videos.json gets for it.
"""
import collections
import json

import cv2

from blitznet_estimator.colors import palette
from blitznet_estimator.evaluation.prediction_formats import rounded
from blitznet_estimator.video import codecs, writers
from blitznet_estimator.video.pace import PacedWriter

# rate: frames per second of what is written; of a live source the highest, or None. codec: a codecs.Codec, of pictures.
Target = collections.namedtuple('Target', 'stem height width rate is_live codec')


class _Video:
    """What forms that are videos have in common."""

    def __init__(self, target, path, codec):
        self._is_live = target.is_live
        make = PacedWriter if target.is_live else writers.VideoWriter
        self._writer = make(path, codec, target.rate, target.height, target.width)

    def write(self, pixels, seconds):
        """Add a frame."""
        self._writer.write(*(pixels, seconds) if self._is_live else (pixels,))

    def close(self):
        """Complete the file."""
        self._writer.close()
        return {}


class Pictures(_Video):
    """<stem>.webm or .mp4: the frames with their boxes and masks."""

    def __init__(self, path, target, options):
        self._name, self._options = target.stem + target.codec.ending, options
        super().__init__(target, path(self._name), target.codec)

    def add(self, frame):
        """Draw one."""
        self.write(frame.result.draw(legend=False, enlarge=False, **self._options), frame.seconds)

    def close(self):
        """Complete the file."""
        super().close()
        return {'picture': self._name}


class Masks:
    """<stem>_masks.mkv: the class of each pixel, in the colours that pictures have; the background is black."""

    def __init__(self, path, target, options):
        del options
        self._path, self._target, self._video = path, target, None
        self._name = target.stem + '_masks' + codecs.LOSSLESS.ending

    def add(self, frame):
        """Write one, where the model segments."""
        result = frame.result
        if result.mask is None:
            return
        if self._video is None:
            self._colors = palette(256)[:, ::-1]  # OpenCV's videos are BGR
            self._video = _Video(self._target, self._path(self._name), codecs.LOSSLESS)
        self._video.write(cv2.LUT(cv2.merge([result.mask] * 3), self._colors[None]), frame.seconds)

    def close(self):
        """Complete the file."""
        if self._video is None:
            return {}
        self._video.close()
        return {'mask': self._name}


class Json:
    """<stem>.jsonl: a line of JSON per frame, with its number, its time in seconds, and its boxes in pixels."""

    def __init__(self, path, target, options):
        del options
        self._name = target.stem + '.jsonl'
        self._file = open(path(self._name), 'w', encoding='utf-8')

    def add(self, frame):
        """Write the line of one."""
        found = [dict(one, score=rounded([one['score']])[0], box=rounded(one['box'])) for one in frame.result.to_dict()['detections']]
        self._file.write(json.dumps({'frame': frame.number, 'time': round(frame.seconds, 4), 'detections': found}, separators=(',', ':')) + '\n')

    def close(self):
        """Complete the file."""
        self._file.close()
        return {'json': self._name}


FORMS = {'pictures': Pictures, 'masks': Masks, 'json': Json}
