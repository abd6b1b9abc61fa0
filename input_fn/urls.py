"""Files of the web, within bounds of time and size that no server can stretch."""
import http.client
import queue
import threading
import time
import urllib.request

from blitznet_estimator.errors import UserError

LONGEST_WAIT = 30  # seconds for the next bytes
LONGEST_LOAD = 300  # seconds for all of a file
LARGEST_FILE = 1 << 28  # bytes


def load(url):
    """The bytes of a file of the web. UserError where it does not come, or is larger than LARGEST_FILE.

    A server that sends a byte now and then, in its headers or in the file, keeps a socket's timeout from ever coming. So a thread loads, and
    is left alone when the time is over.
    """
    answers = queue.Queue()
    threading.Thread(target=_answer, args=(url, time.monotonic() + LONGEST_LOAD, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=LONGEST_LOAD)
    except queue.Empty:
        raise _late(url)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(url, end, answers):
    """Put the bytes of a file, or the error, into a queue."""
    try:
        answers.put(_load(url, end))
    except Exception as error:  # for the other thread
        answers.put(error)


def _load(url, end):
    data = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=LONGEST_WAIT) as answer:
            while len(data) <= LARGEST_FILE:
                if time.monotonic() > end:
                    raise _late(url)
                piece = answer.read(max(len(answer.peek()), 1))  # what is there by now
                if not piece:
                    break
                data += piece
            if answer.length and len(data) <= LARGEST_FILE:  # bytes that were promised, and did not come
                raise http.client.IncompleteRead(bytes(data), answer.length)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UserError('%s cannot be loaded (%s).' % (url, getattr(error, 'reason', None) or str(error) or type(error).__name__))
    if len(data) > LARGEST_FILE:
        raise UserError('%s is larger than %d MB.' % (url, LARGEST_FILE >> 20))
    return bytes(data)


def _late(url):
    return UserError('%s cannot be loaded (it did not come within %g seconds).' % (url, LONGEST_LOAD))
