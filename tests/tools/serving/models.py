"""Small SavedModels that servers are tested with."""
import os

from blitznet_estimator.runtime import tf


def save(folder, build):
    """Write the SavedModel `folder`; build: () -> {signature: ({name: input}, {name: output})}. Returns the folder."""
    with tf.Graph().as_default(), tf.Session() as session:
        signatures = {name: tf.saved_model.predict_signature_def(*pair) for name, pair in build().items()}
        builder = tf.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], signature_def_map=signatures)
        builder.save()
    return folder


def half_plus_two(base, number, add=2.):
    """TensorFlow Serving's own test model, y = x / 2 + 2, of any shape, as version `number` in the folder `base`."""
    def build():
        x = tf.placeholder(tf.float32, None, name='x')
        return {'serving_default': ({'x': x}, {'y': x / 2 + add})}
    return save(os.path.join(str(base), str(number)), build)


def several(base, number):
    """A model with signatures of several inputs and outputs, of strings, integers and bools, and one that fails for some requests."""
    def build():
        text = tf.placeholder(tf.string, [None], name='text')
        count = tf.placeholder(tf.int32, [None, 2], name='count')
        truth = tf.placeholder(tf.bool, [None], name='truth')
        number = tf.placeholder(tf.float32, [None], name='number')
        with tf.control_dependencies([tf.assert_non_negative(number)]):
            root = tf.cast(tf.sqrt(tf.cast(number, tf.float64)), tf.float32)  # exact in any batch: TensorFlow 1.15 rounds float32's by its size
        return {
            'strings': ({'text': text}, {'text': tf.identity(text), 'text_bytes': text + '\xff'.encode('latin-1')}),
            'two_inputs': ({'count': count, 'truth': truth}, {'count': count * 2, 'truth': tf.logical_not(truth)}),
            'root': ({'number': number}, {'root': root}),
            'unequal': ({'number': number}, {'number': number + 0., 'all': tf.reduce_sum(number)})}
    return save(os.path.join(str(base), str(number)), build)
