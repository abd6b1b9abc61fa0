"""Records and image files to batches; the batch's keys are in `blitznet_estimator.batch`."""
from input_fn.datasets.registry import ground_truth, open_dataset
from input_fn.image_files import make_image_input_fn, read_pixels
from input_fn.pipeline import make_input_fn
from input_fn.serving import serving_input_receiver_fn
from input_fn.to_predict import images_to_predict

__all__ = ['ground_truth', 'images_to_predict', 'make_image_input_fn', 'make_input_fn', 'open_dataset', 'read_pixels',
           'serving_input_receiver_fn']
