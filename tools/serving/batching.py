"""Dynamic batching: requests that wait at the same time are run as one batch, whose answers are parted again.

What runs at once is bounded in rows and in pixels. A request of more is run in pieces, and no further once nobody waits for it.
"""
import collections
import concurrent.futures
import math
import threading
import time

import numpy as np

from blitznet_estimator.logs import log
from tools.serving.errors import ApiError, out_of_memory

_MAX_RETRY_S = 60
_WEIGHT = .2  # of the newest batch in the mean time of a row


class Outcome(concurrent.futures.Future):
    """The future of a request's outputs, {name: array}.

    queue_s, model_s: how long it waited, and how long its batch ran, when it is done. is_abandoned: whether nobody waits for it any more.
    """

    queue_s = model_s = 0.
    is_abandoned = False


class Request:
    """A request that waits.

    rows: how many entries it has along the first side. pixels: of each, that are decoded; size: their sum. future: its Outcome.
    """

    def __init__(self, model, signature, inputs, now, pixels=()):
        self.model, self.signature, self.inputs, self.arrived = model, signature, inputs, now
        self.future = Outcome()
        sizes = {array.shape[0] if array.ndim else 0 for array in inputs.values()}
        self.rows = max(sizes)
        self.pixels = list(pixels) or [0] * self.rows
        self.size = sum(self.pixels)
        self.can_be_joined = len(sizes) == 1 and self.rows > 0 and model.signatures[signature].can_be_joined

    def fits(self, other):
        """Whether both can be in one batch."""
        return self.can_be_joined and other.can_be_joined and (self.model, self.signature) == (other.model, other.signature)


