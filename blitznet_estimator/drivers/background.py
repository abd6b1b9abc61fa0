"""Work for the host beside the device's: results are handled on one thread, in order, while the next are computed."""
import collections
from concurrent.futures import ThreadPoolExecutor


class Background:
    """One thread. `submit` waits where too much is pending, so that memory stays bounded; an error surfaces at the next call.

    Leaving its `with` block waits for the rest, or drops it where the block failed.
    """

    def __init__(self, limit=4):
        """limit: calls that may be pending."""
        self._limit = limit
        self._pending = collections.deque()
        self._executor = ThreadPoolExecutor(max_workers=1)

    def submit(self, function, *args):
        """Call function(*args) on the thread, after all earlier ones."""
        while self._pending and (len(self._pending) >= self._limit or self._pending[0].done()):
            self._pending.popleft().result()
        self._pending.append(self._executor.submit(function, *args))

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        try:
            while self._pending and error_type is None:
                self._pending.popleft().result()
        finally:
            for future in self._pending:
                future.cancel()
            self._executor.shutdown()
