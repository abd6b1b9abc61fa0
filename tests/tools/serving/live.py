"""A server at work, in a thread of the test."""
import contextlib
import threading

from tools.serving.server import Server


@contextlib.contextmanager
def running(app, max_body=1 << 20, notice_s=.1, drain_s=10, threads=8):
    """A Server of an application, in a thread; it is stopped at the end, at the latest."""
    server = Server(app, '127.0.0.1', 0, threads=threads, max_body=max_body)
    thread = threading.Thread(target=server.run, args=(lambda: None, notice_s, drain_s))
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()
