"""What training publishes: scalars for TensorBoard in groups, and the same tensors for hooks and hosts in the collection `monitor`."""
from blitznet_estimator.runtime import tf

MONITOR = 'monitor'  # graph collection of (name, scalar tensor); `loss` is the total


def publish(losses, figures, total, rate, norm):
    """Write every scalar's summary, and add them all to the collection."""
    groups = {'loss/' + name: value for name, value in losses.items()}
    groups.update({'loss/total': total, 'optimizer/learning_rate': rate, 'optimizer/gradient_norm': norm})
    groups.update({('loss/' if name.startswith('class_') else 'train/') + name: value for name, value in figures.items()})
    for name, value in sorted(groups.items()):
        tf.summary.scalar(name, value)
    for name, value in sorted(groups.items()):
        tf.add_to_collection(MONITOR, ('loss' if name == 'loss/total' else name, value))


def evaluation_metrics(losses, outputs, labels):
    """eval_metric_ops of EVAL: the mean of each loss, and mean IoU at label size."""
    metrics = {'loss/' + name: tf.metrics.mean(value) for name, value in losses.items()}
    if 'segmentation' in outputs:
        num_classes, mask = int(outputs['segmentation'].shape[-1]), labels['mask']
        labelled = mask < num_classes
        metrics['mIoU_at_label_size'] = tf.metrics.mean_iou(
            tf.where(labelled, mask, tf.zeros_like(mask)), tf.argmax(outputs['segmentation'], axis=-1), num_classes,
            weights=tf.to_float(labelled))
    return metrics
