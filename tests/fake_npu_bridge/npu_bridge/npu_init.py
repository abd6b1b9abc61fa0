"""What `from npu_bridge.npu_init import *` gives."""
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig  # noqa: F401

from npu_bridge import (
    hccl_ops,  # noqa: F401
    sessions,
    util,  # noqa: F401
)
from npu_bridge.npu_config import DumpConfig, NPURunConfig, ProfilingConfig  # noqa: F401
from npu_bridge.npu_estimator import NPUEstimator, NPUEstimatorSpec  # noqa: F401
from npu_bridge.npu_optimizer import (  # noqa: F401
    ExponentialUpdateLossScaleManager,
    FixedLossScaleManager,
    NPUDistributedOptimizer,
    NPULossScaleOptimizer,
)

sessions.replace()
