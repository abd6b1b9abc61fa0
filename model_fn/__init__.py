"""From a batch to an EstimatorSpec: the network, its losses, its predictions."""
from blitznet_estimator import tta
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.runtime import tf
from model_fn.network.build import build_network
from model_fn.predictions import tta as seen_views
from model_fn.predictions.postprocess import predictions
from model_fn.training.averages import restoring_scaffold
from model_fn.training.losses import all_losses
from model_fn.training.optimizer import train_step
from model_fn.training.parts import Parts
from model_fn.training.summaries import evaluation_metrics, histograms, publish
from model_fn.training.warm_start import warm_start
from model_fn.training.weight_decay import weight_decay

Modes = tf.estimator.ModeKeys


def model_fn(features, labels, mode, params):
    """The EstimatorSpec of a batch, as `blitznet_estimator/batch.py` has it.

    Args:
      features, labels: of the batch; no labels in PREDICT.
      mode: of tf.estimator.ModeKeys.
      params: config (a Config); platform (its ModelParams; a plain Estimator's by default); in PREDICT checkpoint (the path of the one in
        use, which a platform with `constant_weights` needs).
    """
    config, platform = params['config'], params.get('platform', ModelParams())
    if mode == Modes.PREDICT:
        return _predict_spec(features, config, platform, params['checkpoint'] if platform.constant_weights else None)
    return {Modes.EVAL: _eval_spec, Modes.TRAIN: _train_spec}[mode](features, labels, config, platform)


def _eval_spec(features, labels, config, platform):
    outputs = _network(features, config, platform, training=False)
    loss, losses, metrics = all_losses(outputs, labels, anchors_of(config.network), config.train)
    losses['weight_decay'] = weight_decay(config.train.weight_decay)
    return platform.estimator_spec(Modes.EVAL, loss=loss + losses['weight_decay'], scaffold=restoring_scaffold(),
                                   eval_metric_ops=evaluation_metrics(losses, metrics, outputs, features, labels))


def _train_spec(features, labels, config, platform):
    parts = Parts(features, labels, config, anchors_of(config.network), lambda part: _network(part, config, platform, training=True))
    first, *others = parts.computations()
    loss, decay = first(), weight_decay(config.train.weight_decay)
    train_op, rate, norm = train_step(loss, config.train, platform, [decay], others)
    loss, losses, metrics = parts.sums()
    together = publish(dict(losses, weight_decay=decay), metrics, loss + decay, rate, norm)
    if together:
        train_op = tf.group(train_op, *together)
    if config.run.histograms:
        histograms(parts.outputs)
    if config.train.warm_start_from:
        warm_start(config.train.warm_start_from, config.network, config.run.model_dir, config.train.weights_dir)
    return platform.estimator_spec(Modes.TRAIN, loss=loss + decay, train_op=train_op)


def _network(features, config, platform, training, checkpoint=None):
    return build_network(features['image'], config.network, training, checkpoint, cpu_precision=platform.cpu_precision,
                         freeze=config.train.freeze if training else ())


def _predict_spec(features, config, platform, checkpoint):
    if config.run.tta:
        return _views_spec(features, config, platform)
    outputs = _network(features, config, platform, training=False, checkpoint=checkpoint)
    restored = {} if checkpoint else {'scaffold': restoring_scaffold()}  # of variables, where the graph has any
    if platform.raw_predictions:  # the host finishes them: the device's graph holds no NMS
        raw = dict(outputs, **{key: features[key] for key in ('source_id', 'size') if key in features})
        return platform.estimator_spec(Modes.PREDICT, predictions=raw, **restored)
    found = predictions(outputs, features, config.network, config.detection)
    return platform.estimator_spec(Modes.PREDICT, predictions=found, **restored)


def _views_spec(features, config, platform):
    """As `_predict_spec`, with test-time augmentation. The views share variables: constants would be in the graph once for each."""
    if platform.raw_predictions:
        raise UserError('--tta puts boxes together by NMS in the graph, which the graph of this device cannot hold: use --platform=cpu or gpu.')

    def build(images, network):
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            return build_network(images, network, training=False, cpu_precision=platform.cpu_precision)
    found = seen_views.predictions(features, config.network, config.detection, tta.parse(config.run.tta), build)
    return platform.estimator_spec(Modes.PREDICT, predictions=found, scaffold=restoring_scaffold())
