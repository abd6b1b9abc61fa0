"""Mode train: training and evaluation in turn, from the last checkpoint to the last step."""
import contextlib
import os
import textwrap

from blitznet_estimator import cadence, files, memory, presets, published_weights, saved_config
from blitznet_estimator.drivers import checkpoint_listing, checkpoints, metrics_file, metrics_table
from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.trunks import TRUNKS

LOCK = '.training'  # file in a model's folder, which a training locks


def run(config, platform, input_fn, model_fn, evaluate, hooks=(), summarise=None):
    """Train to config.train.train_steps; returns the metrics of the last evaluation.

    Evaluation never runs inside a training session, which some devices can't hold; each phase has a graph and a session of its own.

    Args:
      input_fn: start_step -> an Estimator's input_fn of training batches, whose order depends on start_step.
      evaluate: path of a checkpoint -> metrics; it saves them as metrics.json and in metrics.csv.
      hooks: session-run hooks, which see all phases of training. One with a `close` is closed at the end, whatever happens.
      summarise: called with the step that training starts from, by the process that writes.
    """
    with _alone(config.run.model_dir) if platform.is_chief else contextlib.nullcontext():
        return _run(config, platform, input_fn, model_fn, evaluate, hooks, summarise)


@contextlib.contextmanager
def _alone(model_dir):
    """No other process trains in `model_dir` meanwhile. UserError where one does."""
    with files.only_one(os.path.join(model_dir, LOCK)) as alone:
        if not alone:
            raise UserError('--model_dir=%s: another training writes there now. Wait for its end, stop it, or give another --model_dir.' % model_dir)
        yield


def _run(config, platform, input_fn, model_fn, evaluate, hooks, summarise):
    start = _open_model_dir(config, platform)
    estimator = platform.estimator(model_fn, {'config': config})
    start = platform.agree_on_start(estimator, start)
    try:
        if summarise and platform.is_chief and start < config.train.train_steps:
            summarise(start)
        _alternate(config, platform, estimator, start, input_fn, evaluate, hooks)
    except KeyboardInterrupt:
        log.info('Interrupted. The same command resumes from step %d.', checkpoints.latest_step(config.run.model_dir))
        raise
    finally:
        for hook in hooks:
            getattr(hook, 'close', lambda: None)()
    return metrics_file.read(config.run.model_dir)


def check_resuming(config):
    """The step that a training starts from. UserError where what is there is of other classes or of another network."""
    start = checkpoints.latest_step(config.run.model_dir)
    if start:
        saved_config.check_same_classes(config)
        saved_config.check_same_network(config)
    return start


def _open_model_dir(config, platform):
    """Check the configuration, and save it where there is something to train; returns the step to start from."""
    model_dir, total = config.run.model_dir, config.train.train_steps
    cadence.check_cadences(config)
    if platform.is_chief:
        checkpoint_listing.mend(model_dir)
    start = check_resuming(config)
    saved = saved_config.read(model_dir) if start else None
    cadence.check_remaining(start, config)
    if start >= total:
        log.info('%s is finished: step %d of %d.', model_dir, start, total)
        return start
    if platform.is_chief:
        saved_config.write(config)
    for line in describe(config):
        log.info(line)
    log.info(presets.describe_recipe(config))
    _say_what_is_new(config, saved, start)
    log.info('%s step %d of %d on %s, in %s', 'Resuming from' if start else 'Starting at', start, total, platform.describe(), model_dir)
    return start


def _say_what_is_new(config, saved, start):
    """What differs from the last start, or where the first weights are from. saved: the Config of the last start, or None."""
    changed = saved_config.differences(saved, config) if saved else []
    if changed:
        log.info('Changed since the last start: %s', ', '.join(changed))
    if not start:
        _say_where_weights_are_from(config, config.train.warm_start_from)


def _say_where_weights_are_from(config, path):
    trunk, names = TRUNKS[config.network.trunk], config.data.class_names
    before = path and not published_weights.is_foreign(path) and saved_config.beside(path)[0]
    if before and before.data.class_names != names and len(before.data.class_names) == len(names):
        log.warning('--warm_start_from=%s tells other classes apart (%s): its heads are taken too, as there are as many.', path,
                    saved_config.listed(before.data.class_names))
    if not path and trunk.published:
        log.warning('The trunk %s starts from random weights, though trained ones are published: --warm_start_from=%s saves most of the '
                    'training.', config.network.trunk, published_weights.IMAGENET)


def describe(config):
    """The effective configuration as lines of text, a section after the other."""
    lines = []
    for name, section in vars(config).items():
        settings = section or {} if name == 'npu' else vars(section)
        text = ' '.join('%s=%s' % (field, saved_config.text(value)) for field, value in sorted(settings.items()))
        lines += textwrap.wrap(text, 118, initial_indent='%-10s' % name, subsequent_indent=' ' * 10,
                               break_long_words=False, break_on_hyphens=False)
    return lines


def next_stop(step, every, total):
    """The next step, after `step`, to evaluate at: a multiple of `every` (0 = none), or the last."""
    return min(total, (step // every + 1) * every) if every else total


def _is_stop(step, every, total):
    return step >= total or bool(every and step and step % every == 0)


def _alternate(config, platform, estimator, step, input_fn, evaluate, hooks):
    """Train to the next stop and evaluate there, until the last; first an evaluation that the last run was killed before.

    What another process evaluated meanwhile (--watch) is not evaluated again; what it is evaluating is waited for.
    """
    run, total = config.run, config.train.train_steps
    while True:
        if platform.is_chief and _is_stop(step, run.eval_every, total):
            latest = checkpoints.find(config.replace(run=dict(checkpoint_path='')))
            with metrics_table.claimed(config, step, latest):
                if metrics_table.find(config, step, latest) is None:
                    evaluate(latest)
                    memory.release()
        if step >= total:
            return
        stop = next_stop(step, run.eval_every, total)
        batches = input_fn(step)
        with user_errors('The latest checkpoint in %s' % run.model_dir, batches):
            estimator.train(batches, max_steps=stop, hooks=list(hooks))
        memory.release()
        _check_reached(config, platform, stop)
        step = stop


def _check_reached(config, platform, stop):
    """UserError where training ended early. Only the chief's checkpoints are there to be looked at."""
    reached = checkpoints.latest_step(config.run.model_dir)
    if platform.is_chief and reached < stop:
        raise UserError('Training ended at step %d, before step %d: the training data of --dataset=%s ran out.'
                        % (reached, stop, config.data.dataset))
