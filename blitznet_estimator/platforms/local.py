"""This machine's CPU and GPUs, by TensorFlow alone."""
import dataclasses
import os

from blitznet_estimator import cadence, replicas
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.machine import available_cores
from blitznet_estimator.platforms import concurrent_predict
from blitznet_estimator.platforms.base import Platform
from blitznet_estimator.platforms.checkpoint_hook import CheckpointHook
from blitznet_estimator.platforms.cluster import hidden, read_cluster
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.platforms.multi_worker import SameStartHook, WorkerGroup
from blitznet_estimator.platforms.tolerant_restore import note_variables_of_the_model, tolerant_scaffold
from blitznet_estimator.runtime import IS_TF1, enable_op_determinism, tf

BFLOAT16 = 'auto_mixed_precision_onednn_bfloat16'  # of the rewriter, from TensorFlow 2.9 on
XLA_ON_CPU = '--tf_xla_cpu_global_jit'  # without it the session's JIT level leaves the CPU out


def visible_gpus():
    """Number of GPUs that TensorFlow sees."""
    return len(tf.config.experimental.list_physical_devices('GPU'))


class LocalPlatform(Platform):
    """What CPU and GPU have in common: one process, or one of a cluster's, by TensorFlow's own means alone."""

    _devices_here = 1  # that train together in this process

    def __init__(self, config):
        self._config = config
        self._cluster = _cluster_of(config)
        self._group = WorkerGroup(self._cluster) if self._cluster and not self._cluster.is_evaluator else None
        if config.run.deterministic:
            self._be_deterministic()
        if config.run.xla and XLA_ON_CPU not in os.environ.get('TF_XLA_FLAGS', ''):
            os.environ['TF_XLA_FLAGS'] = ('%s %s' % (os.environ.get('TF_XLA_FLAGS', ''), XLA_ON_CPU)).strip()

    def _be_deterministic(self):
        """Let TensorFlow choose kernels that give the same bits each time. TensorFlow 1.15 has no such switch: see `_threads`."""
        if not IS_TF1:
            enable_op_determinism()

    def _threads(self):
        """Threads of a session. One where nothing else keeps the sums of several threads in order."""
        if self._config.run.deterministic and IS_TF1:
            return 1
        return self._config.run.threads or available_cores()

    @property
    def shard(self):
        """(index, count) of this process among those that train."""
        return (self._cluster.rank, self._cluster.size) if self._group else (0, 1)

    @property
    def is_chief(self):
        """Whether this process is the first, which writes."""
        return self.shard[0] == 0 and not self.only_evaluates

    @property
    def only_evaluates(self):
        """Whether it is the evaluator of a cluster."""
        return bool(self._cluster and self._cluster.is_evaluator)

    @property
    def num_workers(self):
        """Devices that train together, over all processes."""
        return self._devices_here * self.shard[1]

    @property
    def batches_per_step(self):
        """One input feeds all devices of this process, a batch each."""
        return self._devices_here

    def train(self, estimator, input_fn, max_steps, hooks):
        """As Estimator.train, with the other processes of the cluster where there is one."""
        train = self._group.train if self._group else super().train
        train(estimator, input_fn, max_steps, hooks)

    def run_config(self):
        """A tf.estimator.RunConfig. The hooks of this project report the steps, so that TensorFlow's own counter is off."""
        run = self._config.run
        with hidden():
            return self._run_config(run)

    def _run_config(self, run):
        return tf.estimator.RunConfig(
            model_dir=run.model_dir, tf_random_seed=run.seed, session_config=self.session_config(), log_step_count_steps=None,
            save_checkpoints_steps=None, save_checkpoints_secs=None,  # by CheckpointHook
            save_summary_steps=run.summary_every if self.is_chief else 0,
            keep_checkpoint_max=run.keep_checkpoint_max, train_distribute=self._strategy())

    def session_config(self):
        """The tf.ConfigProto of every session."""
        threads = self._threads()
        session = tf.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
        if self._config.run.xla:
            session.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_2
        return session

    def make_estimator(self, model_fn, params):
        """A tf.estimator.Estimator."""
        return tf.estimator.Estimator(model_fn, config=self.run_config(), params=params)

    def model_params(self):
        """Predictions are finished in the graph, which holds the checkpoint's weights as constants."""
        return ModelParams(wrap_optimizer=self._wrap_optimizer, estimator_spec=self._spec, constant_weights=True, num_workers=self.num_workers)

    def describe(self):
        """One line for the log."""
        parts = [self._device(), self._precision()]
        parts += [name for name, on in (('XLA', self._config.run.xla), ('deterministic', self._config.run.deterministic)) if on]
        if self._group:
            images = self._config.data.batch_size
            parts.append('as %s of %d processes, with %d of the %d images of a step' % (
                self._cluster.describe(), self._cluster.size, images * self.batches_per_step, images * self.num_workers))
        return ', '.join(parts)

    def _wrap_optimizer(self, optimizer):
        note_variables_of_the_model()
        return self._scaled(optimizer)

    def _scaled(self, optimizer):
        return optimizer

    def _spec(self, mode, **fields):
        """An EstimatorSpec. Training resumes where the checkpoint lacks the optimizer's variables: of another optimizer or precision."""
        if mode == tf.estimator.ModeKeys.TRAIN:
            run = self._config.run
            meeting = replicas.add_stop_vote() if self._group else None
            saver = CheckpointHook(run.model_dir, cadence.save_steps(self._config), bool(run.profile_steps), self.is_chief, meeting)
            same_start = (SameStartHook(run.model_dir),) if self._group else ()
            fields['training_hooks'] = tuple(fields.get('training_hooks') or ()) + same_start + (saver,)
            fields['scaffold'] = tolerant_scaffold(fields.get('scaffold'), run.model_dir, run.keep_checkpoint_max)
        return tf.estimator.EstimatorSpec(mode, **fields)

    def _mixed(self):
        return self._config.train.precision == 'mixed'

    def _strategy(self):
        """The tf.distribute strategy of training, or None for one device alone."""
        return self._group.strategy(self.session_config()) if self._group else None


