"""The pace of a live source in a file of a constant rate. Frames come when the model is ready for them; the file lasts as long as they did."""
from blitznet_estimator.video.writers import VideoWriter

MEASURED = 12  # first frames, which say how many come per second; they are kept until then
WARM_UP = 1  # of them are left out of that: the model starts with them
MOST_COPIES = 4  # of a frame in a row: more would cost more time than they fill
SLOWEST = 1.  # frames per second of a file


class PacedWriter:
    """A VideoWriter whose rate is that of the first frames. A frame stands as often as it takes to be where its time says."""

    def __init__(self, path, codec, fastest, height, width):
        """fastest: rate of the source, which the file's does not exceed; None = any."""
        self._writer, self._arguments, self._fastest, self._first = None, (path, codec, height, width), fastest, []

    def write(self, pixels, seconds):
        """Add a frame that is of `seconds` after the start."""
        if self._writer:
            self._place(pixels, seconds)
            return
        self._first.append((pixels, seconds))
        if len(self._first) == MEASURED:
            self._begin()

    def _begin(self):
        times = [seconds for _, seconds in self._first][WARM_UP if len(self._first) > WARM_UP + 1 else 0:]
        lasted = times[-1] - times[0]
        rate = max((len(times) - 1) / lasted if lasted > 0 else SLOWEST, SLOWEST)
        self.rate = min(rate, self._fastest or rate)
        path, codec, height, width = self._arguments
        self._writer, first, self._first = VideoWriter(path, codec, self.rate, height, width), self._first, []
        for pixels, seconds in first:
            self._place(pixels, seconds)

    def _place(self, pixels, seconds):
        missing = int(round(seconds * self.rate)) + 1 - self._writer.written
        for _ in range(min(missing, MOST_COPIES)):
            self._writer.write(pixels)

    def close(self):
        """Complete the file."""
        if not self._writer and self._first:
            self._begin()
        if self._writer:
            self._writer.close()
