"""Ascend NPUs, by the adapter of CANN: `npu_bridge` for TensorFlow 1.15, `npu_device` for 2.6.5. No other module imports it.

The adapter is imported when the platform is made, not before: importing it loads a native library. What it is told is made in
npu_settings.py, what it is given around the graph in counted_optimizer.py, broadcast.py, tolerant_restore.py, npu_checkpoint.py and
host_summaries.py.
"""
import importlib
import importlib.util
import inspect
import os

from blitznet_estimator import monitor
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import counted_optimizer, npu_generations, npu_job, npu_options, npu_settings
from blitznet_estimator.platforms.base import Platform
from blitznet_estimator.platforms.broadcast import BroadcastStateHook, broadcast_step
from blitznet_estimator.platforms.host_summaries import make_host_call
from blitznet_estimator.platforms.local import loss_scaled
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.platforms.npu_checkpoint import KeepLatestCheckpoints
from blitznet_estimator.platforms.tolerant_restore import note_variables_of_the_model, tolerant_scaffold
from blitznet_estimator.runtime import IS_TF1, tf

# Dynamic loss scaling: a start that float16 holds; doubled after 1000 good steps, halved after 2 bad ones
DYNAMIC_SCALE = dict(init_loss_scale=2 ** 16, incr_every_n_steps=1000, decr_every_n_nan_or_inf=2, incr_ratio=2, decr_ratio=.5)


# argument of NPURunConfig: the adapter's class of its value
CONSTRUCTORS = {'profiling_config': 'ProfilingConfig', 'dump_config': 'DumpConfig', 'experimental_config': 'ExperimentalConfig'}


def import_npu_bridge():
    """The adapter's module npu_init. Raises UserError that says what is missing."""
    try:
        if IS_TF1 or importlib.util.find_spec('npu_bridge'):
            return importlib.import_module('npu_bridge.npu_init')
        importlib.import_module('npu_device.compat').enable_v1()
        return importlib.import_module('npu_device.compat.v1.npu_init')
    except (ImportError, OSError, NameError) as error:  # NameError: without its library the adapter's Python goes on, and trips
        raise UserError('--platform=npu needs npu_bridge, the TensorFlow adapter of CANN (package tfplugin), beside TensorFlow 1.15, '
                        'or npu_device beside TensorFlow 2.6.5, and the environment of CANN (source set_env.sh): importing it failed with '
                        '"%s".' % error)


