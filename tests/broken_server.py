"""A server of the network that does not do as HTTP says."""
import contextlib
import socket
import threading

HEAD = b'HTTP/1.1 200 OK\r\n'
ANSWERS = [b'', b'220 this is mail\r\n', HEAD, HEAD + b'Content-Length: 99\r\n\r\nab', HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\nab',
           HEAD + b'Transfer-Encoding: chunked\r\n\r\nx\r\n', HEAD + b'a: b\r\n' * 200 + b'\r\n', HEAD + b'Content-Length: -5\r\n\r\nab',
           b'HTTP/1.1 301 Moved\r\nLocation: http://[x\r\n\r\n', b'HTTP/1.1 ' + b'9' * 70000]


@contextlib.contextmanager
def answering(data, pause=0):
    """The address of a server that gives each client these bytes, and hangs up. pause: seconds after each byte; 0 = all at once."""
    over = threading.Event()
    with socket.socket() as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen(5)
        thread = threading.Thread(target=_answer, args=(listening, data, pause, over), daemon=True)
        thread.start()
        yield 'http://127.0.0.1:%d/' % listening.getsockname()[1]
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _answer(listening, data, pause, over):
    while True:
        try:
            client = listening.accept()[0]
        except OSError:  # it was closed
            return
        with client, contextlib.suppress(OSError):
            client.recv(1 << 20)
            for piece in [data[i:i + 1] for i in range(len(data))] if pause else [data]:
                client.sendall(piece)
                if over.wait(pause):
                    break
