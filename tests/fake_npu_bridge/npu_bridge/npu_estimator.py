"""NPUEstimator: an Estimator that checks the device graph, sinks loops, saves by a Saver of its own and carries out host_call."""
import os

import tensorflow.compat.v1 as tf

from npu_bridge import device_graph, hccl_ops, npu_hooks
from npu_bridge.npu_config import NPURunConfig

_CHECKED = tf.estimator.Estimator._assert_members_are_not_overridden


class NPUEstimatorSpec(tf.estimator.EstimatorSpec):
    """An EstimatorSpec with host_call = (fn, tensors)."""

    def __new__(cls, mode, predictions=None, loss=None, train_op=None, eval_metric_ops=None, export_outputs=None,
                training_chief_hooks=None, training_hooks=None, scaffold=None, evaluation_hooks=None, prediction_hooks=None,
                host_call=None):
        npu_hooks.validate_host_call(host_call)
        spec = super().__new__(
            cls, mode=mode, predictions=predictions, loss=loss, train_op=train_op, eval_metric_ops=eval_metric_ops,
            export_outputs=export_outputs, training_chief_hooks=training_chief_hooks, training_hooks=training_hooks,
            scaffold=scaffold, evaluation_hooks=evaluation_hooks, prediction_hooks=prediction_hooks)
        spec._host_call = host_call
        return spec


class NPUEstimator(tf.estimator.Estimator):
    """An Estimator on a pretended device."""

    def __init__(self, model_fn=None, model_dir=None, config=None, params=None, job_start_file='', warm_start_from=None):
        if not isinstance(config, NPURunConfig):
            raise ValueError('`config` must be provided with type `NPUConfigs`')
        _load_graph_optimizers(config.session_config)
        _read_job()
        if model_dir is not None and model_dir != config.model_dir:
            raise ValueError('model_dir are set both in NPUEstimator and NPURunConfig, but with different values.')
        tf.estimator.Estimator._assert_members_are_not_overridden = lambda self: None
        try:
            super().__init__(model_fn=_augmented(model_fn, config), config=config, params=params or {},
                             warm_start_from=warm_start_from or os.getenv('RESTORE_FROM'))
        finally:
            tf.estimator.Estimator._assert_members_are_not_overridden = _CHECKED

    def train(self, input_fn, hooks=None, steps=None, max_steps=None, saving_listeners=None):
        """Refuses steps that are no whole loops."""
        for count in (steps, max_steps):
            if count and count % self.config.iterations_per_loop:
                raise ValueError('%d steps are no whole loops of %d' % (count, self.config.iterations_per_loop))
        return super().train(input_fn, hooks, steps, max_steps, saving_listeners)


def _load_graph_optimizers(session_config):
    """Adds to the session's configuration in place, so that one used twice has it twice."""
    rewrite = session_config.graph_options.rewrite_options
    if rewrite.custom_optimizers:
        raise ValueError('this session_config was already used by an NPUEstimator')
    if rewrite.remapping != rewrite.OFF:
        raise ValueError('remapping is on')
    rewrite.custom_optimizers.add().name = 'NpuOptimizer'


def _read_job():
    """As the real one: without JOB_ID there is no job, and its first use is an AttributeError."""
    job = None
    if os.getenv('JOB_ID'):
        job = {'rank': int(os.environ['RANK_ID']), 'size': hccl_ops.rank_size()}
    else:
        tf.logging.error('Error:can not get job config from env')
    return job.items()


def _augmented(model_fn, config):
    def augmented_model_fn(features, labels, mode, params):
        spec = model_fn(features=features, labels=labels, mode=mode, params=params)
        if mode == tf.estimator.ModeKeys.PREDICT:
            device_graph.check(list(spec.predictions.values()))
        if mode != tf.estimator.ModeKeys.TRAIN:
            return spec
        device_graph.check([spec.train_op, spec.loss])
        return _training_spec(spec, config)
    return augmented_model_fn


def _training_spec(spec, config):
    """The real order: broadcast, checkpoints, host_call, sinking, then the hooks of model_fn."""
    hooks, host_call = [], getattr(spec, '_host_call', None)
    if hccl_ops.rank_size() > 1:
        hooks.append(npu_hooks.BroadcastTrainable())
    if config.save_checkpoints_steps or config.save_checkpoints_secs:
        hooks.append(tf.train.CheckpointSaverHook(config.model_dir, save_secs=config.save_checkpoints_secs,
                                                  save_steps=config.save_checkpoints_steps, saver=tf.train.Saver()))
    train_op, loss = spec.train_op, spec.loss
    if host_call is not None:
        outfeed, loss = npu_hooks.outfeed(host_call, train_op, loss)
        hooks.append(outfeed)
    if config.iterations_per_loop > 1:
        train_op = tf.group(train_op, name='IterationOp')
        hooks.append(npu_hooks.Sink([train_op, loss], config.iterations_per_loop))
    return spec._replace(train_op=train_op, loss=loss, training_hooks=tuple(hooks) + tuple(spec.training_hooks))
