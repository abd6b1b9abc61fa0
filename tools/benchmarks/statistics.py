"""Medians, spreads and ratios of rounds of timings."""
import numpy as np


def summary(rounds, stage):
    """Of one stage over all rounds: dict of seconds an image (median, and the 10th and 90th percentile) and images/s."""
    samples = np.concatenate([np.asarray(one[stage], float) for one in rounds])
    median, low, high = np.percentile(samples, [50, 10, 90])
    return dict(seconds=median, low=low, high=high, samples=len(samples), images_per_second=1 / median if median > 0 else 0.)


def stages(rounds):
    """{stage: summary} of every stage of the rounds."""
    return {stage: summary(rounds, stage) for stage in rounds[0]}


def ratio(ours, theirs, stage='total'):
    """How many times faster `ours` is: the median of the ratios of paired rounds, with the lowest and the highest.

    Rounds that ran one after the other met the same load on the machine, so their ratio holds where absolute times do not.
    """
    pairs = [np.median(b[stage]) / np.median(a[stage]) for a, b in zip(ours, theirs)]
    return dict(median=float(np.median(pairs)), low=float(min(pairs)), high=float(max(pairs)), rounds=len(pairs))


def share(ours, theirs, stage='total'):
    """The time of `ours` as a share of the sum of the times of `theirs`: the median over the rounds, with the lowest and the highest.

    Args:
      ours: rounds of one side. theirs: rounds of each of several sides.
    """
    values = [np.median(one[stage]) / sum(np.median(other[stage]) for other in others) for one, *others in zip(ours, *theirs)]
    return dict(median=float(np.median(values)), low=float(min(values)), high=float(max(values)), rounds=len(values))
