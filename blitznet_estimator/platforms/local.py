"""This machine's CPU and GPUs, by TensorFlow alone."""
import dataclasses
import os

from blitznet_estimator import cadence, checks
from blitznet_estimator.errors import UserError
from blitznet_estimator.host_session import claim_threads
from blitznet_estimator.logs import log
from blitznet_estimator.machine import available_cores, has_bfloat16
from blitznet_estimator.platforms import concurrent_predict, precision
from blitznet_estimator.platforms.base import Platform
from blitznet_estimator.platforms.checkpoint_hook import CheckpointHook
from blitznet_estimator.platforms.cluster import cluster_of, hidden
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.platforms.multi_worker import SameStartHook, WorkerGroup
from blitznet_estimator.platforms.parameter_server import ParameterServer, ServedWorker
from blitznet_estimator.platforms.tolerant_restore import note_variables_of_the_model, tolerant_scaffold
from blitznet_estimator.runtime import IS_TF1, enable_op_determinism, tf

XLA_ON_CPU = '--tf_xla_cpu_global_jit'  # without it the session's JIT level leaves the CPU out


def visible_gpus():
    """Number of GPUs that TensorFlow sees."""
    return len(tf.config.experimental.list_physical_devices('GPU'))


class LocalPlatform(Platform):
    """What CPU and GPU have in common: one process, or one of a cluster's, by TensorFlow's own means alone."""

    _devices_here = 1  # that train together in this process
    _pauses = None  # of the training that runs

    def __init__(self, config):
        self._cluster, self._group = cluster_of(config), None
        if self._cluster and not (self._cluster.is_evaluator or self._cluster.is_server):
            self._group = (ServedWorker if self._cluster.ps else WorkerGroup)(self._cluster)
        self._config = self.resolved(config)
        if config.run.deterministic:
            self._be_deterministic()
        if config.run.xla and XLA_ON_CPU not in os.environ.get('TF_XLA_FLAGS', ''):
            os.environ['TF_XLA_FLAGS'] = ('%s %s' % (os.environ.get('TF_XLA_FLAGS', ''), XLA_ON_CPU)).strip()
        claim_threads(self._threads())

    def resolved(self, config):
        """As everywhere. Where each process makes its own steps, none can wait for an evaluation between, and UserError says what else cannot be."""
        if not self._cluster or not self._cluster.ps:
            return config
        checks.check_asynchronous(config)
        return config.replace(run=dict(eval_every=0))

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
        """Whether this process is the first of those that train, which writes."""
        return self.shard[0] == 0 and not self.only_evaluates and not self.only_serves

    @property
    def only_evaluates(self):
        """Whether it is the evaluator of a cluster."""
        return bool(self._cluster and self._cluster.is_evaluator)

    @property
    def only_serves(self):
        """Whether it is a parameter server of a cluster."""
        return bool(self._cluster and self._cluster.is_server)

    def serve(self):
        """Hold weights until the job is over."""
        ParameterServer(self._cluster).serve(self.session_config())

    @property
    def num_workers(self):
        """Devices that make each step together, over all processes."""
        return self._devices_here * (1 if self.makes_own_steps else self.shard[1])

    @property
    def batches_per_step(self):
        """One input feeds all devices of this process, a batch each."""
        return self._devices_here

    def batches_before(self, step):
        """As everywhere. Processes that make steps of their own are taken to have made as many each."""
        return step // self.shard[1] if self.makes_own_steps else super().batches_before(step)

    @property
    def makes_own_steps(self):
        """Whether there are parameter servers."""
        return self._group is not None and not self._group.is_synchronous

    def train(self, estimator, input_fn, max_steps, hooks, pauses=None):
        """As Estimator.train, with the other processes of the cluster where there is one."""
        train, self._pauses = self._group.train if self._group else super().train, pauses
        train(estimator, input_fn, max_steps, hooks)

    def leave(self):
        """As everywhere."""
        if self._group:
            self._group.leave()

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
            parts.append('as %s of %d processes, %s' % (self._cluster.describe(), self._cluster.size, (
                'which make steps of their own, of %d images each' % images if self.makes_own_steps
                else 'with %d of the %d images of a step' % (images * self.batches_per_step, images * self.num_workers))))
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
            meeting = self._group.add_stop_vote() if self._group else None
            hooks = (SameStartHook(run.model_dir),) if self._group and not self.makes_own_steps else ()
            if self.is_chief or not self.makes_own_steps:
                hooks += CheckpointHook(run.model_dir, cadence.save_steps(self._config), bool(run.profile_steps), self.is_chief, meeting,
                                        self._pauses),
                fields['scaffold'] = tolerant_scaffold(fields.get('scaffold'), run.model_dir, run.keep_checkpoint_max)
            if self.makes_own_steps and not fields.get('scaffold'):
                tf.add_to_collection(tf.GraphKeys.SAVERS, _saver_of_one(run.keep_checkpoint_max))
            fields['training_hooks'] = tuple(fields.get('training_hooks') or ()) + hooks
        return tf.estimator.EstimatorSpec(mode, **fields)

    def _mixed(self):
        return self._config.train.precision == precision.MIXED

    def _strategy(self):
        """The tf.distribute strategy of training, or None for one device alone."""
        return self._group.strategy(self.session_config()) if self._group else None


