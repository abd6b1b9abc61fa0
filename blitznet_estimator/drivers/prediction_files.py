"""The folder `evaluation` in a model's folder: predictions of the last evaluation, for tools.report and other systems' tools."""
import contextlib
import os
import shutil

from blitznet_estimator.evaluation.interchange import PredictionWriter

FOLDER = 'evaluation'


def exist(model_dir):
    """Whether an evaluation wrote its predictions."""
    return os.path.isdir(os.path.join(model_dir, FOLDER))


@contextlib.contextmanager
def writing(config):
    """A PredictionWriter inside the `with` block, or None with --nowrite_predictions.

    Its files take the place of the last evaluation's when the block is through, and leave them where it fails.
    """
    if not config.run.write_predictions:
        yield None
        return
    folder = os.path.join(config.run.model_dir, FOLDER)
    temporary = '%s.%d.tmp' % (folder, os.getpid())
    try:
        writer = PredictionWriter(temporary, config.data.class_names)
        yield writer
        writer.close()
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
