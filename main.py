"""BlitzNet with TensorFlow Estimators: boxes and a label for every pixel from one network.

  python main.py --mode=train                                   train on the embedded dataset
  python main.py --mode=train --preset=blitznet300 --data_dir=DIR --warm_start_from=imagenet   on your own data
  python main.py --mode=eval    --model_dir=runs/tiny-shapes    mAP and mean IoU of the latest checkpoint
  python main.py --mode=predict --model_dir=... --input=DIR     pictures, masks and detections.json; also --input=val
  python main.py --mode=export  --model_dir=...                 a SavedModel for serving
  python main.py report         --model_dir=...                 a tool: prepare_data, report, score, inspect, benchmark
"""
import runpy
import sys

import blitznet_estimator  # noqa: F401  first, as it says which Python is needed

# isort: split
from absl import app

import flags
from blitznet_estimator import logs
from blitznet_estimator.config import OWN_SCORES
from blitznet_estimator.exit_codes import INCOMPLETE, exit_by, exit_code_of
from blitznet_estimator.logs import log


def run(config, words=()):
    """Do what config.run.mode says; returns what its driver returns. TensorFlow is loaded here, after all flags were checked.

    words: the given flags, for the commands that --dry_run shows.
    """
    logs.setup()
    with_tensorflow = _needs_tensorflow(config)
    if with_tensorflow and 'tensorflow' not in sys.modules:
        log.info('Loading TensorFlow ...')
    from blitznet_estimator import memory, outputs
    from blitznet_estimator.formats import registry
    from blitznet_estimator.platforms import get_platform, precision
    from input_fn.classes import with_classes
    memory.limit_malloc_arenas()
    outputs.check(config)
    if config.run.mode == 'export':
        registry.check(config.run.export_formats, config.run.quantize)
    config = with_classes(config)
    if config.run.dry_run:
        return _dry_run(config, words)
    config = precision.resolved(config)
    return MODES[config.run.mode](config, get_platform(config) if with_tensorflow else None)


def _needs_tensorflow(config):
    """Whether TensorFlow computes. To predict by another engine takes half the time without its import."""
    from blitznet_estimator.engines import registry
    return config.run.mode != 'predict' or registry.is_default(config.run.engine)


def _dry_run(config, words):
    from blitznet_estimator.drivers import dry_run
    from model_fn import model_fn
    return dry_run.run(config, model_fn, words=words)


def _train(config, platform):
    if platform.only_serves:
        return platform.serve()
    if platform.only_evaluates:
        log.info('This process of the job evaluates each checkpoint that the others save.')
        return _evaluate(config.replace(run=dict(mode='eval', watch=True)), platform)
    from blitznet_estimator import class_weights, epochs
    from blitznet_estimator.drivers import setup_summary, train
    from blitznet_estimator.drivers.time_budget import TimeBudget
    from hooks import training_hooks
    from input_fn import make_input_fn, open_dataset
    from input_fn.datasets.contents import count_pixels
    from model_fn import model_fn, weights
    start = train.check_resuming(config)  # before the data are prepared
    weights.prepare(config)
    source = open_dataset(config.data, 'train')
    config = epochs.with_steps(platform.resolved(config), source.num_examples, platform.num_workers)
    config = class_weights.resolved(config, lambda: count_pixels(source, config.data))
    if platform.is_chief:
        evaluated = open_dataset(config.data, 'eval')  # what is wrong with it is said before the first step, not after the last
    is_new = platform.is_chief and start < config.train.train_steps
    about = _about(config, source, evaluated) if is_new else None
    preview, stop, budget = setup_summary.preview_config(config), train.stop_request(config, platform), TimeBudget(config)

    def batches_from(start_step):
        return make_input_fn(config, source, 'train', platform.shard, platform.batches_before(start_step))

    metrics = train.run(config, platform, batches_from, model_fn,
                        evaluate=lambda checkpoint: _evaluate_checkpoint(config, platform, checkpoint),
                        hooks=training_hooks(config, platform, stop, budget), stop=stop, budget=budget, about=about,
                        summarise=lambda start_step: setup_summary.write(config, make_input_fn(preview, source, 'train'), start_step))
    if platform.is_chief:
        _finish(config, config.run.report and is_new)
    return metrics


def _about(config, source, evaluated):
    """What the start of a training says of its data and its network."""
    from blitznet_estimator.drivers.start_lines import About
    from input_fn.datasets.contents import count_boxes
    from model_fn.network import cost
    trained = cost.total(config.network, config.train.freeze).parameters if config.train.freeze else None
    return About(source.num_examples, count_boxes(source, config.data), evaluated.num_examples, *cost.total(config.network), trained)


