"""Freeze a checkpoint for Ascend's offline inference: python -m tools.ascend.freeze --checkpoint_path=CKPT --output=om/blitznet.pb

Writes, beside the graph: blitznet.json (input, outputs, the atc command), config.json (the configuration, so that the folder can be the
--model_dir of make_inputs and evaluate_om), blitznet_atc.sh and, with --aipp, blitznet_aipp.cfg.
"""
import os
import sys

from blitznet_estimator import files, given_paths, saved_config
from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.atc import aipp_config, atc_command, shell_line
from blitznet_estimator.trunks import TRUNKS
from tools.ascend import command


def freeze(config, checkpoint, batch_size=1, aipp=False, soc_version=''):
    """The frozen GraphDef of a checkpoint, `input` [batch_size, S, S, 3] to the raw outputs: batch norm folded, no default attributes.

    Args:
      aipp: whether `input` is normalised for the trunk, as AIPP makes it, instead of RGB in [0, 1].
      soc_version: the chip whose kernels it needs; '' asks for none.
    """
    from blitznet_estimator.formats.frozen import only
    from blitznet_estimator.runtime import tf
    from model_fn.network.build import build_network
    names = list(raw_output_shapes(config.network))
    with tf.Graph().as_default() as graph:
        size = config.network.image_size
        images = tf.placeholder(tf.float32, [batch_size, size, size, 3], name='input')
        build_network(images, config.network, training=False, checkpoint=checkpoint, normalised=aipp)
        return _checked(only(graph, names), names, soc_version)


def _checked(graph_def, names, soc_version):
    """The graph; UserError where it holds what atc does not convert for the chip."""
    from blitznet_estimator.graph_scan import scan
    from blitznet_estimator.npu_kernels import chip_of
    from blitznet_estimator.runtime import tf
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
        ends = [graph.get_operation_by_name(name) for name in names]
        problems = scan(graph, [graph.get_operation_by_name('input')], ends, chip_of(soc_version))
        if problems:
            raise UserError('The frozen graph cannot be converted by atc: %s.' % '; '.join(map(str, problems)))
    return graph_def


def describe(graph_def, path, names, soc_version, aipp_path):
    """The content of the .json beside a frozen graph."""
    from blitznet_estimator.runtime import tf
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
        shapes = {name: graph.get_tensor_by_name(name + ':0').shape.as_list() for name in ['input'] + names}
    return {
        'graph': os.path.basename(path),
        'input': {'name': 'input', 'shape': shapes['input'], 'type': 'uint8' if aipp_path else 'float32',
                  'values': 'RGB, 0 to 255; AIPP normalises' if aipp_path else 'RGB, 0 to 1; the graph normalises'},
        'outputs': [{'name': name, 'shape': shapes[name]} for name in names],
        'aipp': os.path.basename(aipp_path),
        'atc': atc_command(path, shapes['input'], names, soc_version, aipp_path),
    }


def write(config, graph_def, output, soc_version='Ascend310', aipp=False, step=0):
    """Write the graph, of global step `step`, to `output` and what belongs to it beside it; returns the description."""
    stem, names = os.path.splitext(output)[0], list(raw_output_shapes(config.network))
    aipp_path = stem + '_aipp.cfg' if aipp else ''
    description = dict(describe(graph_def, output, names, soc_version, aipp_path), global_step=step)
    files.write_bytes(output, graph_def.SerializeToString())
    if aipp:
        files.write_text(aipp_path, aipp_config(config.network.image_size, TRUNKS[config.network.trunk].normalisation))
    files.write_text(stem + '_atc.sh', '#!/bin/sh\n# Leaves kernel_meta/ and fusion_result.json where it is started.\nset -e\n%s\n'
                     % shell_line(description['atc']))
    os.chmod(stem + '_atc.sh', 0o755)
    folder = os.path.dirname(os.path.abspath(output))
    saved_config.write(config.replace(run=dict(model_dir=folder)))
    files.write_json(stem + '.json', description)
    return description


def _add_arguments(parser):
    parser.add_argument('--checkpoint_path', required=True, help='checkpoint, folder whose latest is taken, best or latest (of --model_dir)')
    parser.add_argument('--output', required=True, help='the frozen graph to write, such as om/blitznet.pb')
    parser.add_argument('--batch_size', type=int, default=1, help='images at once, fixed in the graph (default: 1)')
    parser.add_argument('--soc_version', default='Ascend310', help='chip: Ascend310, Ascend310P3, Ascend310B1, ... (default: Ascend310)')
    parser.add_argument('--aipp', action='store_true', help='take uint8 images, and write an AIPP file that normalises them on the chip')


def _check_folder(folder):
    """UserError where the graph cannot lie, or where its config.json would take the place of a training's."""
    given_paths.check('--output', folder, 'place')
    if saved_config.has_checkpoints(folder):
        raise UserError('--output: %s holds a training, whose config.json must stay: name a graph in another folder.' % folder)


def main(argv):
    """Entry point."""
    args, config = command.parse(argv, __doc__.splitlines()[0], _add_arguments, 'export',
                                 lambda args: ['--checkpoint_path=' + args.checkpoint_path])
    if args.batch_size < 1:
        raise UserError('--batch_size=%d must be 1 or more.' % args.batch_size)
    if not args.output.endswith('.pb'):
        raise UserError('--output=%s: the name of a frozen graph ends in .pb.' % args.output)
    _check_folder(os.path.dirname(args.output) or '.')
    from blitznet_estimator.drivers import checkpoints
    from input_fn.classes import with_classes
    config = config if config.network.num_classes else with_classes(config)
    checkpoint = checkpoints.find(config)
    graph_def = freeze(config, checkpoint, args.batch_size, args.aipp, args.soc_version)
    step = checkpoints.step_of(checkpoint)
    description = write(config, graph_def, args.output, args.soc_version, args.aipp, step)
    print('%s of step %d\n\nConvert it with (also in %s_atc.sh):\n\n%s'
          % (args.output, step, os.path.splitext(args.output)[0], shell_line(description['atc'])))


if __name__ == '__main__':
    from tools.arguments import run
    sys.exit(run(main))
