"""Dynamic batching: requests that wait at the same time are run as one batch, whose answers are parted again."""
import collections
import concurrent.futures
import math
import threading
import time

import numpy as np

from tools.serving.errors import ApiError

_MAX_RETRY_S = 60
_WEIGHT = .2  # of the newest batch in the mean time of a row


class Outcome(concurrent.futures.Future):
    """The future of a request's outputs, {name: array}. queue_s, model_s: how long it waited, and how long its batch ran, when it is done."""

    queue_s = model_s = 0.


class Request:
    """A request that waits. rows: how many entries it has along the first side. future: its Outcome."""

    def __init__(self, model, signature, inputs, now):
        self.model, self.signature, self.inputs, self.arrived = model, signature, inputs, now
        self.future = Outcome()
        sizes = {array.shape[0] if array.ndim else 0 for array in inputs.values()}
        self.rows = max(sizes)
        self.can_be_joined = len(sizes) == 1 and self.rows > 0 and model.signatures[signature].can_be_joined

    def fits(self, other):
        """Whether both can be in one batch."""
        return self.can_be_joined and other.can_be_joined and (self.model, self.signature) == (other.model, other.signature)


class Batcher:
    """A bounded queue of requests, and the thread that runs them."""

    def __init__(self, max_batch, wait_s, max_queue, observe=lambda name, value: None, clock=time.monotonic):
        """max_batch: rows of a batch. wait_s: how long the first one waits for others. max_queue: requests that may wait.

        observe: is told ('batch', rows), ('queue', seconds) and ('model', seconds).
        """
        self._max_batch, self._wait_s, self._max_queue, self._observe, self._clock = max_batch, wait_s, max_queue, observe, clock
        self._waiting, self._changed, self._closed = collections.deque(), threading.Condition(), False
        self._row_s = 0.  # seconds that a row takes, lately
        self._thread = threading.Thread(target=self._work, name='batcher', daemon=True)
        self._thread.start()

    def __len__(self):
        return len(self._waiting)

    def check_room(self):
        """Raise ApiError where no other request may wait: one that is about to come can be told before its body is read."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._max_queue:
                seconds = math.ceil(self._row_s * sum(request.rows for request in self._waiting))
                raise ApiError('UNAVAILABLE', 'The queue is full: %d requests wait. Try again later.' % len(self._waiting),
                               headers={'Retry-After': str(min(max(seconds, 1), _MAX_RETRY_S))})

    def submit(self, model, signature, inputs):
        """The Outcome of a request. Raises ApiError where the queue is full."""
        request = Request(model, signature, inputs, self._clock())
        with self._changed:
            self.check_room()
            self._waiting.append(request)
            self._changed.notify_all()
        return request.future

    def forget(self, future):
        """Nobody waits for this outcome any more; a request that has not begun gives its place up."""
        if future.cancel():
            with self._changed:
                self._waiting = collections.deque(request for request in self._waiting if request.future is not future)
                self._changed.notify_all()

    def close(self):
        """Run what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self):
        while True:
            batch = self._next()
            if batch is None:
                return
            batch = [request for request in batch if request.future.set_running_or_notify_cancel()]
            for request in batch:
                request.future.queue_s = self._clock() - request.arrived
                self._observe('queue', request.future.queue_s)
            if batch:
                self._run(batch)

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
        return not first.can_be_joined or sum(request.rows for request in self._waiting if request.fits(first)) >= self._max_batch

    def _take(self):
        """Take the first request out of the queue, and those that fit to it. The others keep their order."""
        if not self._waiting:
            return []
        first = self._waiting.popleft()
        batch, rows, others = [first], first.rows, collections.deque()
        for request in self._waiting:
            if request.fits(first) and rows + request.rows <= self._max_batch:
                batch.append(request)
                rows += request.rows
            else:
                others.append(request)
        self._waiting = others
        return batch

    def _run(self, batch):
        """Settle the futures of a batch. Where a joint run fails, each request is run alone, so that only the one at fault fails."""
        first, began = batch[0], self._clock()
        joined = {name: np.concatenate([request.inputs[name] for request in batch]) for name in first.inputs} if len(batch) > 1 else first.inputs
        try:
            outputs = self._outputs(first, joined, sum(request.rows for request in batch))
        except Exception as error:  # also what nobody foresaw: the thread must live, and its clients must hear of it
            if len(batch) == 1:
                first.future.set_exception(error)
                return
            for request in batch:
                self._run([request])
            return
        start = 0
        for request in batch:
            end = start + request.rows
            request.future.model_s = self._clock() - began
            request.future.set_result({name: array[start:end] for name, array in outputs.items()} if len(batch) > 1 else outputs)
            start = end

    def _outputs(self, request, inputs, rows):
        """{name: array} of a batch, run in pieces of at most max_batch rows where it may be parted."""
        began = self._clock()
        run = request.model.run
        if not request.can_be_joined or rows <= self._max_batch:
            outputs = run(request.signature, inputs)
        else:
            pieces = [run(request.signature, {name: array[start:start + self._max_batch] for name, array in inputs.items()})
                      for start in range(0, rows, self._max_batch)]
            outputs = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        seconds = self._clock() - began
        self._row_s += _WEIGHT * (seconds / max(rows, 1) - self._row_s) if self._row_s else seconds / max(rows, 1)
        self._observe('batch', rows)
        self._observe('model', seconds)
        return outputs
