"""What the server counts, in Prometheus' form."""
import prometheus_client as prometheus

_SECONDS = (.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64)
NOT_TOLD = 'not told'  # the status of a picture by a model that does not tell it


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self):
        self.registry = prometheus.CollectorRegistry()
        for collector in (prometheus.ProcessCollector, prometheus.PlatformCollector, prometheus.GCCollector):
            collector(registry=self.registry)
        self.requests = self._new(prometheus.Counter, 'requests', 'Requests of the API.', ['action', 'code'])
        self.seconds = self._new(prometheus.Histogram, 'request_seconds', 'Time of a prediction, from the headers to the answer.', buckets=_SECONDS)
        self.pictures = self._new(prometheus.Counter, 'pictures', 'Pictures, or other entries of requests, by their status.', ['status'])
        self.happenings = self._new(prometheus.Counter, 'versions', 'Versions that were loaded, failed to load, or were freed.', ['happening'])
        self._histograms = {
            'batch': self._new(prometheus.Histogram, 'batch_rows', 'Pictures, or other entries, of a batch.', buckets=_ROWS),
            'queue': self._new(prometheus.Histogram, 'queue_seconds', 'Time in the queue.', buckets=_SECONDS),
            'model': self._new(prometheus.Histogram, 'model_seconds', 'Time of a batch in the model.', buckets=_SECONDS)}
        self.queue_limit = self._new(prometheus.Gauge, 'queue_limit', 'Requests that may wait.')
        self.queue_length = self._new(prometheus.Gauge, 'queue_length', 'Requests that wait.')
        self.version = self._new(prometheus.Gauge, 'version', 'The version that is served.')

    def _new(self, kind, name, text, labels=(), **options):
        return kind('blitznet_' + name, text, labels, registry=self.registry, **options)

    def observe(self, name, value):
        """What `batching.Batcher` tells."""
        self._histograms[name].observe(value)

    def text(self):
        """(bytes, content type) of all figures."""
        return prometheus.generate_latest(self.registry), prometheus.CONTENT_TYPE_LATEST
