"""Predictions read back from files, for scoring and for reports."""
import collections
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import prediction_formats
from blitznet_estimator.evaluation.image_names import are_one, image_name, numbered_stem, stem
from input_fn.datasets.images import decode_mask


class Predictions:
    """Predictions by image, from files in any of prediction_formats.py's forms.

    Args:
      detections: a COCO results file, or a folder of comp4_det_*.txt; None = no boxes.
      masks: a folder of <image>.png whose pixels are classes, an image being named by `image_names.stem`; None = no masks.
      annotations: what the ids of a COCO results file refer to; None = the annotations.json beside it, if there is one.
      by_number: whether image ids are source_ids, and category ids count classes, whatever annotations there are.
      images: source_ids of the images that were predicted; None = all.
    """

    def __init__(self, class_names, detections=None, masks=None, annotations=None, images=None, by_number=False):
        self.has_boxes, self.has_masks = detections is not None, masks is not None
        self._masks, self._images = masks, images
        self._detections = self._read(detections, list(class_names), annotations, by_number) if self.has_boxes else {}
        self._by_file_name = collections.defaultdict(list)
        for key in self._detections:
            self._by_file_name[_file_name(str(key))].append(key)
        self._owners = {}  # {key or path: name of the image that it was taken for}
        self._unused = collections.Counter({key: len(found.scores) for key, found in self._detections.items()})
        if self.has_masks and not os.path.isdir(masks):
            raise UserError('There is no folder of masks %s.' % masks)

    @property
    def heads(self):
        """Names of heads.HEADS that the predictions are of."""
        return [name for name, there in (('detection', self.has_boxes), ('segmentation', self.has_masks)) if there]

    @staticmethod
    def _read(path, class_names, annotations, by_number):
        if os.path.isdir(path):
            return prediction_formats.read_voc_detections(path, class_names)
        beside = os.path.join(os.path.dirname(path), prediction_formats.ANNOTATIONS)
        if by_number:
            annotations = None
        elif annotations is None and os.path.isfile(beside):
            annotations = beside
        return prediction_formats.read_coco_detections(path, class_names, annotations)

    def covers(self, sample):
        """Whether a sample was predicted at all: a run with --on_bad_record=skip leaves some out."""
        return self._images is None or sample.source_id in self._images

    def num_covered(self, num_examples):
        """How many of the images of a split were predicted."""
        return num_examples if self._images is None else len(self._images)

    def of(self, sample):
        """The Scorer's prediction for a sample. A mask that is missing is an error where the sample has one, a box list is not."""
        return prediction_formats.as_prediction(self.detections(sample), (sample.height, sample.width), self._mask(sample))

    def detections(self, sample):
        """The Detections of a sample, in pixels."""
        key = self._key(sample)
        self._unused.pop(key, None)
        return self._detections.get(key, prediction_formats.NOTHING)

    def _key(self, sample):
        """What the detections of a sample are under: its own name, else one that may mean it alone, else its number."""
        name = image_name(sample)
        for own in (numbered_stem(sample), name):
            if own in self._detections:
                return self._owned(own, name)
        keys = [key for key in self._by_file_name[_file_name(name)] if isinstance(key, str) and are_one(key, name)]
        exact = [key for key in keys if stem(key) == stem(name)]
        if len(exact or keys) > 1:
            raise UserError('The detections for %s may be those of %s: files of predictions need names with the folders of the dataset.'
                            % (name, ' or '.join((exact or keys)[:3])))
        return self._owned((exact or keys)[0], name) if keys else sample.source_id

    def _owned(self, key, name):
        """`key`, unless another image has it too: then nobody knows whose predictions these are."""
        if self._owners.setdefault(key, name) != name:
            raise UserError('The predictions for %s may be of %s or of %s: files of predictions need names with the folders of the dataset.'
                            % (key, self._owners[key], name))
        return key

    def _mask(self, sample):
        path = self._mask_path(sample) if self.has_masks else None
        if not self.has_masks or (path is None and not sample.has_mask):
            return None
        path = path or os.path.join(self._masks, stem(image_name(sample)) + '.png')
        try:
            with open(path, 'rb') as file:
                return decode_mask(file.read(), path)
        except OSError as error:
            raise UserError('%s, the mask for %s, cannot be read: %s.' % (path, image_name(sample), error.strerror))

    def _mask_path(self, sample):
        """The mask of a sample: by its own name, else by its file name alone; None where there is none."""
        plain = stem(image_name(sample))
        for name in (numbered_stem(sample), plain, _file_name(plain)):
            path = os.path.join(self._masks, name + '.png')
            if os.path.isfile(path):
                return self._owned(path, image_name(sample))
        return None

    def check_used(self, num_images):
        """Raise UserError when detections were of images that the split does not have."""
        if self._unused:
            raise UserError('%d of the %d images with detections are not among the %d images of the split, for example %r: are they of '
                            'another split? With COCO image ids, name the instances file they refer to (--annotations).'
                            % (len(self._unused), len(self._detections), num_images, next(iter(self._unused))))


def _file_name(name):
    return stem(name).rsplit('/', 1)[-1]


def open_folder(folder, class_names):
    """The Predictions that evaluation wrote into a folder (prediction_writer.PredictionWriter), of the images that it had."""
    detections, masks = os.path.join(folder, prediction_formats.DETECTIONS), os.path.join(folder, prediction_formats.MASKS)
    if not os.path.isfile(detections) and not os.path.isdir(masks):
        raise UserError('%s holds neither %s nor %s/: no predictions were written there.'
                        % (folder, prediction_formats.DETECTIONS, prediction_formats.MASKS))
    annotations = os.path.join(folder, prediction_formats.ANNOTATIONS)
    return Predictions(class_names, detections if os.path.isfile(detections) else None, masks if os.path.isdir(masks) else None,
                       images=prediction_formats.read_image_ids(annotations) if os.path.isfile(annotations) else None, by_number=True)