class CpuPlatform(LocalPlatform):
    """The CPU. Mixed precision is bfloat16 by oneDNN, which needs no loss scaling."""

    name = 'cpu'
    _BATCHES_AT_ONCE = 2  # in prediction: 5 % faster than one after the other; three gained nothing more

    def __init__(self, config):
        super().__init__(config)
        lacking = self._lacks_bfloat16() if self._mixed() else ''
        if lacking:
            if config.run.mode != 'export':  # which computes nothing
                log.warning('--precision=mixed on the CPU is bfloat16, which %s does not have: computing in float32.', lacking)
            self._config = self._config.replace(train=dict(precision=precision.FULL))

    def _lacks_bfloat16(self):
        """What has no bfloat16, if anything. A training may be told to emulate it; predictions of a model trained elsewhere should not crawl."""
        if not precision.has_rewriter():
            return 'TensorFlow %s' % tf.__version__
        return 'this processor' if self._config.run.mode in ('eval', 'predict') and not has_bfloat16() else ''

    def model_params(self):
        """As everywhere. Mode export makes a graph for the platform that it is told, so that --platform=gpu has TensorFlow's own convolutions."""
        made = precision.MIXED if self._mixed() else precision.FULL
        return dataclasses.replace(super().model_params(), cpu_precision=None if self._config.run.platform == 'gpu' else made)

    @property
    def pauses(self):
        """Alone, and where memory need not be saved: an evaluation then has its own beside that of training."""
        train = self._config.train
        return self._group is None and not train.recompute and train.accumulate_steps == 1

    def predict(self, estimator, input_fn, checkpoint):
        """As everywhere, some batches at a time."""
        return concurrent_predict.predict(estimator, input_fn, checkpoint, self._BATCHES_AT_ONCE)

    def session_config(self):
        """As everywhere, with no GPU."""
        session = super().session_config()
        session.device_count['GPU'] = 0
        if self._mixed():
            precision.turn_bfloat16_on(session)
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
        if self._count > 1 and self.makes_own_steps:
            raise UserError('--gpus=%d takes %d GPUs, and a worker of parameter servers takes one: set CUDA_VISIBLE_DEVICES (tools.launch does, by '
                            '--gpus_per_worker=1), and start more workers.' % (asked, self._count))
        if self._group and not self.makes_own_steps and self._count < visible:
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


def _saver_of_one(keep_checkpoint_max):
    """A saver of variables on servers. This process writes the file: by TensorFlow's own each server would write a part, on its own disk."""
    return tf.train.Saver(max_to_keep=keep_checkpoint_max, save_relative_paths=True, defer_build=True)


def loss_scaled(optimizer, scale):
    """An optimizer of the loss times `scale` ('dynamic' or a number as text), which float16's small gradients need.

    The dynamic one leaves a step out, the global step's increment too, where a gradient overflows, and halves the scale.
    """
    return tf.train.experimental.MixedPrecisionLossScaleOptimizer(optimizer, scale if scale == 'dynamic' else float(scale))


def mirrored(devices):
    """A strategy that keeps a copy of the network on each device and averages their gradients."""
    return tf.distribute.MirroredStrategy(devices)
