import io

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


def test_lines_where_there_is_no_terminal():
    lines = _show(io.StringIO(), 10., range(10, 110, 10), images=4).splitlines()
    assert lines == ['Training: 30/100, 0:01:10 left, 4.0 images/s, loss 1.5', 'Training: 60/100, 0:00:40 left, 4.0 images/s, loss 1.5',
                     'Training: 90/100, 0:00:10 left, 4.0 images/s, loss 1.5', 'Training: 100/100, 0:00:00 left, 4.0 images/s, loss 1.5']


def test_a_bar_in_a_terminal():
    text = _show(_Terminal(), 1., range(10, 110, 10), images=4)
    last = text.split('\r')[-1]
    assert 'Training: 100%' in last and '100/100' in last and '40.0 images/s, loss 1.5' in last


def test_a_bar_that_was_not_filled_leaves_nothing():
    text = _show(_Terminal(), 1., [10, 20])
    assert text.endswith('\r') and not text.split('\r')[-2].strip()


def test_the_speed_is_the_latest():
    clock = _Clock()
    progress = Progress('Training', 1000, initial=50, stream=io.StringIO(), clock=clock)
    assert progress.speed == 0
    for seconds in [100.] + [1.] * 30:  # a first step that takes long is forgotten
        clock.now += seconds
        progress.advance(2)
    assert progress.count == 112 and progress.speed == 2


def test_nothing_when_it_is_off():
    for stream in (io.StringIO(), _Terminal()):
        assert _show(stream, 60., [50, 100], enabled=False) == ''


def test_an_empty_total():
    terminal = _Terminal()
    Progress('Evaluating', 0, stream=terminal).close()
    assert terminal.getvalue().endswith('0/0 [00:00]\n')


def test_duration():
    assert [duration(seconds) for seconds in (0, 59.6, 3661, -1)] == ['0:00:00', '0:01:00', '1:01:01', '0:00:00']
