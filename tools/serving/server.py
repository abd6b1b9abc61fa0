"""Waitress with an end that loses no answer: it stops accepting, answers all that was sent, and only then closes.

Waitress' own end does not: it leaves the loop that writes the answers, so that those in flight are reset.
"""
import signal
import socket
import time

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server
from waitress.task import ErrorTask, WSGITask

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from tools.serving import json_text

STOP_SIGNALS = signal.SIGTERM, signal.SIGINT
_TICK_S = .2  # between two looks at whether to stop
_BACKLOG = 1024
_IDLE_S = 60  # after which a connection without a request is closed
_MAX_HEADER = 64 << 10


class _Task(WSGITask):
    """An answer. While the server drains it says that the connection ends with it, so that a client asks elsewhere next."""

    def build_response_header(self):
        """As WSGITask's."""
        if self.channel.server.is_draining:
            self.response_headers.append(('Connection', 'close'))
            self.close_on_finish = True
        return super().build_response_header()


class _ErrorTask(ErrorTask):
    """What waitress itself refuses, as the API's other errors are told: a body over the limit, a header that cannot be read."""

    def execute(self):
        """As ErrorTask's."""
        error = self.request.error
        body = json_text.write({'error': error.reason}).encode('utf-8')
        self.status = '%d %s' % (error.code, error.reason)
        self.response_headers += [('Content-Type', 'application/json'), ('Connection', 'close')]
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    task_class, error_task_class = _Task, _ErrorTask

    @property
    def is_busy(self):
        """Whether an answer is owed: a request is there, on its way, or being answered."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


class Server:
    """Serves a WSGI application until a signal, or `stop`."""

    def __init__(self, app, host, port, threads, max_body):
        try:
            self._server = create_server(
                app, host=host, port=port, threads=threads, backlog=_BACKLOG, connection_limit=2 * threads + 64, asyncore_use_poll=True,
                channel_timeout=_IDLE_S, max_request_body_size=max_body, max_request_header_size=_MAX_HEADER, clear_untrusted_proxy_headers=True,
                ident='blitznet')
        except (OSError, ValueError) as error:
            raise UserError('--host=%s --port=%d: nothing can be served there (%s).' % (host, port, error))
        if not isinstance(self._server, TcpWSGIServer):  # a name with several addresses
            self._server.close()
            raise UserError('--host=%s stands for several addresses: name one of them.' % host)
        self._server.channel_class = _Channel
        self._server.is_draining = False
        self._stopping = False

    @property
    def url(self):
        """Where it is."""
        host = self._server.effective_host
        return 'http://%s:%s' % ('[%s]' % host if self._server.family == socket.AF_INET6 else host, self._server.effective_port)

    def stop_on_signals(self):
        """Let SIGTERM and Ctrl-C be as `stop`, and a second one end the process at once. For the main thread."""
        def stop(*_):
            self.stop()
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)

        for number in STOP_SIGNALS:
            signal.signal(number, stop)

    def stop(self):
        """End `run` soon."""
        self._stopping = True

    def run(self, on_drain, notice_s, drain_s):
        """Serve until `stop`. Then go on for notice_s, accept no more, and answer what was sent. All of that takes at most drain_s.

        on_drain: is called when the end begins. Returns (whether all is answered, seconds of drain_s that are left).
        """
        while not self._stopping:
            self._turn(_TICK_S)
        log.info('Stopping: requests that were sent are answered. A second signal ends the server at once.')
        end = time.monotonic() + drain_s
        on_drain()
        self._server.is_draining = True
        self._until(lambda: False, min(notice_s, drain_s))
        self._accept_all()
        wasyncore.dispatcher.close(self._server)  # the listening socket alone: the channels are served on
        is_answered = self._until(lambda: not self._is_busy(), end - time.monotonic())
        if not is_answered:
            log.warning('After %g s there are requests without an answer.', drain_s)
        self._server.task_dispatcher.shutdown(timeout=max(end - time.monotonic(), 0))
        wasyncore.close_all(self._server._map)
        return is_answered, max(end - time.monotonic(), 0)

    def _turn(self, seconds):
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._server._map, count=1)

    def _until(self, is_over, seconds):
        """Serve until something is over, or the time is; returns whether it is over."""
        end = time.monotonic() + seconds
        while not is_over():
            if time.monotonic() >= end:
                return False
            self._turn(min(_TICK_S, max(end - time.monotonic(), 0)))
        return True

    def _accept_all(self):
        """Take the connections that wait: they would be reset when the socket closes."""
        before = -1
        while len(self._server.active_channels) != before:
            before = len(self._server.active_channels)
            self._server.handle_accept()

    def _is_busy(self):
        """Whether any client is owed an answer. What has just arrived is read first."""
        self._turn(0)
        return any(channel.is_busy for channel in list(self._server.active_channels.values()))
