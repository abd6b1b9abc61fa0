"""From a batch to an EstimatorSpec: the network, its losses, its predictions."""
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.runtime import tf
from model_fn.network.build import build_network
from model_fn.predictions.postprocess import predictions
from model_fn.training.losses import all_losses
from model_fn.training.optimizer import train_step
from model_fn.training.summaries import evaluation_metrics, histograms, publish
from model_fn.training.warm_start import warm_start
from model_fn.training.weight_decay import weight_decay

Modes = tf.estimator.ModeKeys


def model_fn(features, labels, mode, params):
    """The EstimatorSpec of a batch, as `blitznet_estimator/batch.py` has it.

    Args:
      features, labels: of the batch; no labels in PREDICT.
      mode: of tf.estimator.ModeKeys.
      params: config (a Config); checkpoint (for PREDICT, the path of the one in use); and from the platform: estimator_spec,
        wrap_optimizer, raw_predictions, constant_weights, cpu_precision, num_workers.
    """
    config, spec = params['config'], params.get('estimator_spec', tf.estimator.EstimatorSpec)
    if mode == Modes.PREDICT:
        return _predict_spec(spec, features, params)
    outputs = _network(features, params, training=mode == Modes.TRAIN)
    anchors = anchors_of(config.network)
    losses, figures = all_losses(outputs, labels, anchors)
    loss = tf.add_n([losses[name] for name in sorted(losses)])
    losses['weight_decay'] = weight_decay(config.train.weight_decay)
    total = loss + losses['weight_decay']
    if mode == Modes.EVAL:
        return spec(mode, loss=total, eval_metric_ops=evaluation_metrics(losses, figures, outputs, features, labels))
    train_op, rate, norm = train_step(loss, config.train, params.get('wrap_optimizer'), params.get('num_workers', 1), [losses['weight_decay']])
    publish(losses, figures, total, rate, norm)
    if config.run.histograms:
        histograms(outputs)
    if config.train.warm_start_from:
        warm_start(config.train.warm_start_from, config.network, config.run.model_dir)
    return spec(mode, loss=total, train_op=train_op)


def _network(features, params, training, checkpoint=None):
    return build_network(features['image'], params['config'].network, training, checkpoint, cpu_precision=params.get('cpu_precision'))


def _predict_spec(spec, features, params):
    config, checkpoint = params['config'], params['checkpoint'] if params.get('constant_weights') else None
    outputs = _network(features, params, training=False, checkpoint=checkpoint)
    if params.get('raw_predictions'):  # the host finishes them: the device's graph holds no NMS
        raw = dict(outputs, **{key: features[key] for key in ('source_id', 'size') if key in features})
        return spec(Modes.PREDICT, predictions=raw)
    found = predictions(outputs, features, config.network, config.detection)
    serving = {key: value for key, value in found.items() if key not in ('source_id', 'size')}
    return spec(Modes.PREDICT, predictions=found,
                export_outputs={'serving_default': tf.estimator.export.PredictOutput(serving)})
