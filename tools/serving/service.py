"""The service behind the routes: a request's text becomes arrays, waits, is run, and its outputs become text."""
import collections
import concurrent.futures
import threading
import time

import numpy as np

from blitznet_estimator import machine
from blitznet_estimator.engines.registry import DEFAULT
from tools.serving import limits, rest
from tools.serving.batching import Batcher
from tools.serving.engine_models import EngineModel
from tools.serving.errors import ApiError, invalid
from tools.serving.metrics import NOT_TOLD, Metrics
from tools.serving.saved_models import Model
from tools.serving.versions import Versions, version_file

# text: the JSON of an answer. seconds: {part of the work: how long it took}, in the order of the work.
Prediction = collections.namedtuple('Prediction', 'text seconds')
STATUS = 'status'  # the output that says of each picture whether it could be read


class Service:
    """A model by its name: its versions, their batcher, and what is counted.

    Args:
      name: of the model, in paths. folder: of its versions, or one version.
      max_batch, batch_wait_s, max_queue: as of `batching.Batcher`. timeout_s: after which a request is answered without its outcome.
      bounds: limits.Limits. engine: a name of `engines.registry.ENGINES`.
    """

    def __init__(self, name, folder, max_batch, batch_wait_s, max_queue, timeout_s, bounds=limits.DEFAULT, engine=DEFAULT):
        self.name, self.bounds, self._timeout_s, self._max_batch = name, bounds, timeout_s, max_batch
        self.draining, self._engine = False, engine
        self.metrics = Metrics()
        self.batcher = Batcher(max_batch, batch_wait_s, max_queue, self.metrics.observe)
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

    def close(self):
        """Answer what waits, and free the model."""
        self.batcher.close()
        self.versions.close()

    def status(self, target):
        """The JSON of GET .../models/NAME."""
        states = self.versions.states() if target.name == self.name else []
        if not states:
            raise ApiError('NOT_FOUND', 'Could not find any versions of model %s' % target.name)
        if target.label is not None:
            raise invalid('Unrecognized servable version label: %s', target.label)
        chosen = [state for state in states if target.version in (None, state[0])]
        if not chosen:
            raise ApiError('NOT_FOUND', 'Could not find version %d of model %s' % (target.version, target.name))
        return rest.status(chosen)

    def metadata(self, target):
        """The JSON of GET .../models/NAME/metadata."""
        self._check_name(target)
        with self.versions.lent(number=target.version, label=target.label, name=target.name) as version:
            return rest.metadata(self.name, version.number, version.model.described)

    def predict(self, target, read_body):
        """The Prediction of POST .../models/NAME:predict. read_body: () -> its bytes; it is not read where there is no room."""
        began = time.monotonic()
        self._check_name(target)
        self.batcher.check_room()
        version = self.versions.take(target.version, target.label, target.name)
        try:
            with self._texts:
                query = rest.query(read_body(), version.model.signatures)
                limits.check(version.model.signatures[query.signature], query.inputs, self.bounds)
            read = time.monotonic()
            future = self.batcher.submit(version.model, query.signature, query.inputs)
        except BaseException:
            self.versions.give_back(version)
            raise
        statuses = version.model.statuses
        future.add_done_callback(lambda _: self.versions.give_back(version))  # not when the client is answered: the model may run on
        outputs = self._wait(future, began)
        self._look_at(outputs, statuses)
        answered = time.monotonic()
        with self._texts:
            text = rest.answer(outputs, query.by_rows)
        end = time.monotonic()
        self.metrics.seconds.observe(end - began)
        return Prediction(text, {'read': read - began, 'queue': future.queue_s, 'model': future.model_s, 'write': end - answered,
                                 'total': end - began})

    def _check_name(self, target):
        if target.name != self.name:
            wanted = 'Latest(%s)' % target.name if target.version is None else 'Specific(%s, %d)' % (target.name, target.version)
            raise ApiError('NOT_FOUND', 'Servable not found for request: %s' % wanted)

    def _wait(self, future, began):
        """The outcome of a future, unless the request's time is over before."""
        try:
            return future.result(max(began + self._timeout_s - time.monotonic(), 0))
        except concurrent.futures.TimeoutError:
            self.batcher.forget(future)
            raise ApiError('DEADLINE_EXCEEDED', 'There is no answer after %g s, the longest that a request may take here.' % self._timeout_s)

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
