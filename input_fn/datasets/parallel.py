"""Work on many items at once, with results in order and only a few of them held."""
import collections
import concurrent.futures

from blitznet_estimator.machine import available_cores


def ordered_map(function, items, workers=0):
    """Yield function(item) for each item, in order, computed by threads (0 = one a core); an exception is raised in its turn.

    Threads, as OpenCV leaves Python's lock while it draws, decodes and encodes, and as forking where TensorFlow runs is unsafe.
    """
    workers = workers or available_cores()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting = collections.deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
