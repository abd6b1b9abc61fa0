"""Serving: encoded images in, the network's features out, inside the exported graph."""
from blitznet_estimator.batch import PREDICT, batch_spec
from blitznet_estimator.runtime import tf
from input_fn.rendering import decode_image, resize_image


def serving_input_receiver_fn(config):
    """What `Estimator.export_saved_model` takes: a function that builds the graph's input.

    The one input, `image_bytes` [B] string, holds whole JPEG or PNG files of any size, grey or in colour; transparency is
    dropped, EXIF orientation not looked at. Features: image and size, as in `blitznet_estimator.batch`, for any B.
    """
    side, spec = config.network.image_size, batch_spec(config, PREDICT).features
    keys = ('image', 'size')

    def read(data):
        image = decode_image(data)
        return resize_image(image, side), tf.shape(image)[:2]

    def receive():
        data = tf.placeholder(tf.string, [None], name='image_bytes')
        tensors = tf.map_fn(read, data, dtype=tuple(tf.as_dtype(spec[key].dtype) for key in keys), back_prop=False)
        features = {key: tf.ensure_shape(tensor, (None,) + spec[key].shape[1:]) for key, tensor in zip(keys, tensors)}
        return tf.estimator.export.ServingInputReceiver(features, {'image_bytes': data})
    return receive
