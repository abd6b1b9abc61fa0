"""Memory between two phases of a long run."""
import ctypes
import gc
import sys


def release():
    """Give back what the last Estimator call left behind.

    A graph, its session and its Python objects refer to each other in circles, so that they live until the collector's oldest generation
    is due, hundreds of megabytes later (tensorflow issues 24221, 32052). What is then freed stays in the C library's heaps, one a
    thread, until it is asked to return it.
    """
    gc.collect()
    if sys.platform.startswith('linux'):
        trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # the GNU C library has it, others don't
        if trim:
            trim(0)
