"""The GPU's platform on a machine without one: its numerics on the CPU, or on several logical CPUs that train together."""
from blitznet_estimator.platforms import local


class NoGpu(local.GpuPlatform):
    """A GpuPlatform of `devices`."""

    def __init__(self, config, devices=('/cpu:0',)):
        self._devices = list(devices)
        local.LocalPlatform.__init__(self, config)
        self._count = len(devices)

    def session_config(self):
        """As the GPU's, with so many logical CPUs."""
        session = super().session_config()
        session.device_count['CPU'] = self._count
        return session

    def _strategy(self):
        return local.mirrored(self._devices) if self._count > 1 else None
