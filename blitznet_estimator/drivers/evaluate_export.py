"""Mode eval of an export: every file by its own engine, over the evaluation split, in one table."""
import contextlib
import itertools
import os

from blitznet_estimator import files, installed, text_table
from blitznet_estimator.drivers.predictions import predict_by_engine
from blitznet_estimator.drivers.score_outputs import score
from blitznet_estimator.engines import choice
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.metrics import BEST_METRICS
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log

NAME = 'evaluation.json'  # in the export's folder


def run(config, ground_truth, count):
    """Evaluate what config.run.model names; returns {file and outputs: metrics}, which evaluation.json in the export's folder holds, too.

    Of an export's files those of config.run.engine are evaluated, or all. A file that is named is run by its engine.

    Args:
      ground_truth: () -> iterator of the split's samples. count: how many of them are evaluated, the first ones.
    """
    folder = description.find(config.run.model)
    found = description.files_of(config.run.model)
    if config.run.engine:
        engines.check(config.run.engine)
        found = choice.of_engine(config.run.engine, found, config.run.model, description.checkpoint_of(folder))
    runnable = [exported for exported in found if _can_run(exported)]
    if not runnable:
        raise UserError('--model=%s: no file of it can be run here: %s'
                        % (config.run.model, installed.how([name for exported in found for name in _missing(exported)])))
    results = {label(exported): evaluate(config, folder, exported, ground_truth, count) for exported in runnable}
    files.write_json(os.path.join(folder, NAME), results)
    print(table(results), flush=True)
    return results


def label(exported):
    """A file and which of its outputs are meant."""
    return '%s (%s, %s)' % (exported.file, exported.outputs, exported.precision)


def _can_run(exported):
    missing = _missing(exported)
    if missing:
        log.warning('%s is left out: %s is not installed here: %s', exported.file, ' and '.join(missing), installed.how(missing))
    return not missing


def _missing(exported):
    """Names of what the engine of a file lacks here."""
    return engines.missing(engines.of_format(exported.format))


def evaluate(config, folder, exported, ground_truth, count=None):
    """The Scorer's result of a file. ground_truth: () -> iterator of samples; count: how many of them, the first ones; None = all."""
    with contextlib.closing(engines.open_file(folder, exported, config)) as engine:
        images = ((sample.source_id, sample.image()) for sample in itertools.islice(ground_truth(), count))
        return score(config, predict_by_engine(engine, images, config), ground_truth(), count, 'Evaluating ' + exported.file)


def table(results):
    """Text: a row per file, a column per metric."""
    columns = [name for name in BEST_METRICS if any(result.get(name) is not None for result in results.values())]
    return text_table.table(['file'] + columns, [[name] + [_cell(result.get(column)) for column in columns] for name, result in results.items()])


def _cell(value):
    return '-' if value is None else '%.3f' % value
