"""Writes the report of a model: one self-contained HTML page, and its images as files.

  python -m tools.report --model_dir=runs/tiny-shapes            into runs/tiny-shapes/report/
  python -m tools.report --predictions=FOLDER --dataset=folder --data_dir=DIR --output=FOLDER

Curves come from the event files and metrics.csv of the model directory. Everything about predictions is computed from the folder that
evaluation wrote (detections.json, masks/) and the dataset; without that folder the page holds the curves and the configuration alone.
"""
from blitznet_estimator.errors import UserError
from tools import arguments

IMAGES = 6  # worst images, and best images, that are shown


def parse(argv):
    """Parsed and checked arguments."""
    parser = arguments.Parser('python -m tools.report', description=__doc__)
    parser.add_argument('--model_dir', help='folder of the model: config.json, event files, metrics.csv')
    parser.add_argument('--predictions', help='folder of predictions (default: evaluation in --model_dir)')
    parser.add_argument('--output', help='folder to write (default: report in --model_dir or in --predictions)')
    parser.add_argument('--images', type=int, default=IMAGES, help='worst images, and best images, to show (default: %(default)s)')
    return arguments.parse_with_data(parser, argv, predictions='there', output='place')


def main(argv):
    """Write the page; returns its path."""
    args = parse(argv)
    if not args.model_dir and not args.predictions:
        raise UserError('Nothing to report on: name a model with --model_dir, or a folder of predictions with --predictions.')
    config = arguments.saved_config(args.model_dir) if args.model_dir else None
    from tools.report.build import build
    path = build(config, arguments.data_config(args, config and config.data), args.model_dir or '', args.predictions or '', args.output or '',
                 args.images)
    print(path)
    return path


if __name__ == '__main__':
    arguments.run(main)
