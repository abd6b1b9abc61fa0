"""Platforms: where a run happens. Nothing else in the code asks which one it is.

`base.Platform` says what a platform has, and `model_params.ModelParams` what it tells model_fn.
"""
import importlib.util

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.cluster import cluster_of

ADAPTERS = ('npu_bridge', 'npu_device')  # of CANN: for TensorFlow 1.15, and for 2.6.5


def get_platform(config):
    """The platform of `platform_name`. UserError as there, and for what the platform cannot do."""
    name = platform_name(config)
    if name == 'npu':
        from blitznet_estimator.platforms.npu import NpuPlatform
        return NpuPlatform(config)
    from blitznet_estimator.platforms.local import CpuPlatform, GpuPlatform
    return {'cpu': CpuPlatform, 'gpu': GpuPlatform}[name](config)


def platform_name(config):
    """Name of the platform that config.run.platform means. `auto` takes an NPU if there is one, else a GPU, else the CPU.

    Mode export makes a graph that any machine can load, and needs no device. Neither does a parameter server.
    Raises UserError where several GPUs are asked for and `auto` finds none.
    """
    name = 'cpu' if config.run.mode == 'export' or _only_serves(config) else config.run.platform
    if name == 'auto':
        name = _detect()
        if config.run.gpus > 1 and name != 'gpu':
            raise UserError('--gpus=%d, but --platform=auto found no GPU that TensorFlow sees, and took %s.' % (config.run.gpus, name))
    return name


def _only_serves(config):
    """Whether this process is a parameter server of a cluster by TF_CONFIG."""
    if config.run.platform == 'npu':  # which has ranks, and refuses the variable
        return False
    cluster = cluster_of(config)
    return bool(cluster and cluster.is_server)


def find_adapter():
    """Name of the NPU's adapter that is installed, or ''. It is not imported, which would load its native library."""
    return next((name for name in ADAPTERS if importlib.util.find_spec(name)), '')


def _detect():
    """The best device of this machine."""
    if find_adapter():
        return 'npu'
    from blitznet_estimator.platforms.local import visible_gpus
    return 'gpu' if visible_gpus() else 'cpu'
