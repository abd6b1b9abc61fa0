"""Writes a checkpoint of a trunk from weights that others publish: what --warm_start_from does with them by itself.

  python -m tools.convert_weights imagenet --trunk=resnet50 --output=resnet50.ckpt
  python -m tools.convert_weights resnet50_weights_tf_dim_ordering_tf_kernels.h5 --trunk=resnet50 --output=resnet50.ckpt
  python -m tools.convert_weights resnet_v1_50.ckpt --trunk=resnet50 --output=resnet50_bgr.ckpt
"""
from blitznet_estimator import given_paths, published_weights
from blitznet_estimator.checks import require_one_of
from blitznet_estimator.errors import UserError
from blitznet_estimator.trunks import TRUNKS
from tools import arguments

TRUNK_NAMES = sorted(name for name, trunk in TRUNKS.items() if trunk.published)


def parse(argv):
    """Parsed and checked arguments."""
    parser = arguments.Parser('python -m tools.convert_weights', description=__doc__)
    parser.add_argument('source', help='imagenet for the published weights, a file of Keras (.h5) or PyTorch (.pth), or a checkpoint of slim')
    parser.add_argument('--trunk', required=True, help='one of %s' % ', '.join(TRUNK_NAMES))
    parser.add_argument('--output', required=True, help='prefix of the checkpoint to write, such as resnet50.ckpt')
    parser.add_argument('--weights_dir', default=published_weights.WEIGHTS_DIR, help='as in main.py (default: %(default)s)')
    args = parser.parse_args(argv)
    require_one_of('--trunk', args.trunk, TRUNK_NAMES)
    given_paths.check('source', args.source, 'start')
    if published_weights.is_foreign(args.source):
        published_weights.check(args.source, args.trunk, TRUNKS[args.trunk], 'source')
    return args


def main(argv):
    """Write the checkpoint, and say what it holds."""
    args = parse(argv)
    from model_fn import weights
    count = weights.convert(args.source, args.trunk, args.weights_dir, args.output)
    if not count:
        raise UserError('source=%s is a checkpoint of this network already: nothing is to be converted.' % args.source)
    print('%s: %d variables of the trunk %s. Start from it with --warm_start_from=%s.' % (args.output, count, args.trunk, args.output))


if __name__ == '__main__':
    arguments.run(main)
