"""One evaluation: predictions of a checkpoint against the ground truth, as a table, in metrics.json and metrics.csv, in TensorBoard."""
import os

from blitznet_estimator import drawing, files, lettering, thresholds
from blitznet_estimator.drivers import best_checkpoints, checkpoints, event_files, metrics_file, metrics_table, prediction_files
from blitznet_estimator.drivers.predictions import predict
from blitznet_estimator.evaluation.pr_summary import pr_curve_values
from blitznet_estimator.evaluation.samples import sample_of
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.evaluation.table import format_table
from blitznet_estimator.heads import heads_of
from blitznet_estimator.logs import log
from blitznet_estimator.progress import Progress


def run(config, platform, input_fn, model_fn, ground_truth, num_images, checkpoint=None, split=''):
    """Evaluate a checkpoint by config.run.metrics; returns the metrics as metrics.json has them.

    Args:
      input_fn: an Estimator's input_fn of features in order, for PREDICT.
      ground_truth: () -> iterator of the split's samples in the same order.
      num_images: of the split, for the progress bar.
      checkpoint: its path; None takes config.run.checkpoint_path, or the latest in model_dir.
      split: its name, for metrics.csv.
    """
    checkpoint = checkpoint or checkpoints.find(config)
    step, digest = checkpoints.step_of(checkpoint), metrics_table.weights(checkpoint)
    log.info('Building the graph to evaluate step %d ...', step)
    progress = Progress('Evaluating step %d' % step, num_images, enabled=config.run.progress)
    with prediction_files.writing(config) as writer:
        scoring = _Scoring(config, ground_truth(), writer)

        def consume(prediction):
            scoring.update(prediction)
            progress.advance()
        with progress:
            predict(config, platform, input_fn, model_fn, checkpoint, consume)
        lettering.forget()
        result = dict({'global_step': step, 'checkpoint': os.path.basename(checkpoint), 'split': split, 'metrics': list(config.run.metrics),
                       'settings': metrics_table.settings(config)}, **scoring.scorer.result())
        with files.locked(config.run.model_dir):  # training's evaluation and --watch may both be here
            if _is_shown(config, step):
                _show(config, result, writer)
            _record(config, checkpoint, digest, result, scoring)
        log.info('Evaluation of step %d', step)
        print(format_table(result), flush=True)  # when all is saved: nobody may be there to read it
    return result


def _is_shown(config, step):
    """Whether metrics.json and evaluation/, of which tools.report makes its page, become those of an evaluation of `step`.

    They do in training, and where one checkpoint is asked for: --checkpoint_path, --checkpoints=STEP, or the latest by default. With
    --watch and other --checkpoints an evaluation is one of many: they never go back to an earlier step than the one that they are of,
    which a watcher behind training would make of them. A step beyond the model's checkpoints is of a training before, and is no bound.
    """
    run = config.run
    if not run.watch and (not run.checkpoints or run.checkpoints.isdecimal()):
        return True
    shown = metrics_file.evaluated_step(run.model_dir) or 0
    return step >= shown or shown > max((step for step, _ in checkpoints.present(run.model_dir)), default=0)


def _show(config, result, writer):
    if writer:
        writer.publish(result)
    metrics_file.write(config.run.model_dir, result)


def _record(config, checkpoint, digest, result, scoring):
    """Write the metrics wherever all are kept. Another split or other settings than training's are a run of their own in TensorBoard."""
    run = '' if metrics_table.is_own(config) else '-'.join(filter(None, [config.data.dataset, result['split'], result['settings']]))
    event_files.write(config.run.model_dir, result['global_step'], result, scoring.pictures + scoring.curves(), run.replace('/', '-'))
    metrics_table.add(config, checkpoint, result, digest)
    best_checkpoints.keep(config, checkpoint, result)
    name = os.path.basename(checkpoint)
    if metrics_table.is_own(config) and metrics_table.name_of(checkpoint, config.run.model_dir) == name:
        thresholds.keep(config.run.model_dir, name, result['per_class'])


class _Scoring:
    """Pairs predictions with their samples, scores and writes them, and draws the first few."""

    def __init__(self, config, samples, writer):
        self._run, self._names = config.run, config.data.class_names
        self.scorer = Scorer(self._names, self._run.metrics, heads_of(config.network))
        self.pictures = []
        self._sinks = [self.scorer] + ([writer] if writer else [])
        self._samples = iter(samples)

    def update(self, prediction):
        """Take the next image's prediction."""
        sample = sample_of(self._samples, prediction['source_id'])
        for sink in self._sinks:
            sink.update(prediction, sample)
        if len(self.pictures) < self._run.max_pictures:
            self.pictures.append(event_files.picture('pictures/%03d' % sample.source_id, self._draw(prediction, sample)))

    def curves(self):
        """Summary values of the classes' precision-recall curves, where boxes were scored."""
        curves = self.scorer.curves()
        return pr_curve_values(curves) if curves else []

    def _draw(self, prediction, sample):
        image = sample.image()
        predicted = drawing.draw(
            image, prediction.get('boxes'), prediction.get('classes'), prediction.get('scores'), prediction.get('segmentation'),
            self._names, min_score=thresholds.plain(self._run.min_score))
        truth = drawing.draw(image, sample.boxes, sample.classes, None, sample.mask(), self._names, difficult=sample.difficult)
        return drawing.side_by_side([predicted, truth], ['prediction', 'ground truth'])
