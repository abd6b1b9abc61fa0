"""Cadences: step intervals that must be whole loops, because the host only looks at the global step between two loops."""
import math

from blitznet_estimator.errors import UserError

EVALUATIONS = 5  # of a training by default
LEAST_BETWEEN = 20  # steps between them by default: each builds two graphs anew
# (section of the Config, field = flag) of every number of steps that has to be whole loops
CADENCES = (('train', 'train_steps'), ('run', 'save_every'), ('run', 'eval_every'), ('run', 'summary_every'))


def nearest_multiples(steps, loop):
    """The positive multiples of `loop` around `steps`: (below, above), or one where there is no positive one below."""
    below = steps // loop * loop
    return (below, below + loop) if below else (loop,)


def check_cadences(config):
    """Raise UserError unless every interval of `config` is a multiple of --iterations_per_loop, as 0 (off, default) always is."""
    loop = config.run.iterations_per_loop
    if loop < 1:
        raise UserError('--iterations_per_loop=%d must be 1 or more.' % loop)
    wrong = [(name, steps) for name, steps in _cadences(config) if steps % loop]
    if wrong:
        raise UserError('With --iterations_per_loop=%d the host sees every %dth step only, so these must be multiples of %d: %s.'
                        % (loop, loop, loop, '; '.join(_advice(name, steps, loop) for name, steps in wrong)))


def check_remaining(start_step, config):
    """Raise UserError unless whole loops lead from `start_step`, that of the checkpoint, to --train_steps."""
    loop, end = config.run.iterations_per_loop, config.train.train_steps
    remaining = end - start_step
    if remaining > 0 and remaining % loop:
        reachable = [start_step + count for count in nearest_multiples(remaining, loop)]
        raise UserError('The checkpoint is at step %d, and --train_steps=%d is not reached from there by whole loops of '
                        '--iterations_per_loop=%d: use --train_steps=%s, or --iterations_per_loop=%d for this run.'
                        % (start_step, end, loop, ' or '.join(map(str, reachable)), _largest_divisor(remaining, loop)))


def eval_steps(config):
    """Steps between evaluations: --eval_every, of which 0 means none before the end, and -1 a fifth of training in whole loops."""
    run, loop = config.run, config.run.iterations_per_loop
    if run.eval_every >= 0:
        return run.eval_every
    return whole_loops(max(config.train.train_steps / EVALUATIONS, LEAST_BETWEEN), loop)


def save_steps(config):
    """Steps between checkpoints: --save_every, or a given --eval_every, or about a thousand, but no less often than there are evaluations."""
    run, loop = config.run, config.run.iterations_per_loop
    thousand = max(1000 // loop, 1) * loop
    return run.save_every or (run.eval_every if run.eval_every > 0 else min(eval_steps(config) or thousand, thousand))


def whole_loops(steps, loop):
    """The least multiple of `loop` that is at least `steps`."""
    return math.ceil(steps / loop) * loop


def _cadences(config):
    values = [(name, getattr(getattr(config, section), name)) for section, name in CADENCES]
    return [(name, 0 if name == 'eval_every' and steps < 0 else steps) for name, steps in values]


def _advice(name, steps, loop):
    return '--%s=%d (nearest: %s)' % (name, steps, ' or '.join(map(str, nearest_multiples(steps, loop))))


def _largest_divisor(number, limit):
    """The largest divisor of `number` that is at most `limit`."""
    return next(divisor for divisor in range(min(number, limit), 0, -1) if number % divisor == 0)
