"""The ground truth of predictions: both come in the order of the split, and some images may have none."""
from blitznet_estimator.errors import UserError

CHANGED = 'its files changed since the run began; start it again.'


def sample_of(samples, source_id, otherwise=CHANGED):
    """The sample of an image out of an iterator of them in order; those before it, which the input left out, are passed over.

    otherwise: why it may be missing, for the UserError.
    """
    for sample in samples:
        if sample.source_id == source_id:
            return sample
    raise UserError('The ground truth ends before image %d of the split: %s' % (source_id, otherwise))
