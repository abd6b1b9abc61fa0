"""BlitzNet with TensorFlow Estimators: boxes and a label for every pixel from one network.

  python main.py --mode=train                                   train on the embedded dataset
  python main.py --mode=train --preset=blitznet300 --dataset=folder --data_dir=DIR --warm_start_from=resnet50_full.ckpt
  python main.py --mode=eval    --model_dir=runs/tiny-shapes    mAP and mean IoU of the latest checkpoint
  python main.py --mode=predict --model_dir=... --input=DIR     pictures, masks and detections.json; also --input=val
  python main.py --mode=export  --model_dir=...                 a SavedModel for serving
"""
import sys

import blitznet_estimator  # noqa: F401  first, as it says which Python is needed

# isort: split
from absl import app

import flags
from blitznet_estimator import logs
from blitznet_estimator.exit_codes import exit_code_of


def run(config, words=()):
    """Do what config.run.mode says; returns what its driver returns. TensorFlow is loaded here, after all flags were checked.

    words: the given flags, for the commands that --dry_run shows.
    """
    from blitznet_estimator import memory, outputs
    from blitznet_estimator.platforms import get_platform
    from input_fn.classes import with_classes
    logs.setup()
    memory.limit_malloc_arenas()
    outputs.check(config)
    config = with_classes(config)
    if config.run.dry_run:
        return _dry_run(config, words)
    return MODES[config.run.mode](config, get_platform(config))


def _dry_run(config, words):
    from blitznet_estimator.drivers import dry_run
    from model_fn import model_fn
    return dry_run.run(config, model_fn, words=words)


def _train(config, platform):
    from blitznet_estimator.drivers import setup_summary, train
    from hooks import training_hooks
    from input_fn import make_input_fn, open_dataset
    from model_fn import model_fn, weights
    train.check_resuming(config)  # before the data are prepared
    weights.prepare(config)
    source = open_dataset(config.data, 'train')
    if platform.is_chief:
        open_dataset(config.data, 'eval')  # what is wrong with it is said before the first step, not after the last
    preview, stop = setup_summary.preview_config(config), train.stop_request(config)

    def batches_from(start_step):
        return make_input_fn(config, source, 'train', platform.shard, start_step * platform.batches_per_step)

    return train.run(config, platform, batches_from, model_fn,
                     evaluate=lambda checkpoint: _evaluate_checkpoint(config, platform, checkpoint),
                     hooks=training_hooks(config, platform, stop), stop=stop,
                     summarise=lambda start_step: setup_summary.write(config, make_input_fn(preview, source, 'train'), start_step))


def _evaluate(config, platform):
    from blitznet_estimator.drivers import evaluate_checkpoints
    return evaluate_checkpoints.run(config, lambda checkpoint: _evaluate_checkpoint(config, platform, checkpoint))


def _evaluate_checkpoint(config, platform, checkpoint):
    from blitznet_estimator.drivers import evaluate
    from input_fn import ground_truth, make_input_fn, open_dataset
    from model_fn import model_fn
    source = open_dataset(config.data, 'eval')
    return evaluate.run(config, platform, make_input_fn(config, source, 'infer'), model_fn,
                        lambda: ground_truth(config.data, 'eval'), source.num_examples, checkpoint, source.split)


def _predict(config, platform):
    from blitznet_estimator.drivers import predict
    from input_fn import images_to_predict
    from model_fn import model_fn
    return predict.run(config, platform, images_to_predict(config), model_fn)


def _export(config, platform):
    from blitznet_estimator.drivers import export
    from input_fn import serving_input_receiver_fn
    from model_fn import model_fn
    return export.run(config, platform, model_fn, serving_input_receiver_fn(config))


SKIPPED = 3  # exit code of a prediction that left images out
MODES = {'train': _train, 'eval': _evaluate, 'predict': _predict, 'export': _export}


def main(argv):
    """Entry point of absl; returns the exit code. `exit_codes` says what each one means."""
    logs.setup()

    def work():
        flags.refuse_positional(argv[1:], sys.argv[1:])
        result = run(flags.make_config(), flags.given_words(without=('platform', 'dry_run')))
        return SKIPPED if isinstance(result, dict) and result.get('skipped') else 0
    return exit_code_of(work)


def command():
    """The command line, of `python main.py` and of the installed `blitznet`."""
    flags.define_flags()
    app.run(main, flags_parser=lambda argv: flags.parse(argv, __doc__))


if __name__ == '__main__':
    command()
