"""Where the tests find files of the project."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(ROOT, 'tests', 'golden')  # figures of the reference implementation; its README says where each comes from
FAKE_NPU_BRIDGE = os.path.join(ROOT, 'tests', 'fake_npu_bridge')
