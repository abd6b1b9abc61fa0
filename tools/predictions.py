"""Predictions read back from files, for scoring and for reports."""
import collections
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import prediction_formats
from input_fn.datasets.images import decode_mask


class Predictions:
    """Predictions by image, from files in any of prediction_formats.py's forms.

    Args:
      detections: a COCO results file, or a folder of comp4_det_*.txt; None = no boxes.
      masks: a folder of <stem>.png whose pixels are classes; None = no masks.
      annotations: what the ids of a COCO results file refer to; None = the annotations.json beside it, if there is one.
      images: source_ids of the images that were predicted; None = all.
    """

    def __init__(self, class_names, detections=None, masks=None, annotations=None, images=None):
        self.has_boxes, self.has_masks = detections is not None, masks is not None
        self._masks, self._images = masks, images
        self._detections = self._read(detections, list(class_names), annotations) if self.has_boxes else {}
        self._unused = collections.Counter({key: len(found.scores) for key, found in self._detections.items()})
        if self.has_masks and not os.path.isdir(masks):
            raise UserError('There is no folder of masks %s.' % masks)

    @property
    def heads(self):
        """Names of heads.HEADS that the predictions are of."""
        return [name for name, there in (('detection', self.has_boxes), ('segmentation', self.has_masks)) if there]

    @staticmethod
    def _read(path, class_names, annotations):
        if os.path.isdir(path):
            return prediction_formats.read_voc_detections(path, class_names)
        beside = os.path.join(os.path.dirname(path), prediction_formats.ANNOTATIONS)
        if annotations is None and os.path.isfile(beside):
            annotations = beside
        return prediction_formats.read_coco_detections(path, class_names, annotations)

    def covers(self, sample):
        """Whether a sample was predicted at all: a run with --on_bad_record=skip leaves some out."""
        return self._images is None or sample.source_id in self._images

    def of(self, sample):
        """The Scorer's prediction for a sample. A mask that is missing is an error where the sample has one, a box list is not."""
        return prediction_formats.as_prediction(self.detections(sample), (sample.height, sample.width), self._mask(sample))

    def detections(self, sample):
        """The Detections of a sample, in pixels."""
        stem = prediction_formats.stem(sample)
        key = stem if stem in self._detections else sample.source_id
        self._unused.pop(key, None)
        return self._detections.get(key, prediction_formats.NOTHING)

    def _mask(self, sample):
        path = os.path.join(self._masks, prediction_formats.stem(sample) + '.png') if self.has_masks else ''
        if not self.has_masks or (not os.path.isfile(path) and not sample.has_mask):
            return None
        try:
            with open(path, 'rb') as file:
                return decode_mask(file.read(), path)
        except OSError as error:
            raise UserError('%s, the mask for %s, cannot be read: %s.' % (path, sample.filename, error.strerror))

    def check_used(self, num_images):
        """Raise UserError when detections were of images that the split does not have."""
        if self._unused:
            raise UserError('%d of the %d images with detections are not among the %d images of the split, for example %r: are they of '
                            'another split? With COCO image ids, name the instances file they refer to (--annotations).'
                            % (len(self._unused), len(self._detections), num_images, next(iter(self._unused))))


def open_folder(folder, class_names):
    """The Predictions that evaluation wrote into a folder (prediction_formats.PredictionWriter), of the images that it had."""
    detections, masks = os.path.join(folder, prediction_formats.DETECTIONS), os.path.join(folder, prediction_formats.MASKS)
    if not os.path.isfile(detections) and not os.path.isdir(masks):
        raise UserError('%s holds neither %s nor %s/: no predictions were written there.'
                        % (folder, prediction_formats.DETECTIONS, prediction_formats.MASKS))
    annotations = os.path.join(folder, prediction_formats.ANNOTATIONS)
    return Predictions(class_names, detections if os.path.isfile(detections) else None, masks if os.path.isdir(masks) else None,
                       images=prediction_formats.read_image_ids(annotations) if os.path.isfile(annotations) else None)
