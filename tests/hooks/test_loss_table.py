import pytest

from hooks import loss_table
from hooks.loss_table import LossTableHook
from tests.hooks.stepping import Clock, run_steps

LOSSES = (('loss', 2.5), ('loss/class', 1.25))


def _rows(folder):
    return [(int(row['global_step']), row['loss'], row['loss/class']) for row in loss_table.read(str(folder / 'losses.csv'))]


@pytest.mark.parametrize('steps_per_run', [1, 10])
def test_a_row_at_each_interval_and_at_the_end(tmp_path, steps_per_run):
    run_steps(LossTableHook(str(tmp_path), 20), Clock(), steps_per_run, 50 // steps_per_run, 1., LOSSES)
    assert _rows(tmp_path) == [(step, '2.5', '1.25') for step in (20, 40, 50)]
    assert (tmp_path / 'losses.csv').read_text().startswith('global_step,loss,loss/class\n20,2.5,1.25\n')


def test_it_goes_on_over_phases_and_starts_and_drops_what_is_done_again(tmp_path):
    hook = LossTableHook(str(tmp_path), 10)
    for start in (0, 25):
        run_steps(hook, Clock(), 1, 25, 1., LOSSES, start)
    assert [step for step, *_ in _rows(tmp_path)] == [10, 20, 25, 30, 40, 50]
    with open(str(tmp_path / 'losses.csv'), 'a') as file:
        file.write('60,2')  # cut by a crash
    run_steps(LossTableHook(str(tmp_path), 10), Clock(), 1, 20, 1., LOSSES + (('train/accuracy', .5),), 30)
    assert [step for step, *_ in _rows(tmp_path)] == [10, 20, 25, 30, 40, 50]
    rows = loss_table.read(str(tmp_path / 'losses.csv'))
    assert [row['train/accuracy'] for row in rows] == ['', '', '', '', '0.5', '0.5']


def test_a_step_that_is_evaluated_has_a_row(tmp_path):
    run_steps(LossTableHook(str(tmp_path), 10), Clock(), 1, 25, 1., LOSSES, pause_after=15)
    assert [step for step, *_ in _rows(tmp_path)] == [10, 15, 20, 25]


def test_a_damaged_file_gives_the_rows_that_are_whole(tmp_path):
    (tmp_path / 'losses.csv').write_bytes(b'global_step,loss\n1,2.5\n\0\0\0\n2,\xff\n3')
    assert [row['global_step'] for row in loss_table.read(str(tmp_path / 'losses.csv'))] == ['1', '2']


def test_no_file_has_no_rows(tmp_path):
    assert loss_table.read(str(tmp_path / 'losses.csv')) == []


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError):
        LossTableHook(str(tmp_path), 0)


def test_what_is_done_again_in_the_same_run_is_written_once(tmp_path):
    hook = LossTableHook(str(tmp_path), 10)
    run_steps(hook, Clock(), 1, 25, 1., LOSSES)
    run_steps(hook, Clock(), 1, 25, 1., LOSSES, 15)  # a phase that goes back to step 15
    assert [step for step, *_ in _rows(tmp_path)] == [10, 20, 30, 40]
