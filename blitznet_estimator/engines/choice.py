"""Which file of an export an engine takes, which is the fastest, and which command makes what is not there. TensorFlow is not needed here."""
import os

from blitznet_estimator import exports
from blitznet_estimator.engines import registry
from blitznet_estimator.engines.registry import DEFAULT, ENGINES
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import description

PLAIN = 'float32'
CLEARLY = 1.2  # times as fast: less may be chance


def of_engine(engine, found, where, checkpoint):
    """The files of an export, `registry.Exported`, that an engine runs; UserError where there are none.

    where: path of the export. checkpoint: its own, for the message.
    """
    fitting = [exported for exported in found if exported.format in ENGINES[engine].formats]
    if not fitting:
        others = ', '.join('--engine=%s' % name for name in dict.fromkeys(registry.of_format(exported.format) for exported in found))
        raise UserError('--engine=%s: %s has no file that it runs%s. This makes one: %s'
                        % (engine, where, ', but some for ' + others if others else '', command(engine, '--checkpoint_path=' + checkpoint)))
    return fitting


def command(engine, model):
    """The command that exports what an engine runs. model: the flag that names the model."""
    return 'python main.py --mode=export %s --export_formats=%s' % (model, ENGINES[engine].formats[0])


def of_path(path, engine=''):
    """(folder, Exported): what an engine runs of the export that a path means. Without an engine TensorFlow is taken, or what runs the file.

    Of several files it takes the first of its formats in float32, and the outputs that suit it. A path of one file means that file.
    """
    folder, found = description.find(path), description.files_of(path)
    if not engine:
        engine = registry.of_format(found[0].format) if _is_one_file(found) else DEFAULT
    registry.check(engine)
    return folder, first(engine, of_engine(engine, found, path, description.checkpoint_of(folder)))


def _is_one_file(found):
    return len({exported.file for exported in found}) == 1


def first(engine, found):
    """The file that an engine takes of those that it runs."""
    entry = ENGINES[engine]
    return min(found, key=lambda one: (entry.formats.index(one.format), one.precision != PLAIN, one.outputs != entry.outputs))


def of_run(model_dir, engine, weights):
    """(folder, Exported): what an engine runs of the newest export in a run's folder that was made of a checkpoint.

    weights: the checkpoint's digest. UserError with the command that makes an export where there is none.
    """
    registry.check(engine)
    for folder in exports_of(model_dir, weights):
        found = [exported for exported in description.files_of(folder) if exported.format in ENGINES[engine].formats]
        if found:
            return folder, first(engine, found)
    raise UserError('--engine=%s runs exported files, and %s has none for it of this checkpoint. This makes one: %s'
                    % (engine, os.path.join(model_dir, exports.FOLDER), command(engine, '--model_dir=' + model_dir)))


def exports_of(model_dir, weights):
    """Folders of the exports in a run's folder that were made of a checkpoint, the newest first. weights: its digest."""
    found = exports.numbered(os.path.join(model_dir, exports.FOLDER), description.NAME)
    return [found[number] for number in sorted(found, reverse=True) if description.weights_of(found[number]) == weights]


def hint(folder, exported=None):
    """A sentence that names the fastest engine that is installed, if an export's file was clearly faster by it than what is used; else ''.

    Of each engine the file counts that `--engine` takes. All were compared with the checkpoint, and timed, when they were exported.
    exported: what is used; None stands for TensorFlow.
    """
    times = description.times_of(folder)
    timed = {engine: [one for one in times if one.format in entry.formats] for engine, entry in ENGINES.items() if not registry.missing(engine)}
    taken = {engine: first(engine, found) for engine, found in timed.items() if found}
    used = exported or taken.get(DEFAULT)
    fastest = min(taken, key=lambda engine: times[taken[engine]], default=None)
    if used not in times or times[taken[fastest]] * CLEARLY > times[used]:
        return ''
    return 'Faster: --engine=%s took %.0f ms per picture when %s was exported, and %s %.0f ms.' % (
        fastest, times[taken[fastest]], folder, registry.of_format(used.format), times[used])
