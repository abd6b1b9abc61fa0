"""Puts the report of a model together: what `python -m tools.report` writes, and main.py at the end of a training."""
import os

import matplotlib

from blitznet_estimator.drivers import metrics_file, metrics_table, prediction_files
from blitznet_estimator.progress import Progress
from input_fn.datasets.registry import class_names, open_dataset
from tools.predictions import open_folder
from tools.report import sections
from tools.report.analysis import analyse
from tools.report.figures import letters
from tools.report.history import read_history, training_speed
from tools.report.page import Page

FOLDER = 'report'  # in a model directory


def build(config, data, model_dir, predictions='', output='', images=6, progress=True):
    """Write the page; returns its path.

    Args:
      config: the Config of the model in `model_dir`; None where there are predictions alone.
      data: the DataConfig whose 'eval' split the predictions are of.
      predictions: their folder; '' takes the evaluation's in `model_dir`.
      images: worst images, and best images, to show.
      output: folder to write; '' takes `report` in `model_dir`, or in `predictions`.
    """
    folder = predictions or os.path.join(model_dir, prediction_files.FOLDER)
    page = Page(*_titles(config, data, model_dir or predictions, _step(model_dir, folder, bool(predictions))))
    found = _analysed(folder, data, progress) if predictions or os.path.isdir(folder) else None
    if not found:
        page.add_note('No predictions were found in %s: run main.py --mode=eval first for tables, errors and pictures.' % folder)
    names = found[0].class_names if found else class_names(data)
    with matplotlib.rc_context(letters(names)):
        _fill(page, config, model_dir, names, found, images)
    return page.write(output or os.path.join(model_dir or predictions, FOLDER))


def _fill(page, config, model_dir, names, found, images):
    """Add all sections: the figures and the training first, then what is said of the predictions, and of the data."""
    if found:
        sections.add_figures(page, found[2])
    if config:
        history = read_history(model_dir, metrics_table.settings(config))
        sections.add_history(page, history, training_speed(model_dir, history), names)
    if found:
        source, predictions, analysis = found
        sections.add_classes(page, source, analysis)
        sections.add_scores(page, analysis)
        sections.add_errors(page, analysis, source.class_names)
        sections.add_data(page, source, analysis)
        sections.add_pictures(page, source, predictions, analysis, images)
    if config:
        sections.add_configuration(page, config)


def _titles(config, data, folder, step):
    subtitle = 'dataset %s' % data.dataset
    if config:
        subtitle = '%s, %d pixels, trunk %s, %s' % (config.network.preset, config.network.image_size, config.network.trunk, subtitle)
    return 'BlitzNet: ' + os.path.basename(os.path.abspath(folder)), subtitle + ('' if step is None else ', evaluated at step %d' % step)


def _step(model_dir, folder, is_given):
    """Global step of the predictions in a folder, or of the metrics in the model directory where they don't say; None where it is not known."""
    step = metrics_file.evaluated_step(folder)
    return metrics_file.evaluated_step(model_dir) if step is None and not is_given else step


def _analysed(folder, data, progress):
    """(Source, Predictions, Analysis) of a folder of predictions."""
    source = open_dataset(data, 'eval')
    predictions = open_folder(folder, source.class_names)
    with Progress('Analysing predictions', 2 * predictions.num_covered(source.num_examples), enabled=progress) as bar:
        return source, predictions, analyse(source, predictions, bar.advance)
