"""Speed of what mode export writes, each format loaded and run as a client does."""
import os

from blitznet_estimator.drivers import export
from blitznet_estimator.formats import saved_model
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from input_fn import serving as serving_input
from model_fn import serving as serving_model
from tools.benchmarks.prediction import encoded_images
from tools.benchmarks.rounds import timed


def exported(order):
    """The SavedModel, from one encoded image to boxes and a mask of its own size."""
    folder = os.path.join(order.folder, 'export')
    config = order.config.replace(run=dict(mode='export', checkpoint_path=order.checkpoint, output_dir=folder, export_pictures=0))
    platform = get_platform(config)
    path = export.run(config, platform, serving_input, serving_model, None)
    session = tf.Session(graph=tf.Graph(), config=platform.run_config().session_config)
    with session.graph.as_default():
        signature = tf.saved_model.load(session, [tf.saved_model.SERVING], path).signature_def[saved_model.SIGNATURE]
    (encoded,) = [info.name for info in signature.inputs.values()]
    outputs = [info.name for info in signature.outputs.values()]
    images = encoded_images(order)
    facts = {'MB on disk': sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(path) for name in names) / 1e6}
    return lambda: {'total': timed(lambda: session.run(outputs, {encoded: next(images)}), 1, order.seconds)}, facts
