"""Mode predict: for each image a line, and the files that --save asks for (see `prediction_forms.py`)."""
import os

from blitznet_estimator import thresholds
from blitznet_estimator.drivers import checkpoints, input_images
from blitznet_estimator.drivers.prediction_forms import FORMS
from blitznet_estimator.drivers.predictions import predict
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.progress import Progress
from blitznet_estimator.results import Result
from blitznet_estimator.version import VERSION


def run(config, platform, images, model_fn):
    """Predict images; returns {'folder', 'info', 'images', 'categories', 'skipped'}, most of which is in annotations.json, too.

    images: what images are given, as `input_fn.images_to_predict` makes it. Those that it skips are in 'skipped'; the caller's exit code
      says so.
    """
    checkpoint = checkpoints.find(config)
    folder = config.run.output_dir or os.path.join(config.run.model_dir, 'predictions')
    config = config.replace(data=dict(eval_batch_size=min(config.data.eval_batch_size, max(len(images), 1))))  # one image is no batch of 16
    writer = _Writer(config, checkpoint, folder, images)
    with Progress('Predicting', len(images), enabled=config.run.progress) as progress:
        def consume(prediction):
            writer.add(prediction)
            progress.advance()
        predict(config, platform, images.input_fn, model_fn, checkpoint, consume)
    return writer.finish()


class _Writer:
    """Writes what is found, image by image."""

    def __init__(self, config, checkpoint, folder, images):
        names, run = config.data.class_names, config.run
        self._images, self._folder, self._names, self._checkpoint = images, folder, names, checkpoint
        self._lowest = thresholds.lowest_scores(run.min_score, names, thresholds.read(checkpoint))
        self._chosen = thresholds.class_numbers(run.classes, names, '--classes') if run.classes else None
        options = {'legend': run.legend, 'line_width': run.line_width, 'text_size': run.text_size}
        self._forms = [FORMS[name](folder, names, options) for name in dict.fromkeys(run.save)]
        self._size, self._entries = config.data.eval_batch_size, []

    def add(self, prediction):
        """Write the files of one image, and say what was found."""
        image_id = prediction['source_id']
        image = self._images.image(image_id)
        result = Result(prediction, prediction['size'], image.pixels, self._names, self._lowest, image.name, chosen=self._chosen)
        self._refuse_input(image)
        entry = {'id': image_id, 'file_name': image.name, 'height': result.height, 'width': result.width,
                 'milliseconds': round(prediction['milliseconds'], 1)}
        for form in self._forms:
            entry.update(form.add(result, image_id, image.stem))
        started = ', with the start' if len(self._entries) < self._size else ''
        log.info('%s: %s (%.0f ms%s)', image.name, result.summary(), prediction['milliseconds'], started)
        self._entries.append(entry)

    def _refuse_input(self, image):
        """Raise UserError where a picture would take the place of an image that it was made of."""
        if os.path.abspath(image.name) == os.path.abspath(os.path.join(self._folder, image.stem + '.png')):
            raise UserError('--output_dir=%s is the folder of %s, which would be written over: name another.' % (self._folder, image.name))

    def finish(self):
        """Write what belongs to all images, and say where it is, and what was skipped."""
        info = {'checkpoint': self._checkpoint, 'global_step': checkpoints.step_of(self._checkpoint), 'version': VERSION,
                'min_scores': dict(zip(self._names, self._lowest.tolist()))}
        head = {'info': info, 'images': self._entries, 'categories': [{'id': i, 'name': name} for i, name in enumerate(self._names, 1)],
                'skipped': [{'file_name': name, 'problem': problem} for name, problem in self._images.skipped]}
        for form in self._forms:
            form.close(head)
        count = len(self._entries)
        log.info('Predicted %d image%s; the results are in %s', count, '' if count == 1 else 's', self._folder)
        if self._images.skipped:
            log.warning('%d of %d images were skipped: %s.', len(self._images.skipped), len(self._images),
                        input_images.listed(name for name, _ in self._images.skipped))
        return dict(head, folder=self._folder)
