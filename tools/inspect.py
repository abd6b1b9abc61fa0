"""Looks into checkpoints, configurations and datasets.

  python -m tools.inspect checkpoint runs/tiny-shapes            variables, shapes and step
  python -m tools.inspect anchors --preset=blitznet300 --output=anchors.png
  python -m tools.inspect cost --preset=blitznet512 --num_classes=81
  python -m tools.inspect scaling --preset=blitznet300 --images_per_second=100
  python -m tools.inspect data --dataset=folder --data_dir=DIR --preset=blitznet300
"""
from blitznet_estimator.checks import require_one_of
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import PRESETS, preset_config
from tools import arguments

NUM_CLASSES = 21  # PASCAL VOC's, where nothing says how many


def parse(argv):
    """Parsed arguments; `run` is the function of the chosen command."""
    parser = arguments.Parser('python -m tools.inspect', description=__doc__)
    commands = parser.add_subparsers(dest='command', metavar='{checkpoint,anchors,cost,scaling,data}')
    commands.required = True
    add = _command(commands, 'checkpoint', run_checkpoint, 'variables and step of a checkpoint')
    add('path', help='a checkpoint, or a model directory, whose latest one is meant')
    add = _command(commands, 'anchors', run_anchors, 'anchors of each detection map', network=True)
    add('--output', help='draw them there (.png)')
    _command(commands, 'cost', run_cost, 'parameters and operations of each part of the network', network=True)
    add = _command(commands, 'scaling', run_scaling, 'what training with 8 to 512 workers costs, on paper', network=True)
    add('--batch_size', type=int, default=16, help='images per step and worker (default: %(default)s)')
    add('--images_per_second', type=float, default=100., help='that one worker trains alone, as its log says (default: %(default)s)')
    add('--latency', type=float, default=50e-6, help='seconds of a round between two workers (default: %(default)s)')
    add = _command(commands, 'data', run_data, "sizes and boxes of a split, against a configuration's anchors", network=True, data=True)
    add('--max_boxes', type=int, default=100, help='as in main.py (default: %(default)s)')
    add('--no_masks', action='store_true', help='do not count the pixels of the masks')
    return parser.parse_args(argv)


def _command(commands, name, function, text, network=False, data=False):
    """Add a command; returns what adds its own arguments."""
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=function)
    if network:
        group = parser.add_argument_group('network')
        group.add_argument('--model_dir', help='take the configuration that a run saved there')
        group.add_argument('--preset', default='tiny', help='one of %s (default: %%(default)s)' % ', '.join(sorted(PRESETS)))
        group.add_argument('--image_size', type=int, help="side of the input in pixels (default: the preset's)")
        group.add_argument('--x4', dest='x4', action='store_true', default=None, help='with the last decoder block')
        group.add_argument('--nox4', dest='x4', action='store_false', help='without it')
        group.add_argument('--num_classes', type=int, help='classes with the background (default: the model\'s, or %d)' % NUM_CLASSES)
    if data:
        arguments.add_data_arguments(parser)
    return parser.add_argument


def network_config(args):
    """The NetworkConfig that the arguments name."""
    if args.model_dir:
        config = arguments.saved_config(args.model_dir)
    else:
        config = preset_config(require_one_of('--preset', args.preset, sorted(PRESETS)))
    given = {name: getattr(args, name) for name in ('image_size', 'x4', 'num_classes') if getattr(args, name) is not None}
    config = config.replace(network=given)
    return config.replace(network={'num_classes': config.network.num_classes or NUM_CLASSES}).network


def run_checkpoint(args):
    """Text about a checkpoint."""
    from tools.inspection import checkpoint
    return checkpoint.describe(args.path)


def run_anchors(args):
    """Text about anchors; draws them."""
    network = network_config(args)
    from blitznet_estimator import drawing
    from tools.inspection import anchors
    if args.output:
        drawing.save_picture(args.output, anchors.picture(network))
    return anchors.describe(network)


def run_cost(args):
    """Text about the network's size."""
    network = network_config(args)
    from tools.inspection import cost
    return cost.describe(network)


def run_scaling(args):
    """Text about the cost of many workers."""
    for name in ('batch_size', 'images_per_second', 'latency'):
        if not getattr(args, name) > 0:
            raise UserError('--%s=%g: it must be above 0.' % (name, getattr(args, name)))
    network = network_config(args)
    from tools.inspection import scaling
    return scaling.describe(network, args.batch_size, args.images_per_second, args.latency)


def run_data(args):
    """Text about a split."""
    arguments.check_paths(args)
    network = network_config(args)
    saved = arguments.saved_config(args.model_dir).data if args.model_dir else None
    from input_fn.datasets.registry import open_dataset
    from tools.inspection import dataset
    source = open_dataset(arguments.data_config(args, saved), 'eval')
    return dataset.describe(source, network, args.max_boxes, not args.no_masks)


def main(argv):
    """Print what the command tells; returns it."""
    args = parse(argv)
    text = args.run(args)
    print(text)
    return text


if __name__ == '__main__':
    arguments.run(main)