class Batcher:
    """A bounded queue of requests, and the thread that runs them."""

    def __init__(self, max_batch, wait_s, max_queue, observe=lambda name, value: None, clock=time.monotonic, max_pixels=math.inf):
        """max_batch: rows of a batch. wait_s: how long the first one waits for others. max_queue: requests that may wait.

        observe: is told ('batch', rows), ('queue', seconds) and ('model', seconds). max_pixels: of all rows of a batch that has more than one.
        """
        self._max_batch, self._wait_s, self._max_queue, self._observe, self._clock = max_batch, wait_s, max_queue, observe, clock
        self._max_pixels = max_pixels
        self._waiting, self._running, self._changed, self._closed = collections.deque(), [], threading.Condition(), False
        self._row_s = 0.  # seconds that a row takes, lately
        self._thread = threading.Thread(target=self._work, name='batcher', daemon=True)
        self._thread.start()

    def __len__(self):
        return len(self._waiting)

    def check_room(self):
        """Raise ApiError where no other request may wait: one that is about to come can be told before its body is read."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._max_queue:
                raise self.busy('The queue is full: %d requests wait.' % len(self._waiting))

    def busy(self, why):
        """The ApiError of a request that there is no room for. It says when there may be: once what waits now is answered."""
        with self._changed:
            seconds = math.ceil(self._row_s * sum(request.rows for request in self._waiting))
        return ApiError('UNAVAILABLE', why + ' Try again later.', headers={'Retry-After': str(min(max(seconds, 1), _MAX_RETRY_S))})

    def submit(self, model, signature, inputs, pixels=()):
        """The Outcome of a request. Raises ApiError where the queue is full. pixels: of each row, that are decoded."""
        request = Request(model, signature, inputs, self._clock(), pixels)
        with self._changed:
            self.check_room()
            self._waiting.append(request)
            self._changed.notify_all()
        return request.future

    def forget(self, future):
        """Nobody waits for this outcome any more: a request that has not begun gives its place up, and one that runs in pieces ends after one."""
        future.is_abandoned = True
        if future.cancel():
            with self._changed:
                self._waiting = collections.deque(request for request in self._waiting if request.future is not future)
                self._changed.notify_all()

    def close(self, seconds=None):
        """Run what waits, and end. What is not run after so many seconds is given up; None stands for no limit. Returns whether all was run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            left = list(self._waiting) + self._running
        for request in left:
            self.forget(request.future)
        return not self._thread.is_alive()

    def _work(self):
        while True:
            try:
                batch = self._next()
                if batch is None:
                    return
                self._begin(batch)
            except Exception as error:  # as where memory ends: the thread must live
                log.error('The batcher failed', exc_info=error)

    def _begin(self, batch):
        """Run the requests of a batch that somebody waits for."""
        self._running = [request for request in batch if request.future.set_running_or_notify_cancel()]
        for request in self._running:
            request.future.queue_s = self._clock() - request.arrived
            self._observe('queue', request.future.queue_s)
        if self._running:
            self._run(self._running)
        self._running = []

    def _next(self):
        """The requests of the next batch, once it is full or has waited long enough; None when closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            end = self._waiting[0].arrived + self._wait_s
            while self._waiting and not self._closed and not self._is_full() and self._clock() < end:
                self._changed.wait(end - self._clock())
            return self._take()

    def _is_full(self):
        first = self._waiting[0]
        fitting = [request for request in self._waiting if request.fits(first)]
        return not first.can_be_joined or sum(one.rows for one in fitting) >= self._max_batch or sum(one.size for one in fitting) >= self._max_pixels

    def _take(self):
        """Take the first request out of the queue, and those that fit to it. The others keep their order."""
        if not self._waiting:
            return []
        first = self._waiting.popleft()
        batch, rows, size, others = [first], first.rows, first.size, collections.deque()
        for request in self._waiting:
            if request.fits(first) and rows + request.rows <= self._max_batch and size + request.size <= self._max_pixels:
                batch.append(request)
                rows, size = rows + request.rows, size + request.size
            else:
                others.append(request)
        self._waiting = others
        return batch

    def _run(self, batch):
        """Settle the futures of a batch. Where a joint run fails, each request is run alone, so that only the one at fault fails."""
        began = self._clock()
        try:
            parts = self._parts(batch)
        except Exception as error:  # also what nobody foresaw: its clients must hear of it
            if len(batch) > 1:
                for request in batch:
                    self._run([request])
            else:
                batch[0].future.set_exception(out_of_memory(error) if isinstance(error, MemoryError) else error)
            return
        for request, outputs in zip(batch, parts):
            request.future.model_s = self._clock() - began
            request.future.set_result(outputs)

    def _parts(self, batch):
        """[{name: array}] of the outputs of each request of a batch, which is run as one."""
        if len(batch) == 1:
            return [self._outputs(batch, batch[0].inputs)]
        outputs = self._outputs(batch, {name: np.concatenate([request.inputs[name] for request in batch]) for name in batch[0].inputs})
        ends = np.cumsum([request.rows for request in batch]).tolist()
        return [{name: array[end - request.rows:end] for name, array in outputs.items()} for request, end in zip(batch, ends)]

    def _outputs(self, batch, inputs):
        """{name: array} of a batch with its joined inputs, run in pieces where it may be parted."""
        began, first, rows = self._clock(), batch[0], sum(request.rows for request in batch)
        if first.can_be_joined:
            outputs = self._joined(batch, inputs)
        else:
            outputs = first.model.run(first.signature, inputs)
        seconds = self._clock() - began
        self._row_s += _WEIGHT * (seconds / max(rows, 1) - self._row_s) if self._row_s else seconds / max(rows, 1)
        self._observe('batch', rows)
        self._observe('model', seconds)
        return outputs

    def _joined(self, batch, inputs):
        """{name: array} of the outputs of all pieces. ApiError as soon as nobody waits for them."""
        first, pieces = batch[0], []
        for start, end in self._pieces([pixels for request in batch for pixels in request.pixels]):
            if all(request.future.is_abandoned for request in batch):
                raise ApiError('CANCELLED', 'Nobody waits for the answer.')
            pieces.append(first.model.run(first.signature, {name: array[start:end] for name, array in inputs.items()}))
        return pieces[0] if len(pieces) == 1 else {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def _pieces(self, pixels):
        """Yield (start, end) of rows that are run at once: at most max_batch, and of max_pixels unless it is one. pixels: of each."""
        start = size = 0
        for row, more in enumerate(pixels):
            if row - start == self._max_batch or row > start and size + more > self._max_pixels:
                yield start, row
                start, size = row, 0
            size += more
        yield start, len(pixels)
