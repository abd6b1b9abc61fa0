"""What the model says of itself: in training scalars for TensorBoard and for hooks, in EVAL metrics."""
from blitznet_estimator import monitor, replicas
from blitznet_estimator.runtime import tf
from model_fn.training.weight_decay import is_decayed


def publish(losses, metrics, total, rate, norm):
    """Write every scalar's summary, and publish to `monitor` what costs a step next to nothing: all but the gradients' norm.

    Returns what every step has to compute on all replicas: the figures are the means over them.
    """
    scalars = {'loss/' + name: value for name, value in losses.items()}
    scalars.update({('loss/' if name.startswith('class_') else 'train/') + name: value for name, value in metrics.items()})
    names = sorted(scalars)
    means = replicas.mean([total] + [scalars[name] for name in names])
    scalars = dict(zip(names, means[1:]), **{'optimizer/learning_rate': rate})
    _summarise_total(means[0])
    monitor.publish('loss', means[0])
    for name, value in sorted(scalars.items()):
        tf.summary.scalar(name, value)
        monitor.publish(name, value)
    tf.summary.scalar('optimizer/gradient_norm', norm)
    return means if replicas.count() > 1 else []


def _summarise_total(total):
    """Write 'loss/total' by an operation called 'loss': where there is one, Estimator adds no second curve of the loss.

    Of several devices the first writes, as with `tf.summary.scalar`.
    """
    replica = tf.distribute.get_replica_context()
    if replica is not None and int(tf.get_static_value(replica.replica_id_in_sync_group) or 0):
        return
    tf.add_to_collection(tf.GraphKeys.SUMMARIES, tf.raw_ops.ScalarSummary(tags='loss/total', values=total, name='loss'))


def histograms(outputs):
    """Summaries of the distribution of each raw output and of the convolutions' weights."""
    for name, output in sorted(outputs.items()):
        tf.summary.histogram('outputs/' + name, output)
    for variable in tf.trainable_variables():
        if is_decayed(variable):
            tf.summary.histogram('weights/' + variable.op.name.rpartition('/')[0], variable)


def evaluation_metrics(losses, metrics, outputs, features, labels):
    """eval_metric_ops of EVAL: the mean of every loss and metric over the images, and mean IoU at label size. Padding does not count."""
    images = tf.reduce_sum(tf.to_float(features['source_id'] >= 0))
    scalars = dict({'loss/' + name: value for name, value in losses.items()}, **metrics)
    means = {name: tf.metrics.mean(value, weights=images) for name, value in scalars.items()}
    if 'segmentation' in outputs:
        means['mIoU_at_label_size'] = _mean_iou(outputs['segmentation'], labels['mask'])
    return means


def _mean_iou(logits, mask):
    """tf.metrics' (value, update) of the mean IoU of [B, s, s, C] with [B, s, s], over the classes that occur and the labelled pixels."""
    labelled = mask < int(logits.shape[-1])
    return tf.metrics.mean_iou(tf.where(labelled, mask, tf.zeros_like(mask)), tf.argmax(logits, axis=-1, output_type=tf.int32),
                               int(logits.shape[-1]), weights=tf.to_float(labelled))
