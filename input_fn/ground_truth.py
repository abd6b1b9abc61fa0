"""Ground truth on the host, for scoring and drawing: it does not travel through the device."""
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset


def ground_truth(data_config, split_role):
    """Iterator of the Samples of the split for 'train' or 'eval', in the order of source_id."""
    return read_samples(open_dataset(data_config, split_role))
