"""The folder `evaluation` in a model's folder: predictions of an evaluation, for tools.report and other systems' tools.

Its metrics_file.json is a copy of that evaluation's figures, so that the predictions always say what they are of.
"""
import contextlib
import os
import shutil

from blitznet_estimator.drivers import metrics_file
from blitznet_estimator.evaluation.prediction_formats import PredictionWriter

FOLDER = 'evaluation'


def exist(model_dir):
    """Whether an evaluation wrote its predictions."""
    return os.path.isdir(os.path.join(model_dir, FOLDER))


class _Predictions(PredictionWriter):
    """Predictions of an evaluation, under a temporary name until they are published."""

    def __init__(self, folder, class_names):
        self._place, self._temporary = folder, '%s.%d.tmp' % (folder, os.getpid())
        super().__init__(self._temporary, class_names)

    def publish(self, figures):
        """Take the place of the last evaluation's predictions. figures: the evaluation's, as metrics_file.json has them."""
        self.close()
        metrics_file.write(self._temporary, figures)
        shutil.rmtree(self._place, ignore_errors=True)
        os.rename(self._temporary, self._place)

    def remove(self):
        """Remove what was not published."""
        shutil.rmtree(self._temporary, ignore_errors=True)


@contextlib.contextmanager
def writing(config):
    """A PredictionWriter inside the `with` block, or None with --nowrite_predictions.

    Its `publish(figures)` makes its files those of the model's folder; without it they are gone after the block, and the folder is as it was.
    """
    if not config.run.write_predictions:
        yield None
        return
    predictions = _Predictions(os.path.join(config.run.model_dir, FOLDER), config.data.class_names)
    try:
        yield predictions
    finally:
        predictions.remove()
