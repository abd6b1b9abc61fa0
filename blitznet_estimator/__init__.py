"""The core: all that the pipeline's other folders are built on. It imports none of them.

It holds the configuration with its presets and checks, the contract of a batch, anchors and boxes, evaluation by numpy scorers, the
platforms (CPU, GPU, NPU), the drivers of main.py's modes, which are given an input_fn and a model_fn, and small helpers that have one
place here: logs, files, tables of text, checkpoints' paths, the machine's cores, drawing.
"""
from blitznet_estimator.python_version import exit_without_runtime

exit_without_runtime()
