"""Progress on standard error: a bar in a terminal, a line now and then elsewhere."""
import collections
import datetime
import sys
import time

from tqdm import tqdm

LINE_EVERY = 30.  # seconds between two lines where there is no terminal
SAMPLE_EVERY = .5  # seconds between two samples of the speed, which is taken over the last WINDOW samples
WINDOW = 20
BAR = '{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]'


class Progress:
    """Goes from `initial` to `total` by `show` or `advance`; says the speed and the time left."""

    def __init__(self, title, total, initial=0, images=1, enabled=True, stream=None, clock=time.monotonic):
        """images: in one unit of the count. enabled: False shows nothing. stream, clock: for tests."""
        self.count = initial
        self._title, self._total, self._images, self._enabled, self._clock = title, total, images, enabled, clock
        self._stream = stream or sys.stderr
        self._samples = collections.deque([(initial, clock())], maxlen=WINDOW)  # (count, time)
        self._last_line = clock()
        self._bar = None
        if enabled and self._stream.isatty():
            self._bar = tqdm(total=total, initial=initial, desc=title, bar_format=BAR, leave=False, dynamic_ncols=True, file=self._stream)

    @property
    def speed(self):
        """Counts a second lately; 0 where it is not known yet."""
        (first, begin), (last, end) = self._samples[0], self._samples[-1]
        return (last - first) / (end - begin) if end > begin else 0.

    def show(self, count, text=''):
        """Be at `count`; `text`, such as a loss, goes after the speed."""
        now, self.count = self._clock(), count
        if now - self._samples[-1][1] >= SAMPLE_EVERY:
            self._samples.append((count, now))
        if self._bar is not None:
            self._bar.set_postfix_str(self._status(text), refresh=False)
            self._bar.update(count - self._bar.n)
        elif self._enabled and (now - self._last_line >= LINE_EVERY or count == self._total):
            self._last_line = now
            self._stream.write('%s: %d/%d, %s\n' % (self._title, count, self._total, self._status(text)))
            self._stream.flush()

    def advance(self, number=1):
        """Be `number` further."""
        self.show(self.count + number)

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

    def _status(self, text):
        parts = [text] if text else []
        if self.speed > 0:
            left = duration((self._total - self.count) / self.speed)
            parts = ['%s left' % left, '%.1f images/s' % (self.speed * self._images)] + parts
        return ', '.join(parts)


def duration(seconds):
    """h:mm:ss."""
    return str(datetime.timedelta(seconds=int(round(max(seconds, 0)))))
