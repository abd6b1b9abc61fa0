"""Mode eval of an export: every file by its own runtime, over the evaluation split, in one table."""
import os

from blitznet_estimator import files, text_table
from blitznet_estimator.drivers.batches import iterate
from blitznet_estimator.drivers.score_outputs import score
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.metrics import BEST_METRICS
from blitznet_estimator.formats import description, registry
from blitznet_estimator.formats.child import Picture
from blitznet_estimator.logs import log

NAME = 'evaluation.json'  # in the export's folder


def run(config, input_fn, ground_truth, count):
    """Evaluate what config.run.model names; returns {file and outputs: metrics}, which evaluation.json in the export's folder holds, too.

    Args:
      input_fn: an Estimator's, of features in order, for PREDICT. ground_truth: () -> iterator of the split's samples.
      count: of the split's images.
    """
    folder = description.find(config.run.model)
    runnable = [exported for exported in description.files_of(config.run.model) if _can_run(exported)]
    if not runnable:
        raise UserError('--model=%s: no file of it can be run here: pip install -r %s' % (config.run.model, registry.REQUIREMENTS))
    results = {}
    for exported in runnable:
        results[label(exported)] = evaluate(config, folder, exported, lambda: _examples(input_fn, ground_truth()), ground_truth, count)
    files.write_json(os.path.join(folder, NAME), results)
    print(table(results), flush=True)
    return results


def label(exported):
    """A file and which of its outputs are meant."""
    return '%s (%s, %s)' % (exported.file, exported.outputs, exported.precision)


def _can_run(exported):
    missing = registry.missing(exported.format)
    if missing:
        log.warning('%s is left out: %s is not installed here: pip install -r %s', exported.file, ' and '.join(missing), registry.REQUIREMENTS)
    return not missing


def evaluate(config, folder, exported, examples, ground_truth, count=None):
    """The Scorer's result of a file. examples: () -> iterator of (source_id, Picture)."""
    compute = registry.module_of(exported.format).load(os.path.join(folder, exported.file), exported)
    outputs = (({'source_id': source_id, 'size': picture.pixels.shape[:2]}, {name: values[0] for name, values in compute(picture).items()})
               for source_id, picture in examples())
    return score(config, outputs, ground_truth(), count, exported.outputs == 'complete', 'Evaluating ' + exported.file)


def _examples(input_fn, samples):
    """Yield (source_id, Picture) of each image: the network's input as mode eval sees it, and its own pixels."""
    for batch in iterate(input_fn):
        for source_id, image in zip(batch['source_id'], batch['image']):
            if source_id >= 0:
                sample = next(sample for sample in samples if sample.source_id == source_id)
                yield int(source_id), Picture(sample.image(), image)


def table(results):
    """Text: a row per file, a column per metric."""
    columns = [name for name in BEST_METRICS if any(result.get(name) is not None for result in results.values())]
    return text_table.table(['file'] + columns, [[name] + [_cell(result.get(column)) for column in columns] for name, result in results.items()])


def _cell(value):
    return '-' if value is None else '%.3f' % value
