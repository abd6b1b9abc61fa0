"""Writes the report of a model: one self-contained HTML page, and its images as files.

  python -m tools.report --model_dir=runs/tiny-shapes            into runs/tiny-shapes/report/
  python -m tools.report --predictions=FOLDER --dataset=folder --data_dir=DIR --output=FOLDER

Curves come from the event files and metrics.csv of the model directory. Everything about predictions is computed from the folder that
evaluation wrote (detections.json, masks/) and the dataset; without that folder the page holds the curves and the configuration alone.
"""
import argparse
import os

from blitznet_estimator.drivers import metrics_file, metrics_table
from blitznet_estimator.errors import UserError
from input_fn.datasets.registry import open_dataset
from tools import arguments
from tools.predictions import open_folder
from tools.report import sections
from tools.report.analysis import analyse
from tools.report.history import read_history, training_speed
from tools.report.page import Page

PREDICTIONS = 'evaluation'  # where evaluation writes predictions, in a model directory


def parse(argv):
    """Parsed arguments."""
    parser = argparse.ArgumentParser('python -m tools.report', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model_dir', help='folder of the model: config.json, event files, metrics.csv')
    parser.add_argument('--predictions', help='folder of predictions (default: %s in --model_dir)' % PREDICTIONS)
    parser.add_argument('--output', help='folder to write (default: report in --model_dir or in --predictions)')
    parser.add_argument('--images', type=int, default=6, help='worst images, and best images, to show (default: %(default)s)')
    arguments.add_data_arguments(parser)
    return parser.parse_args(argv)


def main(argv):
    """Write the page; returns its path."""
    args = parse(argv)
    if not args.model_dir and not args.predictions:
        raise UserError('Nothing to report on: name a model with --model_dir, or a folder of predictions with --predictions.')
    arguments.check_paths(args, predictions='there', output='place')
    config = arguments.saved_config(args.model_dir) if args.model_dir else None
    source_config = arguments.data_config(args, config and config.data)
    page = Page(*_titles(args, config, source_config))
    add_predictions(page, args, source_config)
    if config:
        history = read_history(args.model_dir, metrics_table.settings(config))
        sections.add_history(page, history, training_speed(args.model_dir, history))
        sections.add_configuration(page, config)
    path = page.write(args.output or os.path.join(args.model_dir or args.predictions, 'report'))
    print(path)
    return path


def _titles(args, config, source_config):
    name = os.path.basename(os.path.abspath(args.model_dir or args.predictions))
    subtitle = 'dataset %s' % source_config.dataset
    if config:
        subtitle = '%s, %d pixels, trunk %s, %s' % (config.network.preset, config.network.image_size, config.network.trunk, subtitle)
    step = _step(args)
    return 'BlitzNet: ' + name, subtitle + ('' if step is None else ', evaluated at step %d' % step)


def _folder(args):
    """The folder of the predictions that the page is of."""
    return args.predictions or os.path.join(args.model_dir, PREDICTIONS)


def _step(args):
    """Global step of these predictions, or of the metrics in the model directory where they don't say; None where it is not known."""
    step = metrics_file.evaluated_step(_folder(args))
    return metrics_file.evaluated_step(args.model_dir) if step is None and not args.predictions else step


def add_predictions(page, args, source_config):
    """Every section that needs predictions; a note where there are none."""
    folder = _folder(args)
    if not args.predictions and not os.path.isdir(folder):
        page.add_note('No predictions were found in %s: run main.py --mode=eval first for tables, errors and pictures.' % folder)
        return
    source = open_dataset(source_config, 'eval')
    predictions = open_folder(folder, source.class_names)
    analysis = analyse(source, predictions)
    sections.add_metrics(page, source, analysis)
    sections.add_errors(page, analysis, source.class_names)
    sections.add_pictures(page, source, predictions, analysis, args.images)


if __name__ == '__main__':
    arguments.run(main)
