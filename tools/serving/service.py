"""The service behind the routes: a request's text becomes arrays, waits, is run, and its outputs become text."""
import collections
import concurrent.futures
import contextlib
import threading
import time

import numpy as np

from blitznet_estimator import machine
from blitznet_estimator.engines.registry import DEFAULT
from tools.serving import limits, rest
from tools.serving.batching import Batcher
from tools.serving.engine_models import EngineModel
from tools.serving.errors import ApiError, invalid, not_found
from tools.serving.metrics import NOT_TOLD, Metrics
from tools.serving.saved_models import Model
from tools.serving.versions import Versions, no_servable, version_file

# text: the JSON of an answer. seconds: {part of the work: how long it took}, in the order of the work.
Prediction = collections.namedtuple('Prediction', 'text seconds')
STATUS = 'status'  # the output that says of each picture whether it could be read
METHODS = {'classify': 'classification', 'regress': 'regression'}  # of TensorFlow Serving, which signatures of this project are not for


class Service:
    """A model by its name: its versions, their batcher, and what is counted.

    Args:
      name: of the model, in paths. folder: of its versions, or one version.
      max_batch, batch_wait_s, max_queue: as of `batching.Batcher`. timeout_s: after which a request is answered without its outcome.
      bounds: limits.Limits. engine: a name of `engines.registry.ENGINES`.
    Attributes:
      places: predictions that may be under way, each from its header to its answer: those that wait, those that run, and those that are
        read or written meanwhile. Others are refused at once.
    """

    def __init__(self, name, folder, max_batch, batch_wait_s, max_queue, timeout_s, bounds=limits.DEFAULT, engine=DEFAULT):
        self.name, self.bounds, self._timeout_s, self._max_batch = name, bounds, timeout_s, max_batch
        self.draining, self._engine = False, engine
        self.metrics = Metrics()
        self.batcher = Batcher(max_batch, batch_wait_s, max_queue, self.metrics.observe, max_pixels=bounds.max_pixels)
        self.places = max_queue + 2 * max_batch
        self._free_places = threading.BoundedSemaphore(self.places)
        self.versions = Versions(folder, self._loaded, lambda happening: self.metrics.happenings.labels(happening).inc(),
                                 version_file(engine))
        self.metrics.queue_limit.set(max_queue)
        self.metrics.queue_length.set_function(lambda: len(self.batcher))
        self.metrics.version.set_function(lambda: self.versions.serving or 0)
        self._texts = threading.BoundedSemaphore(machine.available_cores())  # bodies that become arrays at once: each takes several times its size

    def _loaded(self, folder):
        model = Model(folder) if self._engine == DEFAULT else EngineModel(folder, self._engine, self._max_batch)
        try:
            model.warm_up(self._max_batch)
        except BaseException:
            model.close()
            raise
        return model

    @property
    def is_ready(self):
        """Whether new requests should come here."""
        return self.versions.serving is not None and not self.draining

    def close(self, seconds=None):
        """Answer what waits, and free the model, in at most so many seconds where they are given. Returns whether all of that is done."""
        end = None if seconds is None else time.monotonic() + seconds
        is_answered = self.batcher.close(seconds)
        return self.versions.close(end and max(end - time.monotonic(), 0)) and is_answered

    def status(self, target):
        """The JSON of GET .../models/NAME."""
        states = self.versions.states() if target.name == self.name else []
        if not states:
            raise not_found('Could not find any versions of model %s', target.name)
        if target.label is not None:
            raise invalid('Unrecognized servable version label: %s', target.label)
        chosen = [state for state in states if target.version in (None, state[0])]
        if not chosen:
            raise not_found('Could not find version %s of model %s', target.version, target.name)
        return rest.status(chosen)

    def metadata(self, target):
        """The JSON of GET .../models/NAME/metadata."""
        self._check_name(target)
        with self.versions.lent(number=target.version, label=target.label, name=target.name) as version:
            return rest.metadata(self.name, version.number, version.model.described)

    def refuse(self, target):
        """Raise the ApiError of POST .../models/NAME:classify or :regress, which TensorFlow Serving tells where a signature is for predictions."""
        self._check_name(target)
        with self.versions.lent(number=target.version, label=target.label, name=target.name) as version:
            signature = version.model.described.get(rest.DEFAULT_SIGNATURE)
        if signature is None:
            raise invalid('No signature was found with the name: %s', rest.DEFAULT_SIGNATURE)
        method = 'tensorflow/serving/' + target.action
        if signature['method_name'] != method:
            raise invalid('Expected %s signature method_name to be %s. Was: %s', METHODS[target.action], method, signature['method_name'])
        raise ApiError('UNIMPLEMENTED', 'This server does not %s: ask it to predict.' % target.action)

    def predict(self, target, read_body):
        """The Prediction of POST .../models/NAME:predict. read_body: () -> its bytes; it is not read where there is no room."""
        began = time.monotonic()
        self._check_name(target)
        with self._place():
            self.batcher.check_room()
            query, statuses, future, read = self._submit(target, read_body, began)
            outputs = self._wait(future, began)
            self._look_at(outputs, statuses)
            answered = time.monotonic()
            with self._text(began):
                text = rest.answer(outputs, query.by_rows)
        end = time.monotonic()
        self.metrics.seconds.observe(end - began)
        return Prediction(text, {'read': read - began, 'queue': future.queue_s, 'model': future.model_s, 'write': end - answered,
                                 'total': end - began})

    def _submit(self, target, read_body, began):
        """(rest.Query of the body, statuses of its pictures, the future of its outputs, when the body was read)."""
        version = self.versions.take(target.version, target.label, target.name)
        try:
            with self._text(began):
                query = rest.query(read_body(), version.model.signatures, self.bounds)
                pixels = limits.check(version.model.signatures[query.signature], query.inputs, self.bounds)
            read = time.monotonic()  # before the model can begin, so that no second is told twice
            future = self.batcher.submit(version.model, query.signature, query.inputs, pixels)
        except BaseException:
            self.versions.give_back(version)
            raise
        statuses = version.model.statuses
        future.add_done_callback(lambda _: self.versions.give_back(version))  # not when the client is answered: the model may run on
        return query, statuses, future, read

    @contextlib.contextmanager
    def _place(self):
        """A place of `places` within a `with` block; ApiError where none is free."""
        if not self._free_places.acquire(blocking=False):
            raise self.batcher.busy('The server is full: %d requests are under way.' % self.places)
        try:
            yield
        finally:
            self._free_places.release()

    @contextlib.contextmanager
    def _text(self, began):
        """Leave to read or write the text of a request, within a `with` block; ApiError where the request's time is over before its turn."""
        if not self._texts.acquire(timeout=self._left(began)):
            raise self._late()
        try:
            yield
        finally:
            self._texts.release()

    def _left(self, began):
        """Seconds of a request's time."""
        return max(began + self._timeout_s - time.monotonic(), 0)

    def _late(self):
        return ApiError('DEADLINE_EXCEEDED', 'There is no answer after %g s, the longest that a request may take here.' % self._timeout_s)

    def _check_name(self, target):
        if target.name != self.name:
            raise no_servable(target.name, target.version)

    def _wait(self, future, began):
        """The outcome of a future, unless the request's time is over before."""
        try:
            return future.result(self._left(began))
        except concurrent.futures.TimeoutError:
            self.batcher.forget(future)
            raise self._late()
        except concurrent.futures.CancelledError:
            raise ApiError('UNAVAILABLE', 'The server ends.')

    def _look_at(self, outputs, statuses):
        """Count the pictures by their status. Raise ApiError where none of them could be read."""
        if STATUS not in outputs or not statuses:
            self.metrics.pictures.labels(NOT_TOLD).inc(max([len(array) for array in outputs.values() if np.ndim(array)] + [0]))
            return
        found = [status.decode('utf-8') for status in outputs[STATUS].ravel().tolist()]
        for status in found:
            self.metrics.pictures.labels(status if status in statuses else NOT_TOLD).inc()
        if found and statuses[0] not in found:
            raise invalid('No picture could be read: %s.', '; '.join('picture %d: %s' % item for item in enumerate(found)))
