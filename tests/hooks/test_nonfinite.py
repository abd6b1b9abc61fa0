import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf
from hooks.nonfinite import NonFiniteHook
from tests.hooks.stepping import Clock, run_steps


@pytest.mark.parametrize('steps_per_run', [1, 10])
@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_it_stops_and_prints_every_part(steps_per_run, bad):
    tensors = [('loss', np.float32(bad)), ('loss/class', np.float32(bad)), ('loss/bbox', 1.25), ('learning_rate', 1e-4)]
    with pytest.raises(UserError) as error:
        run_steps(NonFiniteHook(), Clock(), steps_per_run, 5, 1., tensors)
    text = str(error.value)
    assert 'step %d' % steps_per_run in text  # the first
    for part in (': loss = %g, loss/class = %g. The other figures: learning_rate = 0.0001, loss/bbox = 1.25.' % (bad, bad), '--learning_rate'):
        assert part in text


def test_a_part_alone_stops_it():
    with pytest.raises(UserError, match=r': loss/bbox = nan\. The other figures: loss = 1\. '):
        run_steps(NonFiniteHook(), Clock(), 1, 5, 1., [('loss', 1.), ('loss/bbox', np.float32(np.nan))])


def test_what_is_no_loss_does_not():
    clock = Clock()
    run_steps(NonFiniteHook(), clock, 1, 5, 1., [('loss', 1.), ('accuracy/class', np.float32(np.nan))])
    assert clock.now == Clock().now + 5  # after all its runs, of a second each


def test_a_skipped_step_is_no_reason_to_stop():
    def run(applied):
        with tf.Graph().as_default(), tf.Session() as session:
            step = tf.train.get_or_create_global_step()
            counter = tf.get_variable(counted_optimizer.COLLECTION, [], tf.int64, trainable=False)
            tf.add_to_collection(counted_optimizer.COLLECTION, counter)
            hook = NonFiniteHook({'loss': tf.constant(np.nan)})
            hook.begin()
            session.run(tf.global_variables_initializer())
            session.run([step.initializer, counter.initializer])
            hook.after_create_session(session, None)
            step.load(1, session)
            counter.load(applied, session)
            hook.after_run(tf.train.SessionRunContext(None, session), tf.train.SessionRunValues({'loss': np.nan}, None, None))

    run(applied=0)
    with pytest.raises(UserError, match='near step 1'):
        run(applied=1)
