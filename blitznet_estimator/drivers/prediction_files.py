"""The folder `evaluation` in a model's folder: predictions of an evaluation, for tools.report and other systems' tools.

Its metrics.json is a copy of that evaluation's metrics, so that the predictions always say what they are of.
"""
import contextlib
import os

from blitznet_estimator import files
from blitznet_estimator.drivers import metrics_file
from blitznet_estimator.evaluation.prediction_writer import PredictionWriter

FOLDER = 'evaluation'


def exist(model_dir):
    """Whether an evaluation wrote its predictions."""
    return os.path.isdir(os.path.join(model_dir, FOLDER))


class _Predictions(PredictionWriter):
    """Predictions of an evaluation, in a temporary folder until they are published."""

    def __init__(self, temporary, folder, class_names):
        self._temporary, self._place = temporary, folder
        super().__init__(temporary, class_names)

    def publish(self, metrics):
        """Take the place of the last evaluation's predictions. metrics: the evaluation's, as metrics.json has them."""
        self.close()
        metrics_file.write(self._temporary, metrics)
        files.publish(self._temporary, self._place)


@contextlib.contextmanager
def writing(config):
    """A PredictionWriter inside the `with` block, or None with --nowrite_predictions.

    Its `publish(metrics)` makes its files those of the model's folder; without it they are gone after the block, and the folder is as it was.
    """
    if not config.run.write_predictions:
        yield None
        return
    folder = os.path.join(config.run.model_dir, FOLDER)
    with files.unpublished(folder) as temporary:
        writer = _Predictions(temporary, folder, config.data.class_names)
        try:
            yield writer
        finally:
            writer.discard()
