"""Serving: encoded images in, the network's features out, inside the exported graph."""
from blitznet_estimator.runtime import tf
from input_fn.rendering import decode_image, resize_image


def serving_input_receiver_fn(config):
    """What `Estimator.export_saved_model` takes: a function that builds the graph's input.

    The one input, `image_bytes` [B] string, holds whole JPEG or PNG files of any size, grey or in colour; transparency is
    dropped, EXIF orientation not looked at. Features: image [B, S, S, 3] float32 and size [B, 2] int32, as in
    `contract.py`.
    """
    side = config.network.image_size

    def read(data):
        image = decode_image(data)
        return resize_image(image, side), tf.shape(image)[:2]

    def receive():
        data = tf.placeholder(tf.string, [None], name='image_bytes')
        images, sizes = tf.map_fn(read, data, dtype=(tf.float32, tf.int32), back_prop=False)
        features = {'image': tf.ensure_shape(images, [None, side, side, 3]), 'size': tf.ensure_shape(sizes, [None, 2])}
        return tf.estimator.export.ServingInputReceiver(features, {'image_bytes': data})
    return receive