def _finish(config, with_report):
    """Write the report of a training where it is asked for, and say what can be done with the model."""
    from blitznet_estimator.drivers import next_steps
    page = _write_report(config) if with_report else ''
    log.info(next_steps.after_training(config.run.model_dir, page))


def _write_report(config):
    """Path of the report's page; '' where it could not be written, which spoils no training."""
    log.info('Writing the report ...')
    try:
        from tools.report.build import build
        return build(config, config.data, config.run.model_dir, progress=config.run.progress)
    except Exception as error:  # of a library that draws, or of the disk
        log.warning('The report was not written (%s): python -m tools.report --model_dir=%s tries again.', error, config.run.model_dir)
        return ''


def _evaluate(config, platform):
    from blitznet_estimator.drivers import evaluate_checkpoints
    if config.run.model:
        return _evaluate_export(config)
    return evaluate_checkpoints.run(config, lambda checkpoint: _evaluate_checkpoint(config, platform, checkpoint))


def _evaluate_export(config):
    from blitznet_estimator.drivers import evaluate_export
    from input_fn import ground_truth, open_dataset
    count = _evaluated(config, open_dataset(config.data, 'eval'))
    return evaluate_export.run(config, lambda: ground_truth(config.data, 'eval'), count)


def _evaluated(config, source):
    """How many images of a split are evaluated, the first ones."""
    count = config.run.num_evaluated(source.num_examples)
    if count < source.num_examples:
        log.info('Evaluating the first %d of %d images, as --eval_limit says.', count, source.num_examples)
    return count


def _evaluate_checkpoint(config, platform, checkpoint):
    from blitznet_estimator.drivers import evaluate
    from input_fn import ground_truth, make_input_fn, open_dataset
    from model_fn import model_fn
    source = open_dataset(config.data, 'eval')
    return evaluate.run(config, platform, make_input_fn(config, source, 'infer'), model_fn,
                        lambda: ground_truth(config.data, 'eval'), _evaluated(config, source), checkpoint, source.split)


def _predict(config, platform):
    from blitznet_estimator.video import words
    log.info('Building the graph to predict ...' if not config.run.model else 'Loading the export ...')
    videos = words.find(config.run.input_paths)
    if videos:
        return _predict_videos(config, videos)
    from blitznet_estimator.drivers import predict
    from input_fn import images_to_predict
    model_fn = None
    if platform:  # else another engine computes
        from model_fn import model_fn
    return predict.run(config, platform, images_to_predict(config), model_fn, _open_model)


def _predict_videos(config, videos):
    from blitznet_estimator.drivers import predict_video
    with _open_model(config) as model:
        return predict_video.run(config, videos, model)


def _open_model(config, color='bgr'):
    """The Model of the Python API that a Config means."""
    from api import Model
    from blitznet_estimator.drivers import checkpoints
    run, min_score = config.run, None if config.run.min_score == OWN_SCORES else config.run.min_score
    path = run.model or (checkpoints.find(config) if run.checkpoint_path else run.model_dir)
    return Model(path, color, min_score=min_score, classes=run.classes, platform=run.platform, threads=run.threads,
                 batch_size=config.data.eval_batch_size, engine=run.engine, config=config)


def _export(config, platform):
    log.info('Building the graph to export ...')
    from blitznet_estimator.drivers import export
    from input_fn import ground_truth
    from input_fn import serving as serving_input
    from model_fn import serving as serving_model
    return export.run(config, platform, serving_input, serving_model, lambda role: ground_truth(config.data, role))


MODES = {'train': _train, 'eval': _evaluate, 'predict': _predict, 'export': _export}


def main(argv):
    """Entry point of absl; returns the exit code. `exit_codes` says what each one means."""
    logs.setup()

    def work():
        flags.refuse_positional(argv[1:], sys.argv[1:])
        result = run(flags.make_config(), flags.given_words(without=('platform', 'dry_run')))
        return INCOMPLETE if isinstance(result, dict) and result.get('skipped') else 0
    return exit_code_of(work)


def command():
    """The command line, of `python main.py` and of the installed `blitznet`. A tool's name as the first word runs that tool."""
    exit_by(_command)


def _command():
    if sys.argv[1:] and sys.argv[1] in flags.TOOLS:
        runpy.run_module(flags.TOOLS[sys.argv.pop(1)], run_name='__main__', alter_sys=True)
        return
    flags.define_flags()
    app.run(main, flags_parser=lambda argv: flags.parse(argv, __doc__))


if __name__ == '__main__':
    command()
