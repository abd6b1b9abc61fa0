"""What the works of this project's side share: graphs built as the Estimator builds them, and their sessions."""
from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from model_fn import model_fn


def estimator_spec(config, features, labels, mode, checkpoint=''):
    """The EstimatorSpec of `model_fn` in the current graph, with the platform's parameters."""
    tf.train.get_or_create_global_step()
    return model_fn(features, labels, mode, {'config': config, 'checkpoint': checkpoint, 'platform': get_platform(config).model_params()})


def open_session(config, checkpoint=''):
    """A session as the Estimator's, with initial weights or a checkpoint's."""
    tf.set_random_seed(config.run.seed)
    session = tf.Session(config=get_platform(config).run_config().session_config)
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    session.run(tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS))
    if checkpoint:
        saved = {name for name, _ in tf.train.list_variables(checkpoint)}
        variables = [variable for variable in tf.global_variables() if variable.op.name in saved]
        tf.train.Saver(variables).restore(session, checkpoint)
    return session


def iterate(dataset):
    """(one element as tensors, initialise(session)) of a dataset."""
    iterator = tf.data.make_initializable_iterator(dataset)
    return iterator.get_next(), lambda session: session.run(iterator.initializer)


def raw_outputs(network):
    """{name: tensor} of the network's raw outputs in the current graph."""
    return {name: tf.get_default_graph().get_tensor_by_name(name + ':0') for name in raw_output_shapes(network)}


def operations(tensors):
    """The ops that make `tensors` (any nesting): running them computes without copying results to Python."""
    return [tensor.op for tensor in tf.nest.flatten(tensors)]
