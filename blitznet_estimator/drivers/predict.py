"""Mode predict: for each image a line, and the files that --save asks for (see `prediction_forms.py`)."""
import collections
import functools
import os

from blitznet_estimator import model_location, thresholds
from blitznet_estimator.drivers import checkpoints, input_images, metrics_table
from blitznet_estimator.drivers.background import Background
from blitznet_estimator.drivers.prediction_forms import FORMS
from blitznet_estimator.drivers.predictions import predict
from blitznet_estimator.engines import choice
from blitznet_estimator.errors import listed
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log
from blitznet_estimator.progress import Progress
from blitznet_estimator.results import Result
from blitznet_estimator.version import VERSION


def run(config, platform, images, model_fn, open_model):
    """Predict images; returns {'folder', 'info', 'images', 'categories', 'skipped'}, most of which is in annotations.json, too.

    config.run.model names an export instead of a checkpoint, and config.run.engine what runs it. A checkpoint is run by an Estimator, and
    an export by a Model of the Python API.

    Args:
      images: what images are given, as `input_fn.images_to_predict` makes it. Those that it skips are in 'skipped'; the caller's exit code
        says so.
      open_model: (config, color) -> the Model that a Config means.
    """
    model = model_location.of_config(config)
    folder = config.run.output_dir or os.path.join(config.run.model_dir, 'predictions')
    config = config.with_batches_of(len(images))  # as those of `images`
    with _Writer(config, model, folder, images) as writer:
        with Progress('Predicting', len(images), enabled=config.run.progress) as progress:
            def consume(image_id, result_of):
                writer.add(image_id, result_of)
                progress.advance()
            if model.kind == model_location.CHECKPOINT:
                predict(config, platform, images.input_fn, model_fn, model.path,
                        lambda found: consume(found['source_id'], functools.partial(writer.result, found)))
            else:
                log.info('Predicting by %s', os.path.join(model.path, model.exported.file))
                with open_model(config, 'rgb') as opened, Background() as background:
                    for image_id, result in _results(opened, images):
                        background.submit(consume, image_id, lambda image, result=result: result)
        _say_faster(config, model)
        return writer.finish()


def _results(model, images):
    """Yield (index, Result) of each image that can be read, by a Model."""
    indices = collections.deque()

    def pixels():
        for index, image in images.pictures():
            indices.append(index)
            yield image

    for result in model.stream(pixels()):
        yield indices.popleft(), result


def _say_faster(config, model):
    """Name the faster file that an export of the same weights has, if there is one."""
    folders = [model.path] if model.exported else choice.exports_of(config.run.model_dir, metrics_table.weights(model.path))
    text = choice.hint(folders[0], model.exported) if folders else ''
    if text:
        log.info('%s', text)


def _info(model):
    """What annotations.json says of a `model_location.Located`."""
    if model.kind == model_location.CHECKPOINT:
        return {'checkpoint': model.path, 'global_step': checkpoints.step_of(model.path)}
    return dict(description.origin_of(model.path), export=os.path.join(model.path, model.exported.file))


class _Writer:
    """Writes what is found, image by image. Where its `with` block fails, no file is left half written."""

    def __init__(self, config, model, folder, images):
        names, run = config.data.class_names, config.run
        self._images, self._folder, self._names, self._model = images, folder, names, model
        self._lowest = thresholds.lowest_scores(run.min_score, names, model.min_scores)
        self._chosen = thresholds.class_numbers(run.classes, names, '--classes') if run.classes else None
        options = {'legend': run.legend, 'line_width': run.line_width, 'text_size': run.text_size}
        self._forms = [FORMS[name](folder, names, options, images.files) for name in dict.fromkeys(run.save)]
        self._size, self._entries = config.data.eval_batch_size, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for form in self._forms:
            form.discard()

    def result(self, prediction, image):
        """The Result of a prediction, as `drivers.predictions.predict` gives it, of an image."""
        return Result(prediction, prediction['size'], image.pixels, self._names, self._lowest, chosen=self._chosen)

    def add(self, image_id, result_of):
        """Write the files of one image, and say what was found. result_of: image -> its Result."""
        image = self._images.image(image_id)  # once, as images may come one after the other
        result = result_of(image)
        result.path = image.name
        entry = {'id': image_id, 'file_name': image.name, 'height': result.height, 'width': result.width,
                 'milliseconds': round(result.milliseconds, 1)}
        for form in self._forms:
            entry.update(form.add(result, image_id, image.stem))
        started = ', with the start' if len(self._entries) < self._size else ''
        log.info('%s: %s (%.0f ms%s)', image.name, result.summary(), result.milliseconds, started)
        self._entries.append(entry)

    def finish(self):
        """Write what belongs to all images, and say where it is, and what was skipped."""
        info = dict(_info(self._model), version=VERSION, min_scores=dict(zip(self._names, self._lowest.tolist())))
        head = {'info': info, 'images': self._entries, 'categories': [{'id': i, 'name': name} for i, name in enumerate(self._names, 1)],
                'skipped': [{'file_name': name, 'problem': problem} for name, problem in self._images.skipped]}
        for form in self._forms:
            form.close(head)
        count = len(self._entries)
        log.info('Predicted %d image%s; the results are in %s', count, '' if count == 1 else 's', self._folder)
        if self._images.skipped:
            log.warning('%d of %d images were skipped: %s.', len(self._images.skipped), len(self._images),
                        listed((name for name, _ in self._images.skipped), input_images.SHOWN))
        return dict(head, folder=self._folder)
