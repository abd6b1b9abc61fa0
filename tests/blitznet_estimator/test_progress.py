import fcntl
import io
import os
import pty
import struct
import termios

import pytest

from blitznet_estimator.progress import Progress, duration


class _Terminal(io.StringIO):
    def isatty(self):
        return True


class _Clock:
    now = 0.

    def __call__(self):
        return self.now


def _show(stream, seconds, counts, total=100, **options):
    clock = _Clock()
    progress = Progress('Training', total, stream=stream, clock=clock, **options)
    for count in counts:
        clock.now += seconds
        progress.show(count, 'loss 1.5')
    progress.close()
    return stream.getvalue()


def test_a_line_for_each_tenth_where_there_is_no_terminal():
    lines = _show(io.StringIO(), 1., range(2, 102, 2), images=4).splitlines()
    assert lines[:2] == ['Training: 10/100, 8.0 images/s, loss 1.5', 'Training: 20/100, 0:00:40 left, 8.0 images/s, loss 1.5']
    assert len(lines) == 10 and lines[-1] == 'Training: 100/100, in 0:00:50, 8.0 images/s, loss 1.5'


def test_a_line_for_each_half_minute_of_a_long_run():
    lines = _show(io.StringIO(), 10., range(1, 10), total=1000).splitlines()
    assert [line.split(',')[0] for line in lines] == ['Training: 3/1000', 'Training: 6/1000', 'Training: 9/1000']


def test_no_more_than_a_line_a_second():
    assert len(_show(io.StringIO(), .2, range(5, 105, 5)).splitlines()) == 4


def test_the_time_left_is_said_when_the_speed_is_known():
    text = _show(io.StringIO(), 2., range(10, 50, 10), images=4)
    assert ['left' in line for line in text.splitlines()] == [False, False, False, True]
    clock, stream = _Clock(), io.StringIO()
    progress = Progress('Evaluating', 100, stream=stream, clock=clock)
    for seconds, count in ((600., 10), (5., 20), (5., 30)):  # ten minutes until the first image say nothing about the others
        clock.now += seconds
        progress.show(count)
    assert stream.getvalue().splitlines() == ['Evaluating: 10/100', 'Evaluating: 20/100, 2.0 images/s',
                                              'Evaluating: 30/100, 0:00:35 left, 2.0 images/s']


def test_a_speed_that_still_grows_says_no_time():
    clock, stream = _Clock(), io.StringIO()
    progress = Progress('Training', 400, stream=stream, clock=clock)
    for seconds, count in [(9., 1), (6., 2)] + [(1., count) for count in range(12, 400, 10)]:
        clock.now += seconds
        progress.show(count)
    left = ['left' in line for line in stream.getvalue().splitlines()]
    assert left == sorted(left) and not any(left[:2]) and left[-1]  # from some line on


def test_a_part_of_a_run_does_not_say_how_long_all_took():
    assert _show(io.StringIO(), 2., [90, 100], initial=80).endswith('Training: 100/100, 5.0 images/s, loss 1.5\n')


def test_what_is_waited_for():
    for stream in (io.StringIO(), _Terminal()):
        Progress('Training', 100, stream=stream).say('first step')
        assert 'first step' in stream.getvalue()
    stream = io.StringIO()
    Progress('Training', 100, stream=stream, enabled=False).say('first step')
    assert stream.getvalue() == ''


def test_a_bar_in_a_terminal():
    text = _show(_Terminal(), 1., range(10, 110, 10), images=4)
    last = text.split('\r')[-1]
    assert 'Training: 100%' in last and '100/100' in last and '40.0 images/s, loss 1.5' in last


def test_a_bar_that_was_not_filled_leaves_nothing():
    text = _show(_Terminal(), 1., [10, 20])
    assert text.endswith('\r') and not text.split('\r')[-2].strip()


@pytest.mark.parametrize('columns, widest', [(0, 80), (50, 50)])
def test_a_terminal_of_any_width(columns, widest):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    with os.fdopen(theirs, 'w') as stream:
        progress = Progress('Training', 100, stream=stream, unit='steps')
        progress.show(40, 'loss 1.5')
        progress.say('waiting')
        text = ''
        while 'waiting' not in text:
            text += os.read(ours, 10000).decode()
        progress.close()
    os.close(ours)
    shown = text.split('\r')[-1]
    assert 'Training:  40%|' in shown and '40/100' in shown and len(shown) <= widest


def test_the_speed_is_the_latest():
    clock = _Clock()
    progress = Progress('Training', 1000, initial=50, stream=io.StringIO(), clock=clock)
    assert progress.speed == 0
    for seconds in [100.] + [1.] * 30:  # a first step that takes long is forgotten
        clock.now += seconds
        progress.advance(2)
    assert progress.count == 112 and progress.speed == 2


def test_a_total_that_is_not_known():
    lines = _show(io.StringIO(), 10., range(1, 8), total=None, unit='files').splitlines()
    assert lines == ['Training: 3, 0.1 files/s, loss 1.5', 'Training: 6, 0.1 files/s, loss 1.5']
    assert 'Training: 0 [' in _show(_Terminal(), 10., range(1, 8), total=None)


def test_over_items():
    stream = io.StringIO()
    progress = Progress('Preparing', 3, stream=stream, clock=_Clock())
    assert list(progress.over('abc')) == ['a', 'b', 'c'] and stream.getvalue() == 'Preparing: 3/3, in 0:00:00\n'


def test_nothing_when_it_is_off():
    for stream in (io.StringIO(), _Terminal()):
        assert _show(stream, 60., [50, 100], enabled=False) == ''


def test_an_empty_total():
    terminal = _Terminal()
    Progress('Evaluating', 0, stream=terminal).close()
    assert terminal.getvalue().endswith('0/0 [00:00]\n')


def test_duration():
    assert [duration(seconds) for seconds in (0, 59.6, 3661, -1)] == ['0:00:00', '0:01:00', '1:01:01', '0:00:00']
