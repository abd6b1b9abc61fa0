"""Write images as the .bin files that msame takes: python -m tools.ascend.make_inputs --model_dir=om --output=om/data

The evaluation split of --dataset, or the images of --input; resized as --mode=eval does it. 00000.bin, 00001.bin, ... in order, raw
little-endian float32 in [0, 1] (uint8 for a model with AIPP), a batch of the model in each; .index.json says which image is where, and
.index.info lists the files as the benchmark tool wants them. msame leaves out both, whose names begin with a dot.
"""
import os
import sys

import numpy as np

from blitznet_estimator import files
from blitznet_estimator.drivers import input_images
from blitznet_estimator.errors import UserError
from blitznet_estimator.progress import Progress
from tools.ascend import command
from tools.ascend.inference_files import INDEX, INFO, find_description


def write_inputs(input_fn, filenames, output, as_uint8=False, show=lambda count: None):
    """Write the batches of an Estimator's input_fn (PREDICT) and their index; returns the number of images.

    Args:
      filenames: source_id -> the name of an image, for the index. show: called with the number of images after each batch.
    """
    from blitznet_estimator.drivers.batches import iterate
    os.makedirs(output, exist_ok=True)
    entries, names = [], []
    for number, features in enumerate(iterate(input_fn)):
        name = '%05d.bin' % number
        pixels = features['image']
        values = np.rint(pixels * 255).astype(np.uint8) if as_uint8 else pixels.astype('<f4')
        files.write_bytes(os.path.join(output, name), values.tobytes())
        names.append(name)
        entries += [{'file': name, 'source_id': int(source_id), 'size': size.tolist(), 'filename': filenames(int(source_id))}
                    for source_id, size in zip(features['source_id'], features['size']) if source_id >= 0]
        show(len(entries))
    side = pixels.shape[1]
    files.write_json(os.path.join(output, INDEX), {'batch_size': len(pixels), 'images': entries})
    files.write_text(os.path.join(output, INFO), ''.join(
        '%d %s %d %d\n' % (number, os.path.join(output, name), side, side) for number, name in enumerate(names)))
    return len(entries)


def _add_arguments(parser):
    parser.add_argument('--output', required=True, help='folder for the files')
    parser.add_argument('--input', help='images instead of a dataset: files, folders or globs, comma-separated')
    parser.add_argument('--model_batch', type=int, help='images per file; default: what the model in --model_dir takes, else 1')
    parser.add_argument('--input_type', choices=('float32', 'uint8'), help='default: what the model in --model_dir takes, else float32')


def main(argv):
    """Entry point."""
    args, config = command.parse(argv, __doc__.splitlines()[0], _add_arguments, 'eval')
    model = (find_description(config.run.model_dir) or {}).get('input', {'shape': [1], 'type': 'float32'})
    config = config.replace(data=dict(eval_batch_size=args.model_batch or model['shape'][0]))
    from blitznet_estimator.drivers.session_errors import user_errors
    from input_fn import make_image_input_fn, make_input_fn, open_dataset
    from input_fn.classes import with_classes
    if args.input:
        paths = input_images.find(args.input.split(','))
        input_fn, filenames, count = make_image_input_fn(config, paths), paths.__getitem__, len(paths)
    else:
        source = open_dataset(with_classes(config).data, 'eval')
        input_fn, filenames, count = make_input_fn(config, source, 'infer'), str, config.run.num_evaluated(source.num_examples)
    if not count:
        raise UserError('There is no image to write.')
    with Progress('Writing inputs', count, enabled=config.run.progress) as progress, user_errors('', input_fn):
        written = write_inputs(input_fn, filenames, args.output, (args.input_type or model['type']) == 'uint8', progress.show)
    print('%d images in %s' % (written, args.output))


if __name__ == '__main__':
    from tools.arguments import run
    sys.exit(run(main))
