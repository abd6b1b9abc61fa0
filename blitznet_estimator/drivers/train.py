"""Mode train: training and evaluation in turn, from the last checkpoint to the last step."""
import contextlib
import os

from blitznet_estimator import cadence, files, freezing, memory, published_weights, saved_config
from blitznet_estimator.drivers import checkpoint_listing, checkpoints, metrics_file, metrics_table, patience, rollbacks, start_lines, time_budget
from blitznet_estimator.drivers.pauses import EvaluationPauses, tell
from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.errors import NonFiniteLoss, UserError, listed
from blitznet_estimator.logs import log
from blitznet_estimator.stop_request import StopRequest
from blitznet_estimator.trunks import TRUNKS

LOCK = '.training'  # file in a model's folder, which a training locks
IMAGES = 16  # of a step, that a message names
LEFT = ('model.ckpt-*_temp*', 'model.ckpt-*.tempstate*', 'checkpoint.tmp*')  # by a killed training


def run(config, platform, input_fn, model_fn, evaluate, hooks=(), summarise=None, stop=None, about=None, budget=None):
    """Train to config.train.train_steps; returns the metrics of the last evaluation.

    Where the platform `pauses`, an evaluation runs between two steps of an open session. Other devices cannot hold both: there, training closes
    its session before each evaluation, and each phase between two has a graph and a session of its own.

    Args:
      input_fn: number of a step's batch -> an Estimator's input_fn of the training batches from that one on.
      evaluate: path of a checkpoint -> metrics; it saves them as metrics.json and in metrics.csv.
      hooks: session-run hooks, which see all phases of training. One with a `close` is closed at the end, whatever happens.
      summarise: called with the step that training starts from, by the process that writes.
      stop: a StopRequest of `stop_request`, which a hook defers while there is work to save.
      about: the start_lines.About that is said at the start; None says less.
      budget: a TimeBudget, which a hook looks at, too.

    Raises Stopped where a signal ended it.
    """
    with _alone(config.run.model_dir) if platform.is_chief else contextlib.nullcontext():
        return _run(config, platform, input_fn, model_fn, evaluate, hooks, summarise, stop or stop_request(config, platform), about,
                    budget or time_budget.TimeBudget(config))


@contextlib.contextmanager
def _alone(model_dir):
    """No other process trains in `model_dir` meanwhile. UserError where one does."""
    with files.only_one(os.path.join(model_dir, LOCK)) as alone:
        if alone is None:
            log.warning('The file system of %s has no locks: nothing keeps a second training from writing there, too.', model_dir)
        elif not alone:
            raise UserError('--model_dir=%s: another training writes there now. Wait for its end, stop it, or give another --model_dir.' % model_dir)
        for folder in (model_dir, os.path.join(model_dir, checkpoints.BEST)):
            files.sweep(folder, LEFT)
        yield


def _run(config, platform, input_fn, model_fn, evaluate, hooks, summarise, stop, about, budget):
    start = _open_model_dir(config, platform, about)
    estimator = platform.estimator(model_fn, {'config': config})
    start = platform.agree_on_start(estimator, start)
    budget.start(start)
    try:
        with stop:
            if summarise and platform.is_chief and start < config.train.train_steps:
                log.info('Drawing training images for TensorBoard ...')
                summarise(start)
            _alternate(config, platform, estimator, start, input_fn, evaluate, hooks, stop, budget)
            platform.leave()
    finally:
        tell(hooks, 'close')
    return metrics_file.read(config.run.model_dir)


def stop_request(config, platform):
    """What takes Ctrl-C and SIGTERM over while a model is trained, and says which step is saved."""
    if platform.makes_own_steps and not platform.is_chief:
        return StopRequest(lambda: 'The steps of this process are in those that the chief saves.')
    return StopRequest(lambda: _describe_saved(config.run.model_dir))


def _describe_saved(model_dir):
    step = checkpoints.latest_step(model_dir)
    return 'Step %d is saved; the same command resumes from there.' % step if step else 'No step was trained yet.'


def check_resuming(config):
    """The step that a training starts from. UserError where what is there is of other classes, of another network or of another training."""
    start = checkpoints.latest_step(config.run.model_dir)
    best = os.path.join(config.run.model_dir, checkpoints.BEST)
    if start:
        saved_config.check_same_classes(config)
        saved_config.check_same_network(config)
    elif saved_config.has_checkpoints(best):
        raise UserError('--model_dir=%s has the best checkpoints of a training, but none to resume it from: they would be taken for those of this '
                        'training. Name another --model_dir, or remove %s and %s first.'
                        % (config.run.model_dir, best, os.path.join(config.run.model_dir, metrics_table.NAME)))
    return start


