"""Prepares a dataset, and verifies it, shows it, or writes it in the record format of the older BlitzNet code.

  python -m tools.prepare_data --dataset=folder --data_dir=pets
  python -m tools.prepare_data --dataset=voc12-train-seg-aug --data_dir=archives --verify --preview=sheet.png
  python -m tools.prepare_data --dataset=folder --data_dir=pets --split=train --format=ascend_raw --output=records

Without --split, the splits that the dataset trains and evaluates on. What is prepared already stays; what was killed goes on.
"""
import textwrap

from blitznet_estimator.config import Config
from blitznet_estimator.dataset_names import AUTO, CATALOGUE, DATUMARO, NAMES
from blitznet_estimator.errors import UserError
from tools import arguments

FORMATS = ('ascend_raw', 'reference_jpeg')  # of tools.preparation.convert


def parse(argv):
    """Parsed and checked arguments."""
    parser = arguments.Parser('python -m tools.prepare_data', description=__doc__, epilog='datasets:\n%s' % '\n'.join(
        textwrap.wrap(', '.join((AUTO,) + NAMES + (CATALOGUE + 'NAME', DATUMARO + 'FORMAT')), 100, break_on_hyphens=False)))
    parser.add_argument('--train_files', help='TFRecord files or globs, comma-separated, for --dataset=records')
    parser.add_argument('--num_classes', type=int, default=0, help='classes with the background, for records without --class_file')
    parser.add_argument('--on_bad_record', choices=('error', 'skip'), default='error',
                        help='stop at what is bad, or count, log and leave it out (default: %(default)s)')
    parser.add_argument('--verify', action='store_true', help='decode and check every record, and count the classes')
    parser.add_argument('--preview', metavar='FILE', help='write a contact sheet: images from all over each split, with their names')
    parser.add_argument('--preview_images', type=int, default=24, help='images of each split on the sheet (default: %(default)s)')
    parser.add_argument('--format', choices=FORMATS, help='write records of this format to --output')
    parser.add_argument('--output', help='folder for --format')
    return arguments.parse_with_data(parser, argv, train_files='files', output='place')


def main(argv):
    """Do what the arguments say; returns the Sources."""
    args = parse(argv)
    if bool(args.format) != bool(args.output):
        raise UserError('--format and --output go together: the one says what to write, the other where.')
    if args.preview:
        from blitznet_estimator.drawing import check_picture_path
        check_picture_path(args.preview, '--preview')
    from tools.preparation.convert import FORMATS as FORMS
    from tools.preparation.convert import convert
    from tools.preparation.verify import verify
    sources = _sources(args)
    for source in sources:
        print('%s, split %s: %d images, %d classes, %d files, the first %s' % (
            source.name, source.split, source.num_examples, len(source.class_names), len(source.files), source.files[0]))
        if args.verify:
            print(verify(source))
        if args.format:
            print('wrote ' + ', '.join(convert(source, FORMS[args.format], args.output)))
    if args.preview:
        from blitznet_estimator.drawing import save_picture
        from tools.preparation.preview import sheet
        save_picture(args.preview, sheet(sources, args.preview_images))
        print('wrote ' + args.preview)
    return sources


def _sources(args):
    """The Sources of --split, or of the dataset's own splits."""
    from input_fn.datasets.names import numbered_names
    from input_fn.datasets.registry import open_dataset
    fields = dict(on_bad_record=args.on_bad_record)
    if args.train_files:
        fields['train_files'] = tuple(args.train_files.split(','))
    if args.num_classes and not args.class_file:
        fields['class_names'] = numbered_names(args.num_classes)
    config = Config(data=arguments.data_config(args)).replace(data=fields).data
    if args.split:
        return [open_dataset(config, 'eval')]
    sources = [open_dataset(config, 'train'), open_dataset(config, 'eval')]
    return sources if sources[0] != sources[1] else sources[:1]


if __name__ == '__main__':
    arguments.run(main)
