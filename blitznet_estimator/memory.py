"""Memory of a long run, whose every phase builds and drops a graph."""
import ctypes
import gc
import sys

from blitznet_estimator.machine import available_cores

_M_ARENA_MAX = -8  # mallopt's number for it (malloc.h)


def limit_malloc_arenas():
    """Before sessions start their threads: let the C library serve them all out of few heaps.

    It makes a heap for every thread that allocates while another does, up to eight a core. A graph's pieces then lie scattered over all of
    them among what lives longer, and little can be returned: 3 MB stayed of each training and evaluation, under 1 MB with a heap a core.
    """
    mallopt = _glibc('mallopt')
    if mallopt:
        mallopt(_M_ARENA_MAX, available_cores())


def release():
    """Give back what the last Estimator call left behind, or the preparation of a graph.

    A graph, its session and its Python objects refer to each other in circles, so that they live until the collector's oldest generation
    is due, hundreds of megabytes later (tensorflow issues 24221, 32052). What is then freed stays in the C library's heaps until it is
    asked to return it. So does what TensorFlow's copies of a graph took as it prepared it.
    """
    gc.collect()
    trim = _glibc('malloc_trim')
    if trim:
        trim(0)


def _glibc(name):
    """A function of the GNU C library; None where there is another one."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith('linux') else None
