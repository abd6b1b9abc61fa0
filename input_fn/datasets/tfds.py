"""tensorflow_datasets, imported after TensorFlow: it imports TensorFlow too, and would do so without what `runtime` sets for the process."""
from blitznet_estimator import runtime

runtime.load()
import tensorflow_datasets  # noqa: E402
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError  # noqa: E402

__all__ = ['NonMatchingChecksumError', 'tensorflow_datasets']
