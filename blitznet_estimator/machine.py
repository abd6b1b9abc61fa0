"""The machine that this process runs on: its CPU cores. Needs nothing but the standard library."""
import os


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