class NpuPlatform(Platform):
    """The job, run configuration, estimator and model parameters of an NPU process. Raises UserError where the environment is wrong."""

    name = 'npu'

    def __init__(self, config):
        _refuse_less_memory(config)
        if config.run.deterministic:
            raise UserError('--deterministic is of CPU and GPU. The NPU has an option of its own: --npu_deterministic.')
        self._config = config
        self._options = npu_options.asked_options(config.npu)
        self._precision_mode = npu_options.precision_mode(config.train.precision, self._options)
        self._loss_scale = npu_options.parse_loss_scale(config.train.loss_scale)
        self.job = npu_job.read_job(os.environ)
        self._npu = import_npu_bridge()
        self._set_environment()
        if self.job.of_chief and self.job.size > 1:
            self._check_that_ranks_are_seen()

    @property
    def shard(self):
        """(index, count) of this process's part of the training data."""
        return self.job.rank, self.job.size

    @property
    def is_chief(self):
        """Whether this process writes checkpoints, summaries and metrics."""
        return self.job.rank == 0

    @property
    def num_workers(self):
        """Ranks of the job."""
        return self.job.size

    def run_config(self):
        """A new NPURunConfig: the estimator adds its graph optimizers to it, so that each needs its own."""
        settings, parameters = npu_settings.run_config_settings(self._config, self._options, self.is_chief), _parameters(self._npu.NPURunConfig)
        npu_generations.check_values(settings, parameters)
        for name, constructor in CONSTRUCTORS.items():
            if name in settings:
                settings.update(self._made(name, constructor, settings.pop(name)))
        settings = npu_generations.as_taken(_known(self._npu.NPURunConfig, settings), parameters)
        return self._npu.NPURunConfig(session_config=_session_config(), **settings)

    def _made(self, name, constructor, arguments):
        """{name: the adapter's object of these arguments}, or nothing where it has neither."""
        if not _takes(self._npu.NPURunConfig, name):
            return _known(self._npu.NPURunConfig, arguments)
        make = getattr(self._npu, constructor, None) or getattr(inspect.getmodule(self._npu.NPURunConfig), constructor)
        return {name: make(**_known(make, arguments))}

    def make_estimator(self, model_fn, params):
        """An NPUEstimator."""
        npu_settings.make_folders(self._options)
        return self._npu.NPUEstimator(model_fn=model_fn, config=self.run_config(), params=params)

    def agree_on_start(self, estimator, step):
        """Rank 0's step. Another rank may not see rank 0's folder, and would train other steps than rank 0, and wait for it for ever.

        Raises UserError on a rank whose own folder is ahead: its estimator would leave out the steps that rank 0 trains.
        """
        if self.job.size == 1:
            return step
        agreed = broadcast_step(self._npu.hccl_ops.broadcast, step, estimator.config.session_config)
        if step > agreed:
            raise UserError('Rank 0 starts from step %d, but --model_dir=%s of rank %d holds step %d, of another training: empty that folder, '
                            'or name another one.' % (agreed, self._config.run.model_dir, self.job.rank, step))
        if agreed != step:
            log.info('Rank 0 starts from step %d, and the folder of rank %d holds step %d: rank 0 decides.', agreed, self.job.rank, step)
        return agreed

    def model_params(self):
        """The graph of PREDICT ends at the raw outputs, for the device does not take NMS, and its weights are variables.

        A random number for each of the optimizer's zeros is left out: the device has trouble with those of an empty shape.
        """
        return ModelParams(wrap_optimizer=self._wrap_optimizer, estimator_spec=self._spec, raw_predictions=True, constant_weights=False,
                           cpu_precision=None, folds_constants=False, num_workers=self.num_workers)

    def describe(self):
        """One line for the log."""
        device = 'its default device' if self.job.device is None else 'device %d' % self.job.device
        return 'NPU (rank %d of %d, %s), precision_mode %s, %d steps a loop' % (
            self.job.rank, self.job.size, device, self._precision_mode or "the adapter's own", self._config.run.iterations_per_loop)

    def _set_environment(self):
        for name, value in npu_job.apply_job(self.job):
            log.warning('%s is not set: taking %s.', name, value)
        for name in ('LOCAL_CHECKPOINT_DIR', 'RESTORE_FROM'):
            if os.environ.get(name):
                log.warning('%s=%s: the adapter starts from there; unset it where that is not meant.', name, os.environ[name])
        os.environ.update(npu_settings.environment(self._options))

    def _check_that_ranks_are_seen(self):
        """UserError where the adapter's Python does not count ranks by CM_WORKER_SIZE: it would not average gradients, and say nothing."""
        count = getattr(getattr(self._npu, 'util', None), 'get_ranksize', None)
        if count is None or int(count()) != self.job.size:
            raise UserError('This release of npu_bridge does not know CM_WORKER_SIZE, and each rank would train for itself. Set RANK_TABLE_FILE and '
                            'RANK_SIZE in the place of the CM_ variables (tools/ascend/launch.py does), or take CANN 6.3 or newer.')

    def _wrap_optimizer(self, optimizer):
        """Reduction over the ranks inside, loss scaling around it, and the count of skipped steps around that."""
        note_variables_of_the_model()
        many = self.job.size > 1
        if many:
            optimizer = self._npu.NPUDistributedOptimizer(optimizer)
        if self._precision_mode in npu_options.FLOAT16_MODES:
            return counted_optimizer.CountedOptimizer(self._scaled(optimizer, many))
        return optimizer

    def _scaled(self, optimizer, many):
        """Loss scaling by the adapter, which knows the device's float status; by TensorFlow, which knows infinities, where it has none."""
        if not hasattr(self._npu, 'NPULossScaleOptimizer'):  # on TensorFlow 2.6.5
            return loss_scaled(optimizer, self._config.train.loss_scale)
        with tf.control_dependencies(None):  # under those of the batch-norm updates the adapter refuses the scale's placeholders
            manager = self._loss_scale_manager()
        monitor.publish('optimizer/loss_scale', tf.identity(manager.get_loss_scale()))
        return self._npu.NPULossScaleOptimizer(optimizer, manager, is_distributed=many)

    def _loss_scale_manager(self):
        """Made for each graph: both kinds make tensors or variables in it."""
        if self._loss_scale is None:
            return self._npu.ExponentialUpdateLossScaleManager(**DYNAMIC_SCALE)
        return self._npu.FixedLossScaleManager(self._loss_scale)

    def _spec(self, mode, **fields):
        """An NPUEstimatorSpec; in training with the hooks, the scaffold and the summaries that the NPU needs."""
        if mode == tf.estimator.ModeKeys.TRAIN:
            run = self._config.run
            fields['training_hooks'] = tuple(fields.get('training_hooks') or ()) + self._training_hooks()
            fields['scaffold'] = tolerant_scaffold(fields.get('scaffold'), run.model_dir, run.keep_checkpoint_max)
            fields['loss'] = counted_optimizer.accepted(fields['loss'])
            fields['host_call'] = make_host_call(fields['train_op'], run.model_dir, run.summary_every, write=self.is_chief)
        return self._npu.NPUEstimatorSpec(mode, **fields)

    def _training_hooks(self):
        hooks = []
        if self.job.size > 1:
            hooks.append(BroadcastStateHook(self._npu.hccl_ops.broadcast))
        if self.is_chief:
            hooks.append(KeepLatestCheckpoints(self._config.run.model_dir, self._config.run.keep_checkpoint_max))
        return tuple(hooks)


def _refuse_less_memory(config):
    """UserError for --accumulate_steps: loss scaling on the device reads the overflows of one backward pass, and ranks reduce its gradients.

    For --recompute, too: the graph engine plans the memory itself.
    """
    if config.train.recompute and config.run.mode == 'train':
        raise UserError('--recompute is not for --platform=npu, whose compiler decides itself what is kept: leave it out.')
    if config.train.accumulate_steps > 1 and config.run.mode == 'train':
        raise UserError('--accumulate_steps=%d is not for --platform=npu, which takes one backward pass per step: lower --batch_size, or '
                        'train on more NPUs.' % config.train.accumulate_steps)


def _session_config():
    """The session of an NPU: its graph optimizers replace TensorFlow's remapping, which makes operators that it does not know."""
    session = tf.ConfigProto(allow_soft_placement=True)
    session.graph_options.rewrite_options.remapping = session.graph_options.rewrite_options.OFF
    return session


def _parameters(constructor):
    """The parameters of a constructor of this adapter, by name."""
    return inspect.signature(constructor.__init__).parameters


def _takes(constructor, name):
    """Whether a constructor of this adapter knows an argument."""
    parameters = _parameters(constructor)
    return name in parameters or any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())


def _known(constructor, settings):
    """`settings` without what this adapter's constructor does not take, each with a warning."""
    for name in sorted(settings):
        if not _takes(constructor, name):
            log.warning('This release of npu_bridge does not know %s: left out.%s', name, npu_generations.why_unknown(name))
    return {name: value for name, value in settings.items() if _takes(constructor, name)}
