"""The graph's decoder, asked on the host: whether training will read an image, before it begins.

OpenCV reads damaged JPEG files that TensorFlow refuses. Where the two differ, the graph's word counts.
"""
import threading

from blitznet_estimator.host_session import host_session
from blitznet_estimator.runtime import tf
from input_fn.rendering import decode_image

_lock = threading.Lock()
_made = []  # of this process: (session, placeholder, size)


def graph_size(data):
    """(height, width) of JPEG or PNG bytes as the graph decodes them; None where it cannot."""
    session, placeholder, size = _decoder()
    try:
        return tuple(session.run(size, {placeholder: bytes(data)}).tolist())
    except tf.errors.OpError:
        return None


def _decoder():
    with _lock:
        if not _made:
            with tf.Graph().as_default():
                data = tf.placeholder(tf.string, [])
                size = tf.shape(decode_image(data))[:2]
                _made.append((host_session(), data, size))
    return _made[0]
