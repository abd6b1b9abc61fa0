"""What the commands about datasets and models share: their arguments, and errors as one sentence.

A command imports what needs TensorFlow when its arguments have been checked, so that help and wrong arguments are there at once.
"""
import argparse
import os
import re
import sys

from blitznet_estimator import checks, dataset_layouts, given_paths, logs
from blitznet_estimator import saved_config as saved
from blitznet_estimator.config import Config, DataConfig
from blitznet_estimator.dataset_names import AUTO
from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.exit_codes import exit_by

DATA_PATHS = {'data_dir': 'data', 'prepared_dir': 'place', 'eval_files': 'files', 'class_file': 'file'}  # kinds of given_paths.CHECKS


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help keeps the lines of the description, and whose errors are one sentence with exit code 2."""

    def __init__(self, prog=None, **options):
        super().__init__(prog, **dict(dict(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False), **options))

    def parse_args(self, args=None, namespace=None):
        """As ArgumentParser's; an unknown argument is named with the nearest known ones."""
        found, rest = self.parse_known_args(args, namespace)
        unknown = [word.split('=')[0] for word in rest if word.startswith('-')]
        if unknown:
            known = list(self._option_string_actions)
            known += [word for parser in self._commands(found) for word in parser._option_string_actions]
            self.error('%s is no argument here. %s' % (unknown[0], nearest(unknown[0], sorted(word for word in set(known) if len(word) > 2))))
        if rest:
            self.error('unexpected words: %s. A value goes with its argument: --argument=VALUE.' % ' '.join(rest))
        return found

    def _commands(self, found):
        """The parser of the command that was chosen."""
        choices = [action.choices for action in self._actions if isinstance(action, argparse._SubParsersAction)]
        return [parsers[found.command] for parsers in choices if getattr(found, 'command', None) in parsers]

    def error(self, message):
        """Raise UserError with argparse's message in this project's words."""
        raise UserError('%s (%s --help says more)' % (_in_words(message), self.prog))


def _in_words(message):
    """argparse's message as a sentence."""
    wrong = re.match(r"argument ([^:/]*)[^:]*: invalid (int|float|choice)(?: value)?: '([^']*)'(?: \(choose from (.*)\))?", message)
    if wrong:
        name, kind, value, choices = wrong.groups()
        told = {'int': 'is not a whole number', 'float': 'is not a number'}.get(kind) or 'is none of %s' % choices.replace("'", '')
        return '%s=%s %s' % (name, value, told)
    missing = re.match('the following arguments are required: (.*)', message)
    if missing:
        return '%s is missing' % missing.group(1)
    valueless = re.match(r'argument ([^:]*): expected (?:one|at least one) argument', message)
    return '%s needs a value: %s=VALUE' % (2 * (valueless.group(1),)) if valueless else message


def add_data_arguments(parser):
    """Arguments that name one split of a dataset; named as main.py's flags are."""
    group = parser.add_argument_group('dataset')
    group.add_argument('--dataset', help='as in main.py: shapes, folder, yolo, voc07-test, records, ... '
                       '(default: shapes; with --data_dir auto: by the layout of the data)')
    group.add_argument('--data_dir', help='folder of your data, or of what is made (shapes)')
    group.add_argument('--prepared_dir', help='folder of prepared TFRecords (default: data)')
    group.add_argument('--split', help="split to look at (default: the dataset's own for evaluation)")
    group.add_argument('--eval_files', help='TFRecord files or globs, comma-separated, for --dataset=records')
    group.add_argument('--class_file', help='text file with one class name per line, without the background')
    group.add_argument('--beam_runner', help='runner of Apache Beam that prepares the data: DirectRunner, ... (default: without Beam)')
    group.add_argument('--beam_options', help='its options: direct_num_workers=4,direct_running_mode=multi_processing')
    group.add_argument('--max_pixels', type=int, help='most pixels of an image or a mask; a larger one is a bad record (default: %d)'
                       % DataConfig().max_pixels)


def parse_with_data(parser, argv, **kinds):
    """The parsed arguments of a command about a split, those of `add_data_arguments` among them; paths are checked. kinds: as of `check_paths`."""
    add_data_arguments(parser)
    args = parser.parse_args(argv)
    check_paths(args, **kinds)
    return args


def check_paths(args, **kinds):
    """UserError for an argument that names a path which cannot be what it should, before anything is read. kinds: {name: of given_paths.CHECKS}."""
    checks.require_dataset(args.dataset or DataConfig().dataset)
    for name, kind in dict(DATA_PATHS, **kinds).items():
        value = getattr(args, name, None)
        if value:
            paths = tuple(value.split(',')) if kind == 'files' else value
            given_paths.check('--' + name, paths, kind, args.dataset or DataConfig().dataset)


def data_config(args, base=None):
    """The DataConfig of parsed arguments, whose 'eval' split is the one asked for; `base`: what the others are taken from."""
    fields = dict(dataset=args.dataset, data_dir=args.data_dir, prepared_dir=args.prepared_dir, eval_split=args.split,
                  class_file=args.class_file, max_pixels=args.max_pixels, eval_files=args.eval_files and tuple(args.eval_files.split(',')),
                  beam_runner=args.beam_runner, beam_options=args.beam_options and tuple(args.beam_options.split(',')))
    given = {name: value for name, value in fields.items() if value is not None}
    if args.dataset == AUTO or base is None and args.data_dir and not args.dataset:
        given['dataset'] = dataset_layouts.resolved(AUTO, args.data_dir or DataConfig().data_dir)
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
    """Call main(argv) and exit, as `exit_codes` says."""
    logs.setup()

    def work():
        main([at_home(word) for word in sys.argv[1:]])
    exit_by(work)
