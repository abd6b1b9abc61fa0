"""Score what an .om gave: python -m tools.ascend.evaluate_om --model_dir=om --inputs=om/data --outputs=om/out

Reads the text or binary outputs of msame, benchmark or ais_bench, finishes them as --mode=eval does, and gives the same table and
metrics.json. A graph of other make, such as the one with the outputs concat_1, concat_2 and ssd_2/Conv_7/BiasAdd, is read by the flags of
its network: --preset=blitznet300 --num_classes=21 --output_order=confidence,location,segmentation.
"""
import os
import sys

from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.drivers import metrics_file
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.table import format_table
from tools.ascend import command, inference_speed
from tools.ascend.inference_files import find_description, list_outputs, newest_outputs, read_index, read_output


class RawOutputs:
    """Raw outputs by image, from a folder of output files.

    Args:
      order: names of the outputs in the order of the .om. shapes: {name: shape without the batch}.
      index: the content of .index.json.
    """

    def __init__(self, folder, index, order, shapes):
        self._order, self._shapes, self._index = order, shapes, index
        self._paths = list_outputs(folder)
        self._first = 0 if any(0 in paths for paths in self._paths.values()) else 1  # benchmark may count from 1
        self._folder, self._stem, self._batch = folder, None, None

    def __iter__(self):
        """Yield (entry of the index, {name: float32 array of the image}), in the order of the index."""
        size = self._index['batch_size']
        for number, entry in enumerate(self._index['images']):
            stem = os.path.splitext(entry['file'])[0]
            if stem != self._stem:
                self._stem, self._batch = stem, self._read(stem, size)
            yield entry, {name: values[number % size] for name, values in self._batch.items()}

    def _read(self, stem, batch_size):
        paths = self._paths.get(stem, {})
        missing = [number for number in range(self._first, self._first + len(self._order)) if number not in paths]
        if missing:
            raise UserError('%s lacks output %s of %s: did the tool run over all inputs?'
                            % (self._folder, ', '.join(map(str, missing)), stem))
        return {name: read_output(paths[number], [batch_size] + self._shapes[name]) for number, name in enumerate(self._order, self._first)}


def _output_order(text, description, network):
    """Names of the outputs in the order of the .om."""
    known = list(raw_output_shapes(network))
    order = text.split(',') if text else [output['name'] for output in description['outputs']] if description else known
    if sorted(order) != sorted(known):
        raise UserError('--output_order=%s must hold %s, each once.' % (','.join(order), ', '.join(known)))
    return order


def _add_arguments(parser):
    parser.add_argument('--inputs', required=True, help='folder that make_inputs wrote')
    parser.add_argument('--outputs', required=True, help='folder that the inference tool wrote, or the one above; of several the newest')
    parser.add_argument('--output_order', help='what output 0, 1, ... of the .om are, comma-separated; default: as the model in '
                        '--model_dir says, else confidence,location,segmentation')


def main(argv):
    """Entry point; returns the metrics."""
    args, config = command.parse(argv, __doc__.splitlines()[0], _add_arguments, 'eval')
    from blitznet_estimator.drivers.score_outputs import finished, score
    from input_fn import ground_truth
    from input_fn.classes import with_classes
    config = with_classes(config)
    description = find_description(config.run.model_dir)
    index = read_index(args.inputs)
    order = _output_order(args.output_order, description, config.network)
    folder = newest_outputs(args.outputs)
    print('Scoring the outputs in %s' % folder)
    outputs = RawOutputs(folder, index, order, raw_output_shapes(config.network))
    result = dict({'global_step': (description or {}).get('global_step', 0), 'checkpoint': folder},
                  **score(config, finished(config, outputs), ground_truth(config.data, 'eval'), len(index['images'])))
    speed = inference_speed.find(folder, index['batch_size'])
    if speed:
        result.update(inference_ms=speed[0], inference_images_per_second=speed[1])
    metrics_file.write(config.run.model_dir, result)
    print(format_table(result))
    print('%.2f ms a batch of %d, %.1f images/s (%s)' % (speed[0], index['batch_size'], speed[1], speed[2]) if speed else
          'No speed: keep what msame prints by "| tee %s/msame.log"' % args.outputs)
    return result


if __name__ == '__main__':
    from tools.arguments import run
    sys.exit(run(main))
