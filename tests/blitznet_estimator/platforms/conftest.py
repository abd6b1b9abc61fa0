"""The strict stand-in for npu_bridge, and an environment without a job."""
import sys

import pytest

from tests.paths import FAKE_NPU_BRIDGE


@pytest.fixture
def no_job(monkeypatch):
    """No variable of a job; whatever the test sets is taken back."""
    for name in ('JOB_ID', 'RANK_ID', 'RANK_SIZE', 'RANK_TABLE_FILE', 'ASCEND_DEVICE_ID', 'DEVICE_ID', 'TF_CONFIG', 'HCCL_EXEC_TIMEOUT',
                 'CM_CHIEF_IP', 'CM_CHIEF_PORT', 'CM_CHIEF_DEVICE', 'CM_WORKER_SIZE', 'CM_WORKER_IP'):
        monkeypatch.setenv(name, '')  # so that a value set by the code is undone too
        monkeypatch.delenv(name)


@pytest.fixture
def fake_npu(monkeypatch, no_job):
    """npu_bridge.npu_init of the stand-in."""
    monkeypatch.syspath_prepend(FAKE_NPU_BRIDGE)
    from npu_bridge import npu_init
    yield npu_init
    npu_init.sessions.restore()
    for name in [name for name in sys.modules if name.split('.')[0] == 'npu_bridge']:
        del sys.modules[name]
