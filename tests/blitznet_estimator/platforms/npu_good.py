"""A value of every `--npu_*` option that passes its check, and the files that some of them name."""
from blitznet_estimator.platforms import npu_options

FILES = {'lists.json': '{"black-list": {"to-add": ["Softmax"]}}', 'precision.ini': 'Conv2D=high_precision\n[ByNodeName]\nssd/Conv=keep_fp16\n',
         'types.cfg': 'OpType::Conv2D:InputDtype:float16\nssd/Relu::InputDtype:float16,OutputDtype:float16\n', 'fusion.cfg': '{"Switch": {}}'}
VALUES = {
    'npu_profiling': 'profile', 'npu_dump_path': 'dump', 'npu_dump_step': '0|5|10-20', 'npu_debug_dir': 'debug', 'npu_op_compiler_cache_dir': 'cache',
    'npu_graph_memory_max_size': '1024*1024', 'npu_variable_memory_max_size': '1024', 'npu_optypelist_for_implmode': 'Pooling',
    'npu_op_debug_level': 1, 'npu_scope_fusion_passes': 'a,b', 'npu_stream_max_parallel_num': 'DNN_V100:10', 'npu_fusion_tensor_size': 1024,
    'npu_hccl_connect_timeout': 120, 'npu_hccl_exec_timeout': 1800, 'npu_hccl_timeout': 1800, 'npu_op_wait_timeout': 9, 'npu_op_execute_timeout': 9,
    'npu_stream_sync_timeout': -1, 'npu_event_sync_timeout': -1, 'npu_op_precision_mode': 'precision.ini', 'npu_customize_dtypes': 'types.cfg',
    'npu_dump_layer': 'a b', 'npu_graph_compiler_cache_dir': 'graphs', 'npu_mixlist': 'lists.json', 'npu_fusion_switch_file': 'fusion.cfg'}


def write_files(folder):
    """The files that VALUES name, in a folder (a pathlib.Path)."""
    for name, text in FILES.items():
        (folder / name).write_text(text)


def values(option):
    """All values of an option that pass."""
    return list(option.allowed) or ([True, False] if option.kind == 'boolean' else [VALUES[option.name]])


def settings(option, value):
    """(options, sections of a Config) with an option at a value, and what it needs beside it."""
    needed = {others[0]: VALUES.get(others[0]) or npu_options.BY_NAME[others[0]].allowed[0] for name, others in npu_options.NEEDS
              if name == option.name}
    precision = 'mixed' if option.name == 'npu_mixlist' else 'fp32'
    return dict(needed, **{option.name: value}), dict(train=dict(train_steps=20, precision=precision))