def _open_model_dir(config, platform, about=None):
    """Check the configuration, and save it where there is something to train; returns the step to start from."""
    model_dir, total = config.run.model_dir, config.train.train_steps
    cadence.check_cadences(config)
    patience.check(config, platform)
    time_budget.check(config, platform)
    rollbacks.check(config, platform)
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
    for line in start_lines.lines(config, about, platform.num_workers) if about else ():
        log.info(line)
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
                    listed(before.data.class_names, saved_config.SHOWN))
    if not path and freezing.TRUNK in config.train.freeze:
        log.warning('--freeze=%s: the trunk starts from random weights and keeps them. Give --warm_start_from.', ','.join(config.train.freeze))
    elif not path and trunk.published:
        log.warning('The trunk %s starts from random weights, though trained ones are published: --warm_start_from=%s saves most of the '
                    'training.', config.network.trunk, published_weights.IMAGENET)


def next_stop(step, every, total):
    """The next step, after `step`, to evaluate at: a multiple of `every` (0 = none), or the last."""
    return min(total, (step // every + 1) * every) if every else total


def _is_stop(step, every, total):
    return step >= total or bool(every and step and step % every == 0)


def _alternate(config, platform, estimator, step, input_fn, evaluate, hooks, stop, budget):
    """Train to the next stop and evaluate there, until the last; first an evaluation that the last run was killed before."""
    every, total, gone_back = cadence.eval_steps(config), config.train.train_steps, rollbacks.Rollbacks(config)
    gone_back.start(step)

    def pause(reached):
        budget.save()
        _evaluate_once(config, reached, evaluate)
        return _ends_early(config, platform, reached, False)
    pauses = EvaluationPauses(every, total, hooks, stop, pause) if platform.pauses else None
    while True:
        is_over = bool(step and budget.is_spent())
        if platform.is_chief and (is_over or _is_stop(step, every, total)):
            _evaluate_once(config, step, evaluate)
        if step >= total or _ends_early(config, platform, step, is_over):
            return
        goal = total if pauses else next_stop(step, every, total)
        log.info('Building the graph of training. Its first step takes longer than the others ...')
        batches = input_fn(gone_back.batch(step))
        try:
            _train_to(goal, config, platform, estimator, batches, hooks, stop, budget, pauses)
        except NonFiniteLoss as error:
            if not platform.makes_own_steps:  # else nobody knows which of the steps were made here
                _name_images(error, batches, error.step - step - 1, platform.batches_per_step)
            checkpoint_listing.mend(config.run.model_dir)  # where an adapter saves, the newest may be spoilt
            step = checkpoints.latest_step(config.run.model_dir)
            gone_back.go_back(error, step)
            continue
        finally:
            memory.release()
        if pauses and pauses.has_ended:
            return
        reached = checkpoints.latest_step(config.run.model_dir)
        step = reached if budget.is_spent() else max(goal, reached)  # beyond it where several processes make steps of their own
        _check_reached(config, platform, step)


def _name_images(error, batches, before, per_step):
    """Add the images of its step to a NonFiniteLoss, where the input knows them.

    before: steps of the phase before that one. per_step: batches of a step.
    """
    log.info('Looking for the images of step %d ...', error.step)
    names = getattr(batches, 'records_of', lambda *_: ())(before * per_step, per_step)
    if names:
        error.args = ('%s The images of step %d: %s.' % (error, error.step, '; '.join(names[:IMAGES]) + _more(len(names) - IMAGES)),)


def _more(count):
    return ' and %d more' % count if count > 0 else ''


def _evaluate_once(config, step, evaluate):
    """Evaluate the latest checkpoint, unless another process did meanwhile (--watch); one that is at it is waited for."""
    latest = checkpoints.find(config.replace(run=dict(checkpoint_path='')))
    with metrics_table.claimed(config, step, latest):
        if metrics_table.find(config, step, latest) is None:
            evaluate(latest)
            memory.release()


def _ends_early(config, platform, step, is_over):
    """Whether training ends before its last step; said in a line, and in config.json, for who watches.

    is_over: whether its time is. Else the evaluations decide, where they get no better.
    """
    reason = patience.exhausted(config, step) if not is_over else 'Training ends at step %d of %d: --train_minutes=%g are over.' % (
        step, config.train.train_steps, config.train.train_minutes)
    if reason:
        log.info(reason)
        if platform.is_chief:
            saved_config.write(config.replace(train=dict(train_steps=step)))
    return bool(reason)


def _train_to(goal, config, platform, estimator, batches, hooks, stop, budget, pauses):
    """One phase of training. A signal raises Stopped once the last step is saved."""
    try:
        with user_errors('The latest checkpoint in %s' % config.run.model_dir, batches):
            platform.train(estimator, batches, goal, list(hooks), pauses)
    except BaseException:
        stop.cancel()
        raise
    budget.save()
    stop.release()


def _check_reached(config, platform, stop):
    """UserError where training ended early. Only the chief's checkpoints are there to be looked at."""
    reached = checkpoints.latest_step(config.run.model_dir)
    if platform.is_chief and reached < stop:
        raise UserError('Training ended at step %d, before step %d: the training data of --dataset=%s ran out.'
                        % (reached, stop, config.data.dataset))
