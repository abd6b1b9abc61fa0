"""Progress on standard error: a bar in a terminal, plain lines now and then elsewhere."""
import collections
import datetime
import os
import sys
import time

from tqdm import tqdm

LINE_EVERY = 30.  # seconds after which there is a line where there is no terminal,
LINE_SHARE = .1  # or share of the total, whichever comes first,
LEAST_BETWEEN = 1.  # but never more often than this, in seconds
SAMPLE_EVERY = .5  # seconds between two samples of the speed, which is taken over the last WINDOW samples
WINDOW = 20
STEADY = 5.  # seconds of work that the speed is taken over at least before it says how long the rest takes,
ALIKE = .2  # and by which share the speed of its second half may differ from that of all: it grows while caches and threads fill
COLUMNS = 80  # of a terminal that does not say how wide it is
BAR = '{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]'
OPEN_BAR = '{desc}: {n_fmt} [{elapsed}{postfix}]'  # where the total is not known


class Progress:
    """Goes from `initial` to `total` by `show`, `advance` or `over`; says the speed, and the time left once that is known.

    What comes before the first count, such as the building of a graph, is no part of the speed.
    """

    def __init__(self, title, total, initial=0, images=1, enabled=True, unit='images', stream=None, clock=time.monotonic):
        """Args:
          total: the count at the end; None where it is not known.
          images: in one count, or whatever `unit` names.
          enabled: False shows nothing.
          stream, clock: for tests.
        """
        self.count = initial
        self._title, self._total, self._images, self._unit, self._enabled, self._clock = title, total, images, unit, enabled, clock
        self._stream = stream or sys.stderr
        self._samples = collections.deque(maxlen=WINDOW)  # (count, time)
        self._start = self._last_line = clock()
        self._line_at = self._initial = initial
        self._is_steady = False
        self._bar = None
        if enabled and self._stream.isatty():
            self._bar = tqdm(total=total, initial=initial, desc=title, bar_format=OPEN_BAR if total is None else BAR, leave=False,
                             file=self._stream, **_width(self._stream))

    @property
    def speed(self):
        """Counts a second lately; 0 where it is not known yet."""
        return _speed(self._samples)

    def say(self, text):
        """Show what is waited for, before the first count."""
        if self._bar is not None:
            self._bar.set_postfix_str(text)
        elif self._enabled:
            self._write(text)

    def show(self, count, text=''):
        """Be at `count`; `text`, such as a loss, goes after the speed."""
        now, self.count = self._clock(), count
        if not self._samples or now - self._samples[-1][1] >= SAMPLE_EVERY:
            self._samples.append((count, now))
            self._look_whether_steady()
        if self._bar is not None:
            self._bar.set_postfix_str(self._status(text, now), refresh=False)
            self._bar.update(count - self._bar.n)
        elif self._enabled and self._is_line_due(now):
            self._last_line, self._line_at = now, count
            self._write(self._status(text, now))

    def advance(self, number=1):
        """Be `number` further."""
        self.show(self.count + number)

    def over(self, items):
        """Yield `items`, one further after each; closed at the end, whatever happens."""
        with self:
            for item in items:
                yield item
                self.advance()

    def close(self):
        """End it; a bar stays in the terminal only where it was filled."""
        if self._bar is not None:
            self._bar.leave = self.count == self._total
            self._bar.close()
        self._bar, self._enabled = None, False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _is_line_due(self, now):
        passed = now - self._last_line
        is_far = self._total is not None and self.count - self._line_at >= LINE_SHARE * self._total
        return self.count == self._total or passed >= LINE_EVERY or (is_far and passed >= LEAST_BETWEEN)

    def _look_whether_steady(self):
        """Say the time left from the moment on when the speed no longer changes."""
        half = _speed(list(self._samples)[len(self._samples) // 2:])
        if self._samples[-1][1] - self._samples[0][1] >= STEADY and abs(half - self.speed) <= ALIKE * self.speed:
            self._is_steady = True

    def _write(self, status):
        count = '%d' % self.count if self._total is None else '%d/%d' % (self.count, self._total)
        self._stream.write('%s: %s%s\n' % (self._title, count, status and ', ' + status))
        self._stream.flush()

    def _status(self, text, now):
        parts = []
        if self.count == self._total and not self._initial:
            parts.append('in %s' % duration(now - self._start))
        elif self._is_steady and self._total not in (None, self.count) and self.speed > 0:
            parts.append('%s left' % duration((self._total - self.count) / self.speed))
        if self.speed > 0:
            parts.append('%.1f %s/s' % (self.speed * self._images, self._unit))
        return ', '.join(parts + ([text] if text else []))


def _speed(samples):
    """Counts a second over samples of (count, time); 0 where it is not known."""
    if not samples:
        return 0.
    (first, begin), (last, end) = samples[0], samples[-1]
    return (last - first) / (end - begin) if end > begin else 0.


def _width(stream):
    """tqdm's arguments: as wide as the terminal is at any time, where it says so. Some, such as those of containers, have 0 columns."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # no file of the system
        size = (0, 0)
    return dict(dynamic_ncols=True) if all(size) else dict(ncols=COLUMNS)


def duration(seconds):
    """h:mm:ss."""
    return str(datetime.timedelta(seconds=int(round(max(seconds, 0)))))
