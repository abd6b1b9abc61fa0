"""The CPU cores that this process may use, and work that is spread over them. Needs nothing but the standard library."""
import collections
import concurrent.futures
import os

BFLOAT16 = {'avx512_bf16', 'amx_bf16', 'bf16'}  # as Linux calls them: of x86, and of ARM


def cores():
    """Numbers of the CPU cores that this process may use, sorted. A system that tells no more than their count, as macOS, has all of them."""
    if hasattr(os, 'sched_getaffinity'):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def available_cores():
    """How many CPU cores this process may use: 1 or more."""
    return len(cores())


def limit_cores(count):
    """Let this process use the first `count` of its cores alone; 0 = all. Does nothing where the system cannot do so."""
    if count and hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, cores()[:count])


def has_bfloat16(cpuinfo='/proc/cpuinfo'):
    """Whether this processor has instructions for bfloat16. False where the system has no such file, which names them."""
    try:
        with open(cpuinfo, encoding='utf-8', errors='replace') as lines:
            words = set(next((line for line in lines if line.startswith(('flags', 'Features'))), '').split())
    except OSError:
        return False
    return bool(words & BFLOAT16)


def ordered_map(function, items, workers=0):
    """Yield function(item) for each item, in order, computed by `workers` threads (0 = one per core); an exception is raised in its turn.

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