class CpuPlatform(LocalPlatform):
    """The CPU. Mixed precision is bfloat16 by oneDNN, which needs no loss scaling."""

    name = 'cpu'
    _BATCHES_AT_ONCE = 2  # in prediction: 5 % faster than one after the other; three gained nothing more

    def __init__(self, config):
        super().__init__(config)
        if self._mixed() and not hasattr(tf.ConfigProto().graph_options.rewrite_options, BFLOAT16):
            if config.run.mode != 'export':  # which computes nothing
                log.warning('--precision=mixed on the CPU is bfloat16, which TensorFlow %s does not have: computing in float32.', tf.__version__)
            self._config = config.replace(train=dict(precision='fp32'))

    def model_params(self):
        """As everywhere. Mode export makes a graph for the platform that it is told, so that --platform=gpu has TensorFlow's own convolutions."""
        precision = None if self._config.run.platform == 'gpu' else self._config.train.precision
        return dataclasses.replace(super().model_params(), cpu_precision=precision)

    def predict(self, estimator, input_fn, checkpoint):
        """As everywhere, some batches at a time."""
        return concurrent_predict.predict(estimator, input_fn, checkpoint, self._BATCHES_AT_ONCE)

    def session_config(self):
        """As everywhere, with no GPU."""
        session = super().session_config()
        session.device_count['GPU'] = 0
        if self._mixed():
            rewrite = session.graph_options.rewrite_options
            setattr(rewrite, BFLOAT16, rewrite.ON)
        return session

    def _device(self):
        threads = self._threads()
        return 'CPU (%d thread%s)' % (threads, 's' if threads > 1 else '')

    def _precision(self):
        return 'bfloat16 where it is safe' if self._mixed() else 'float32'


class GpuPlatform(LocalPlatform):
    """One GPU, or several with a copy of the network each (--gpus). Mixed precision is float16 with loss scaling."""

    name = 'gpu'

    def __init__(self, config):
        if config.run.deterministic and IS_TF1:
            raise UserError('--deterministic on a GPU needs TensorFlow 2; TensorFlow %s has it on the CPU alone: --platform=cpu.' % tf.__version__)
        super().__init__(config)
        visible, asked = visible_gpus(), config.run.gpus
        if not visible:
            raise UserError('--platform=gpu, but TensorFlow %s sees no GPU: install a GPU build and its CUDA libraries '
                            '(requirements-gpu.txt), or use --platform=cpu. With TF_CPP_MIN_LOG_LEVEL=0 in the environment TensorFlow says why.'
                            % tf.__version__)
        if asked > visible:
            raise UserError('--gpus=%d, but TensorFlow sees %d.' % (asked, visible))
        self._count = asked or visible
        if self._group and self._count < visible:
            raise UserError('--gpus=%d, but this worker sees %d GPUs, and takes all of them: set CUDA_VISIBLE_DEVICES (tools.launch does, by '
                            '--gpus_per_worker), or give --gpus=0.' % (asked, visible))
        if config.run.distribution == 'mirrored' and self._count == 1:
            raise UserError('--distribution=mirrored needs more than one GPU: give --gpus=2 or more, or 0 for all that TensorFlow sees (%d).'
                            % visible)

    @property
    def _devices_here(self):
        return self._count

    def session_config(self):
        """As everywhere; the GPU's memory is taken as it is needed."""
        session = super().session_config()
        session.gpu_options.allow_growth = True
        if self._mixed():
            rewrite = session.graph_options.rewrite_options
            rewrite.auto_mixed_precision = rewrite.ON
        return session

    def _scaled(self, optimizer):
        return loss_scaled(optimizer, self._config.train.loss_scale) if self._mixed() else optimizer

    def _strategy(self):
        if self._group or self._count == 1:
            return super()._strategy()
        return mirrored(['/gpu:%d' % index for index in range(self._count)])

    def _device(self):
        return 'GPU' if self._count == 1 else '%d GPUs' % self._count

    def _precision(self):
        return 'float16 where it is safe, with loss scaling' if self._mixed() else 'float32'


def _cluster_of(config):
    """The Cluster that a training is part of; None where it trains alone, and in the other modes, which one process runs."""
    asked, cluster = config.run.distribution, read_cluster()
    if config.run.mode != 'train':
        return None
    if asked == 'multi_worker' and not cluster:
        raise UserError('--distribution=multi_worker needs the environment variable TF_CONFIG in each process: start them all by '
                        'python -m tools.launch --workers=N, or set it.')
    if cluster and asked in ('none', 'mirrored'):
        raise UserError('--distribution=%s, but TF_CONFIG describes a cluster: unset it, or use --distribution=multi_worker.' % asked)
    return cluster


def loss_scaled(optimizer, scale):
    """An optimizer of the loss times `scale` ('dynamic' or a number as text), which float16's small gradients need.

    The dynamic one leaves a step out, the global step's increment too, where a gradient overflows, and halves the scale.
    """
    return tf.train.experimental.MixedPrecisionLossScaleOptimizer(optimizer, scale if scale == 'dynamic' else float(scale))


def mirrored(devices):
    """A strategy that keeps a copy of the network on each device and averages their gradients."""
    return tf.distribute.MirroredStrategy(devices)
