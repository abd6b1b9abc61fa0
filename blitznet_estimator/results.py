"""What a model found in one image: for the Python API, and for the files that mode predict writes."""
import collections
import os

import numpy as np

from blitznet_estimator import drawing
from blitznet_estimator.evaluation.coco import pixel_boxes
from blitznet_estimator.evaluation.prediction_formats import Detections, coco_rows

COLOR_ORDERS = ('bgr', 'rgb')


class Result:
    """Boxes and mask of an image.

    Attributes:
      boxes: float32 [n, 4], (xmin, ymin, xmax, ymax) in the image's pixels, the best first.
      fractions: float32 [n, 4], the same boxes as (ymin, xmin, ymax, xmax) in fractions of the image.
      scores: float32 [n], in [0, 1].
      classes: int32 [n], from 1; 0 is the background.
      names: the n names of these classes.
      mask: uint8 [H, W], the class of each pixel; None of a model that does not segment.
      image: uint8 [H, W, 3], upright, in the model's order of colours.
      height, width: of the image.
      path: of the image's file; '' of an array.
      class_names: of the model, without the background.
      color: 'bgr' or 'rgb', the order of colours in `image`, `draw` and `crops`.
      milliseconds: what the image took, as its share of its batch; None where that is not known.
    """

    def __init__(self, prediction, size, read, class_names, lowest_scores, path='', color='rgb', chosen=None):
        """Keep what is worth it of a prediction.

        Args:
          prediction: boxes [n, 4] yxyx as fractions, scores [n], classes [n], where the model detects; segmentation, where it segments.
          size: (height, width) of the image. read: () -> its pixels, RGB uint8 [H, W, 3], upright; called when they are asked for.
          lowest_scores: [number of classes], of the boxes that are kept. chosen: numbers of the classes that are; None = all.
        """
        self.class_names, self.path, self.color, self.milliseconds = tuple(class_names), path, color, prediction.get('milliseconds')
        self.height, self.width = (int(side) for side in size)
        self._read, self._pixels = read, None
        self.mask = prediction.get('segmentation')
        self.detects = prediction.get('boxes') is not None
        boxes, scores, classes = (np.asarray(prediction[key] if self.detects else [], kind) for key, kind in (
            ('boxes', np.float32), ('scores', np.float32), ('classes', np.int32)))
        kept = scores >= np.asarray(lowest_scores, np.float64)[classes - 1]
        if chosen is not None:
            kept &= np.isin(classes, sorted(chosen))
        self.fractions, self.scores, self.classes = boxes.reshape(-1, 4)[kept], scores[kept], classes[kept]
        self.boxes = self.fractions[:, [1, 0, 3, 2]] * np.array([self.width, self.height] * 2, np.float32)

    @property
    def image(self):
        """The image in the model's order of colours."""
        return self._ordered(self._rgb)

    @property
    def _rgb(self):
        if self._pixels is None:
            self._pixels = self._read()
        return self._pixels

    @property
    def names(self):
        """Names of the boxes' classes."""
        return [self.class_names[number - 1] for number in self.classes]

    def __len__(self):
        return len(self.scores)

    def __repr__(self):
        return '<Result %s: %s>' % (self.path or '%d x %d pixels' % (self.width, self.height), self.summary())

    def summary(self):
        """What was found, in words: '3 car, 1 person'."""
        counts = sorted(collections.Counter(self.names).items(), key=lambda item: -item[1])
        segments = [] if self.mask is None else [self.class_names[i - 1] for i in np.unique(self.mask) if 0 < i <= len(self.class_names)]
        if self.detects:
            return ', '.join('%d %s' % (count, name) for name, count in counts) or 'nothing'
        return ', '.join(segments) or 'nothing'

    def draw(self, **options):
        """The image with its boxes and mask, uint8 [H, W, 3] in the model's order of colours. options: of `drawing.draw`.

        A small image is enlarged, and the names of the colours stand below it unless `legend` is false.
        """
        return self._ordered(self.picture(**options))

    def picture(self, **options):
        """As `draw`, in RGB."""
        return drawing.draw(self._rgb, self.fractions if self.detects else None, self.classes, self.scores, self.mask, self.class_names, **options)

    def save(self, path, **options):
        """Write what `draw` gives to a file; its ending says the format."""
        drawing.save_picture(os.fspath(path), self.picture(**options))

    def save_mask(self, path):
        """Write the mask as a PNG whose pixels are the classes, shown in the colours of `draw`."""
        drawing.save_indexed_png(os.fspath(path), self.mask, drawing.palette(len(self.class_names) + 1))

    def crops(self):
        """The part of the image in each box, uint8 [h, w, 3] in the model's order of colours; at least one pixel each."""
        return [self._ordered(self._rgb[y0:y1, x0:x1]) for x0, y0, x1, y1 in map(self._whole_pixels, self.boxes)]

    def to_coco(self, image_id=0):
        """Rows of a COCO results file: image_id, category_id, bbox as (x, y, width, height) in pixels, score; and the class's name."""
        boxes = pixel_boxes(self.fractions, (self.height, self.width))
        rows = coco_rows(image_id, Detections(boxes, self.scores, self.classes))
        return [dict(row, name=name) for row, name in zip(rows, self.names)]

    def to_dict(self):
        """All but the pixels, as JSON takes it. A box is (xmin, ymin, xmax, ymax) in pixels."""
        found = [{'class': int(number), 'name': name, 'score': float(score), 'box': box.tolist()}
                 for number, name, score, box in zip(self.classes, self.names, self.scores, self.boxes)]
        return {'file': self.path, 'height': self.height, 'width': self.width, 'detections': found}

    def _ordered(self, rgb):
        return np.ascontiguousarray(rgb[..., ::-1]) if self.color == 'bgr' else np.array(rgb)

    def _whole_pixels(self, box):
        """(x0, y0, x1, y1) of a box, whole pixels of which at least one is inside."""
        (x0, y0), (x1, y1) = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
        x0, y0 = min(max(x0, 0), self.width - 1), min(max(y0, 0), self.height - 1)
        return x0, y0, max(min(x1, self.width), x0 + 1), max(min(y1, self.height), y0 + 1)
