"""What the commands about datasets and models share: their arguments, and errors as one sentence."""
import os
import sys

from blitznet_estimator import given_paths, logs
from blitznet_estimator import saved_config as saved
from blitznet_estimator.config import Config, DataConfig
from blitznet_estimator.errors import UserError

DATA_PATHS = {'data_dir': 'data', 'prepared_dir': 'place', 'eval_files': 'files', 'class_file': 'file'}  # kinds of given_paths.CHECKS


def add_data_arguments(parser):
    """Arguments that name one split of a dataset; named as main.py's flags are."""
    group = parser.add_argument_group('dataset')
    group.add_argument('--dataset', help='as in main.py: shapes, folder, voc07-test, coco-minival, records, ... (default: shapes)')
    group.add_argument('--data_dir', help='folder of your data (folder, VOC, COCO) or of what is made (shapes)')
    group.add_argument('--prepared_dir', help='folder of prepared TFRecords (default: data)')
    group.add_argument('--split', help="split to look at (default: the dataset's own for evaluation)")
    group.add_argument('--eval_files', help='TFRecord files or globs, comma-separated, for --dataset=records')
    group.add_argument('--class_file', help='text file with one class name per line, without the background')


def check_paths(args, **kinds):
    """UserError for an argument that names a path which cannot be what it should, before anything is read. kinds: {name: of given_paths.CHECKS}."""
    for name, kind in dict(DATA_PATHS, **kinds).items():
        value = getattr(args, name, None)
        if value:
            paths = tuple(value.split(',')) if kind == 'files' else value
            given_paths.check('--' + name, paths, kind, args.dataset or DataConfig().dataset)


def data_config(args, base=None):
    """The DataConfig of parsed arguments, whose 'eval' split is the one asked for; `base`: what the others are taken from."""
    fields = dict(dataset=args.dataset, data_dir=args.data_dir, prepared_dir=args.prepared_dir, eval_split=args.split,
                  class_file=args.class_file, eval_files=args.eval_files and tuple(args.eval_files.split(',')))
    given = {name: value for name, value in fields.items() if value is not None}
    return Config(data=base or DataConfig()).replace(data=given).data


def saved_config(model_dir):
    """The Config that a run saved in its model directory."""
    config = saved.read(model_dir)
    if config is None:
        raise UserError('%s holds no %s: name the folder of a model with --model_dir.' % (model_dir, saved.NAME))
    return config


def at_home(word):
    """A word of a command line, with the user's folder for ~ also where the shell leaves it: in --flag=~/a,~/b."""
    name, equals, value = word.partition('=')
    return name + equals + ','.join(map(os.path.expanduser, value.split(','))) if name.startswith('-') and equals else word


def run(main):
    """Call main(argv) and exit; a UserError becomes one sentence and exit code 2."""
    logs.setup()
    try:
        main([at_home(word) for word in sys.argv[1:]])
    except UserError as error:
        print('error: %s' % error, file=sys.stderr)
        sys.exit(2)
