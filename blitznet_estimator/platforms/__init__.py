"""Platforms: where a run happens. Nothing else in the code asks which one it is.

A platform, made from a Config, has
  name             'cpu', 'gpu' or 'npu'
  shard            (index, count): this process's part of the training data
  is_chief         whether this process writes checkpoints, summaries and metrics
  run_config()     the Estimator's run configuration
  estimator(model_fn, params)   the Estimator; model_fn(features, labels, mode, params)
  params()         what model_fn is told: wrap_optimizer (an optimizer -> the one to use), estimator_spec (the class), raw_predictions
                   (whether the host finishes the network's outputs), constant_weights (whether a PREDICT graph holds the checkpoint's
                   weights as constants), cpu_precision (of a CPU, 'fp32' or 'mixed', else None: see `model_fn.kernels.cpu`),
                   num_workers, host_call (whether scalars leave the device by one)
  describe()       a line for the log
"""
import importlib.util


def get_platform(config):
    """The platform of config.run.platform. `auto` takes an NPU if there is one, else a GPU, else the CPU.

    Mode export makes a graph that any machine can load, and needs no device.
    """
    name = 'cpu' if config.run.mode == 'export' else config.run.platform
    if name == 'auto':
        name = _detect()
    if name == 'npu':
        from blitznet_estimator.platforms.npu import NpuPlatform
        return NpuPlatform(config)
    from blitznet_estimator.platforms.local import CpuPlatform, GpuPlatform
    return {'cpu': CpuPlatform, 'gpu': GpuPlatform}[name](config)


def _detect():
    """The best device of this machine. Looks for the NPU's adapter without importing it, which would load its native library."""
    if importlib.util.find_spec('npu_bridge'):
        return 'npu'
    from blitznet_estimator.platforms.local import visible_gpus
    return 'gpu' if visible_gpus() else 'cpu'
