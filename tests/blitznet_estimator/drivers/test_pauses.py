"""Evaluations between two steps of an open session."""
import os
import signal

import pytest

from blitznet_estimator.drivers import checkpoints, train
from blitznet_estimator.drivers.pauses import EvaluationPauses
from blitznet_estimator.runtime import tf
from blitznet_estimator.stop_request import Stopped
from hooks.stop import StopHook
from tests.blitznet_estimator.drivers import stand_in
from tests.blitznet_estimator.drivers.training_run import Run


@pytest.mark.parametrize('options, starts', [({}, [0]), ({'recompute': True}, [0, 4, 8]), ({'accumulate_steps': 2}, [0, 4, 8])])
def test_training_and_evaluation_take_turns(tmp_path, options, starts):
    run = Run(tmp_path, eval_every=4, train=options)
    assert run() == {'global_step': 10, 'mIoU': .5}
    assert run.evaluated == [4, 8, 10]  # and the last step, which is no multiple
    assert run.starts == starts  # a session for all, or for each phase between two evaluations, where memory is to be saved
    assert checkpoints.latest_step(str(tmp_path)) == 10


@pytest.mark.parametrize('recompute', [False, True])
def test_an_evaluation_sees_the_weights_of_its_step_and_changes_none(tmp_path, recompute):
    class Weights(Run):
        """Notes the weight that is saved, where it evaluates, by a graph of its own."""

        def _evaluate(self, path):
            super()._evaluate(path)
            with tf.Graph().as_default(), tf.Session() as session:
                weights.append(session.run(tf.constant(tf.train.load_variable(path, 'weight'))))

    weights, value, velocity, expected = [], 0., 0., []
    run = Weights(tmp_path, steps=6, eval_every=2, train=dict(recompute=recompute))
    run()
    for _ in range(6):  # loss (w - 1)^2, rate .1, momentum .5
        velocity = .5 * velocity + 2 * (value - 1)
        value -= .1 * velocity
        expected.append(value)
    assert weights == pytest.approx(expected[1::2], abs=1e-6)


def test_an_evaluation_that_loops_of_steps_pass_over_is_made_after_the_loop():
    pauses = EvaluationPauses(4, 12, [], None, None)
    assert [step for before, step in ((0, 3), (3, 6), (6, 9), (9, 12)) if pauses.is_due(before, step)] == [6, 9]  # of 12 the driver takes care
    assert not EvaluationPauses(0, 12, [], None, None).is_due(0, 6)


def test_a_signal_during_an_evaluation_ends_training_at_once(tmp_path):
    class Signalled(Run):
        """A signal comes in the evaluation of step 4."""

        def _evaluate(self, path):
            if checkpoints.step_of(path) == 4:
                os.kill(os.getpid(), signal.SIGTERM)
                raise AssertionError('the signal was put off')
            super()._evaluate(path)

    run = Signalled(tmp_path, eval_every=2)
    stop = train.stop_request(run.config, run.platform)
    with pytest.raises(Stopped, match='Step 4 is saved'):
        train.run(run.config, run.platform, run._start, stand_in.model_fn, run._evaluate, [StopHook(stop)], stop=stop)
    assert run.evaluated == [2] and checkpoints.latest_step(str(tmp_path)) == 4
    again = Run(tmp_path, eval_every=2)
    again()
    assert again.evaluated == [4, 6, 8, 10] and again.starts == [4]


def test_hooks_are_told_of_the_evaluations_between_their_steps(tmp_path):
    class Told(tf.train.SessionRunHook):
        """Notes what it is told."""

        def pause(self, session):
            said.append('pause')

        def resume(self, session):
            said.append('resume')

        def after_run(self, run_context, run_values):
            said.append('step')

    said = []
    Run(tmp_path, steps=5, eval_every=2)([Told(), tf.train.SessionRunHook()])
    assert said == ['step', 'step', 'pause', 'resume'] * 2 + ['step']
