"""What training with many workers costs, on paper: the gradients of a step over the network, and the pictures that a job reads.

A ring sends each worker's gradients once around to add them, and once around to hand the sums out: 2 (N - 1) / N of their bytes leave each worker,
in 2 (N - 1) rounds. So a step's exchange takes

    2 (N - 1) / N * bytes / bandwidth + 2 (N - 1) * latency

and a worker that computes for c seconds per step is busy for at least c / (c + exchange) of the time, when nothing of both overlaps.
"""
from blitznet_estimator.text_table import table
from model_fn.network import cost

WORKERS = (8, 16, 32, 64, 128, 256, 512)
GIGABITS = (10, 25, 100, 200)  # per second, of each worker's network card
BYTES = 4  # of a gradient: float32


def exchange_seconds(workers, size, gigabits, latency=0.):
    """Seconds of a ring allreduce of `size` bytes. latency: seconds of a round."""
    return 2 * (workers - 1) / workers * size / (gigabits * 1e9 / 8) + 2 * (workers - 1) * latency


def efficiency(workers, size, gigabits, latency, seconds):
    """Share of the time that a worker computes, `seconds` per step, where nothing overlaps; also the throughput per worker, against one alone."""
    return seconds / (seconds + exchange_seconds(workers, size, gigabits, latency))


def describe(network, batch_size, images_per_second, latency):
    """Text: a row for each number of workers.

    Args:
      network: a NetworkConfig.
      batch_size: images per step and worker.
      images_per_second: that a worker trains alone.
      latency: seconds of a round of the ring.
    """
    size = BYTES * cost.total(network).parameters
    seconds = batch_size / images_per_second
    title = '%s: %.1f MB of gradients; a worker alone trains %g images/s, in steps of %d images (%.0f ms); a round takes %g us' % (
        network.preset, size / 1e6, images_per_second, batch_size, 1e3 * seconds, 1e6 * latency)
    rows = []
    for workers in WORKERS:
        shares = [efficiency(workers, size, speed, latency, seconds) for speed in GIGABITS]
        times = ['%.0f ms, %.0f %%' % (1e3 * exchange_seconds(workers, size, speed, latency), 100 * share)
                 for speed, share in zip(GIGABITS, shares)]
        rows.append([workers, workers * batch_size] + times + ['%.0f' % (workers * images_per_second)])
    heads = ['workers', 'images per step'] + ['%d Gbit/s' % speed for speed in GIGABITS] + ['images/s to read, at most']
    return '%s\n\n%s\n\nThe columns of speeds: the time of a step\'s exchange, and the least share of the time that is left for computing.' % (
        title, table(heads, [[str(cell) for cell in row] for row in rows]))
