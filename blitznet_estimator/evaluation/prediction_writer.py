"""A folder of predictions for other systems, with the ground truth that pycocotools needs to score them."""
import contextlib
import json
import os

from blitznet_estimator import files
from blitznet_estimator.drawing import palette, save_indexed_png
from blitznet_estimator.evaluation.coco import pixel_boxes
from blitznet_estimator.evaluation.image_names import Stems, image_name
from blitznet_estimator.evaluation.prediction_formats import ANNOTATIONS, DETECTIONS, MASKS, Detections, coco_rows, rounded


class PredictionWriter:
    """Writes the predictions of a split into a folder, with the ground truth that pycocotools needs to score them.

    detections.json (COCO results), annotations.json (COCO instances; image ids are source_ids, category ids count classes from 1)
    and masks/<stem>.png, in folders as the images. Updated with each image as a Scorer is; the json files are there after `close`.
    """

    def __init__(self, folder, class_names):
        self._folder = folder
        self._class_names = tuple(class_names)
        self._colors = palette(len(self._class_names) + 1)
        self._images, self._annotations, self._stems = [], [], Stems()
        self._found = RowsFile(os.path.join(folder, DETECTIONS))

    def update(self, prediction, sample):
        """Add one image."""
        size, image_id = (sample.height, sample.width), int(sample.source_id)
        self._images.append({'id': image_id, 'file_name': image_name(sample), 'height': int(size[0]), 'width': int(size[1])})
        for box, number, difficult, crowd in zip(pixel_boxes(sample.boxes, size), sample.classes, sample.difficult, sample.crowd):
            self._annotations.append({
                'id': len(self._annotations) + 1, 'image_id': image_id, 'category_id': int(number), 'bbox': rounded(box),
                'area': float(box[2] * box[3]), 'iscrowd': int(crowd), 'difficult': int(difficult)})
        if prediction.get('boxes') is not None:
            boxes = pixel_boxes(prediction['boxes'], size)
            self._found.extend(coco_rows(image_id, Detections(boxes, prediction['scores'], prediction['classes'])))
        if prediction.get('segmentation') is not None:
            save_indexed_png(os.path.join(self._folder, MASKS, self._stems.of(sample) + '.png'), prediction['segmentation'], self._colors)

    def close(self):
        """Write the json files."""
        categories = [{'id': i, 'name': name} for i, name in enumerate(self._class_names, 1)]
        self._found.close()
        files.write_text(os.path.join(self._folder, ANNOTATIONS), json.dumps(
            {'images': self._images, 'annotations': self._annotations, 'categories': categories}))

    def discard(self):
        """Close what `close` did not: nothing more comes."""
        self._found.discard()


class RowsFile:
    """A JSON list that is written while its rows come: there may be a million. Its file is there after `close`, and none after `discard`."""

    def __init__(self, path):
        self._path, self._separator = path, '['
        with contextlib.ExitStack() as opened:
            self._temporary = opened.enter_context(files.unpublished(path))
            self._file = opened.enter_context(open(self._temporary, 'w', encoding='utf-8'))
            self._opened = opened.pop_all()

    def extend(self, rows):
        """Add rows."""
        for row in rows:
            self._file.write(self._separator + json.dumps(row, separators=(',', ':')))
            self._separator = ',\n'

    def close(self):
        """End the list, and put its file in its place."""
        with self._opened:
            self._file.write('[]' if self._separator == '[' else ']')
            self._file.close()
            files.publish(self._temporary, self._path)

    def discard(self):
        """Leave no file of a list that is not ended."""
        self._opened.close()
