import pytest

from blitznet_estimator.cadence import check_cadences, check_remaining, eval_steps, nearest_multiples, save_steps
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError


def _config(loop, steps=1000, **run):
    return Config().replace(train=dict(train_steps=steps), run=dict(iterations_per_loop=loop, **run))


def _complaint(config):
    """What `check_cadences` raises, '' for nothing."""
    try:
        check_cadences(config)
    except UserError as error:
        return str(error)
    return ''


def test_one_step_per_loop_allows_everything():
    assert _complaint(_config(1, 997, save_every=13, eval_every=7, summary_every=3)) == ''


def test_zero_means_off():
    assert _complaint(_config(100, 1000, save_every=0, eval_every=0)) == ''


def test_every_wrong_flag_is_named_with_its_nearest_values():
    with pytest.raises(UserError) as error:
        check_cadences(_config(300, 40000, save_every=5000, eval_every=600, summary_every=100))
    text = str(error.value)
    assert '--train_steps=40000 (nearest: 39900 or 40200)' in text
    assert '--save_every=5000 (nearest: 4800 or 5100)' in text
    assert '--summary_every=100 (nearest: 300)' in text
    assert 'eval_every' not in text and '--iterations_per_loop=300' in text


def test_a_loop_has_steps():
    with pytest.raises(UserError, match='iterations_per_loop=0'):
        check_cadences(_config(0))


def test_remaining_steps_are_whole_loops():
    check_remaining(500, _config(100))
    check_remaining(1000, _config(300))  # finished
    check_remaining(1200, _config(300))
    with pytest.raises(UserError) as error:
        check_remaining(450, _config(100))
    assert 'step 450' in str(error.value) and '--train_steps=950 or 1050' in str(error.value)
    assert '--iterations_per_loop=55 ' in str(error.value)  # 550 = 10 * 55


def test_checkpoints_are_whole_loops_by_default():
    assert save_steps(_config(1, eval_every=0)) == 1000
    assert save_steps(_config(300, eval_every=0)) == 900
    assert save_steps(_config(5000, eval_every=0)) == 5000
    assert save_steps(_config(100, eval_every=400)) == 400
    assert save_steps(_config(100, eval_every=400, save_every=200)) == 200
    assert save_steps(_config(1, 2000)) == 400 and save_steps(_config(1, 40000)) == 1000


def test_five_evaluations_by_default_in_whole_loops():
    assert eval_steps(_config(1)) == 200
    assert eval_steps(_config(300, 3000)) == 600
    assert eval_steps(_config(1, 50)) == 20  # no more often, as each builds its graphs anew
    assert eval_steps(_config(1, eval_every=0)) == 0 and eval_steps(_config(1, eval_every=7)) == 7
    assert _complaint(_config(100)) == ''


def test_nearest():
    assert nearest_multiples(40000, 300) == (39900, 40200)
    assert nearest_multiples(20, 300) == (300,)
