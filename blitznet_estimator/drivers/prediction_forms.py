"""What mode predict can write of its results, by the names of config.SAVED_FORMS: an entry of FORMS is one form.

A form is made with (folder, class_names, drawing options, paths of the images that are predicted). `add(result, image_id, stem)` writes what
belongs to one image and returns the entries that annotations.json gets for it; `close(head)` writes what belongs to all, head being what is
known of the whole run. `discard()` comes at the end, whatever happened.
"""
import os

from blitznet_estimator import drawing, files
from blitznet_estimator.drivers.input_images import refuse_overwriting
from blitznet_estimator.evaluation.coco import pixel_boxes
from blitznet_estimator.evaluation.prediction_formats import ANNOTATIONS, DETECTIONS, MASKS, in_file_name
from blitznet_estimator.evaluation.prediction_writer import RowsFile

INSTANCES, LABELS, CROPS = 'instances.json', 'labels', 'crops'


class _Form:
    """What forms have in common."""

    def __init__(self, folder, class_names, options, inputs=()):
        self._folder, self._class_names, self._options, self._inputs = folder, class_names, options, frozenset(map(os.path.realpath, inputs))

    def close(self, head):
        """Nothing belongs to all images."""

    def discard(self):
        """Nothing is left unfinished."""

    def _path(self, *parts):
        """The path of a file to write; UserError where it would take the place of an image that is predicted."""
        path = os.path.join(self._folder, *parts)
        refuse_overwriting(path, self._folder, self._inputs)
        return path


class Pictures(_Form):
    """<stem>.png: the image with its boxes and mask."""

    def add(self, result, image_id, stem):
        """Write one."""
        del image_id
        result.save(self._path(stem + '.png'), **self._options)
        return {'picture': stem + '.png'}


class Masks(_Form):
    """masks/<stem>.png: pixels are classes, shown in colours."""

    def add(self, result, image_id, stem):
        """Write one, where the model segments."""
        del image_id
        if result.mask is None:
            return {}
        result.save_mask(self._path(MASKS, stem + '.png'))
        return {'mask': '%s/%s.png' % (MASKS, stem)}


class Json(_Form):
    """detections.json, COCO's results with the names of the class and of the file; annotations.json, what its ids refer to."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._rows = RowsFile(self._path(DETECTIONS))

    def add(self, result, image_id, stem):
        """Add the rows of one."""
        del stem
        self._rows.extend([dict(row, file_name=result.path) for row in result.to_coco(image_id)])
        return {}

    def close(self, head):
        """Write both."""
        self._rows.close()
        files.write_json(self._path(ANNOTATIONS), dict(head, annotations=[]))

    def discard(self):
        """Leave no rows of a run that failed."""
        self._rows.discard()


class Coco(_Form):
    """instances.json: the boxes as if they were labels, for programs that correct labels."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._annotations = []

    def add(self, result, image_id, stem):
        """Add the boxes of one."""
        del stem
        for row in result.to_coco(image_id):
            width, height = row['bbox'][2:]
            self._annotations.append(dict(row, id=len(self._annotations) + 1, area=width * height, iscrowd=0))
        return {}

    def close(self, head):
        """Write it."""
        files.write_json(self._path(INSTANCES), dict(head, annotations=self._annotations))


class Txt(_Form):
    """labels/<stem>.txt: class from 0, x and y of the centre, width and height as fractions of the image, score; a line per box."""

    def add(self, result, image_id, stem):
        """Write one."""
        del image_id
        boxes = pixel_boxes(result.fractions, (1, 1))
        lines = ['%d %.6f %.6f %.6f %.6f %.6f\n' % (number - 1, x + width / 2, y + height / 2, width, height, score)
                 for (x, y, width, height), number, score in zip(boxes, result.classes, result.scores)]
        files.write_text(self._path(LABELS, stem + '.txt'), ''.join(lines))
        return {'labels': '%s/%s.txt' % (LABELS, stem)}

    def close(self, head):
        """The names of the classes, a line each."""
        files.write_text(self._path(LABELS, 'classes.txt'), ''.join(name + '\n' for name in self._class_names))


class Crops(_Form):
    """crops/<stem>/<number>-<class>.png: the part of the image in each box, the best first."""

    def add(self, result, image_id, stem):
        """Write those of one."""
        del image_id
        for number, (crop, name) in enumerate(zip(result.crops(), result.names)):
            drawing.save_picture(self._path(CROPS, stem, '%03d-%s.png' % (number, in_file_name(name))), crop)
        return {'crops': '%s/%s' % (CROPS, stem)} if len(result) else {}


FORMS = {'pictures': Pictures, 'masks': Masks, 'json': Json, 'coco': Coco, 'txt': Txt, 'crops': Crops}
