"""NPURunConfig and its parts, with the defaults and the checks of the 2021 adapter."""
import json
import os
import re

import tensorflow.compat.v1 as tf

from npu_bridge import Abort

PRECISION_MODES = (None, 'allow_fp32_to_fp16', 'force_fp16', 'must_keep_origin_dtype', 'allow_mix_precision')


def _fatal_unless(condition, text):
    if not condition:
        raise Abort(text)


class ProfilingConfig:
    """Profiling."""

    def __init__(self, enable_profiling=False, profiling_options=None):
        _fatal_unless(not enable_profiling or profiling_options, 'profiling_options must be set when use profiling')
        if enable_profiling:
            _fatal_unless(os.path.isdir(json.loads(profiling_options)['output']), 'profiling output')
        self.enable_profiling, self.profiling_options = enable_profiling, profiling_options


class DumpConfig:
    """Dumps."""

    def __init__(self, enable_dump=False, dump_path=None, dump_step=None, dump_mode='output', enable_dump_debug=False,
                 dump_debug_mode='all'):
        if enable_dump or enable_dump_debug:
            _fatal_unless(dump_path and os.path.isdir(dump_path), 'the path %s is not directory.' % dump_path)
        if enable_dump:
            _fatal_unless(dump_step is None or re.match(r'^(\d+(-\d+)?\|)+$', dump_step + '|'), 'dump_step string style is error')
            _fatal_unless(dump_mode in ('input', 'output', 'all'), 'dump mode')
        _fatal_unless(not enable_dump_debug or dump_debug_mode in ('aicore_overflow', 'atomic_overflow', 'all'), 'dump debug mode')
        self.enable_dump, self.enable_dump_debug, self.dump_step = enable_dump, enable_dump_debug, dump_step


class NPURunConfig(tf.estimator.RunConfig):
    """A RunConfig that knows its arguments and refuses others."""

    precision_modes = PRECISION_MODES

    def __init__(self, iterations_per_loop=1, profiling_config=None, model_dir=None, tf_random_seed=None, save_summary_steps=0,
                 save_checkpoints_steps=None, save_checkpoints_secs=None, session_config=None, keep_checkpoint_max=5,
                 keep_checkpoint_every_n_hours=10000, log_step_count_steps=100, distribute=None, enable_data_pre_proc=True,
                 precision_mode=None, enable_reduce_precision=False, variable_format_optimize=True, mix_compile_mode=False,
                 hcom_parallel=False, graph_memory_max_size=None, variable_memory_max_size=None, auto_tune_mode=None,
                 dump_config=None, stream_max_parallel_num=None, is_tailing_optimization=False, horovod_mode=False,
                 graph_run_mode=1, op_debug_level=0, enable_scope_fusion_passes=None, enable_exception_dump=0,
                 op_select_implmode=None, optypelist_for_implmode=None, dynamic_input_config=None, mstune_mode=None,
                 work_path=None, buffer_optimize='l2_optimize', enable_small_channel=0, fusion_switch_file=None,
                 enable_compress_weight=False, compress_weight_conf=None, op_compiler_cache_mode=None,
                 op_compiler_cache_dir=None, debug_dir=None, hcom_multi_mode=False, dynamic_input=False,
                 dynamic_graph_execute_mode='dynamic_execute', dynamic_inputs_shape_range=None, train_distribute=None,
                 eval_distribute=None, local_rank_id=None, local_device_list=None, session_device_id=None):
        if type(iterations_per_loop) is not int or iterations_per_loop < 1:
            raise ValueError('iterations_per_loop must be positive')
        if mix_compile_mode is not False and iterations_per_loop != 1:
            raise ValueError('"iterations_per_loop" must be 1 with "mix_compile_mode" is True')
        if json.loads(os.environ.get('TF_CONFIG', '{}')).get('cluster'):
            raise ValueError('"cluster" and "distribute" must all be set in ps mode')
        if save_checkpoints_secs is None and save_checkpoints_steps is None:
            save_checkpoints_steps = 100
        if dump_config is not None and not isinstance(dump_config, DumpConfig):
            raise ValueError('`dump_config` must be provided with type `DumpConfig`')
        if iterations_per_loop > 1:
            _check_loop(iterations_per_loop, enable_data_pre_proc, save_checkpoints_steps, log_step_count_steps)
        _fatal_unless(precision_mode in self.precision_modes, 'precision_mode')
        _fatal_unless(buffer_optimize in ('l2_optimize', 'off_optimize'), 'buffer_optimize')
        _fatal_unless(op_select_implmode in (None, 'high_precision', 'high_performance', 'high_precision_for_all', 'high_performance_for_all'),
                      'op select impl mode')
        _fatal_unless(not optypelist_for_implmode or op_select_implmode, 'op_select_implmode must be set')
        self.iterations_per_loop, self.precision_mode, self.hcom_parallel = iterations_per_loop, precision_mode, hcom_parallel
        self.dump_config, self.profiling_config = dump_config, profiling_config
        super().__init__(
            model_dir=model_dir, tf_random_seed=tf_random_seed, save_summary_steps=save_summary_steps,
            save_checkpoints_steps=save_checkpoints_steps, save_checkpoints_secs=save_checkpoints_secs, session_config=session_config,
            keep_checkpoint_max=keep_checkpoint_max, keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
            log_step_count_steps=log_step_count_steps)


def _check_loop(loop, enable_data_pre_proc, save_checkpoints_steps, log_step_count_steps):
    if not enable_data_pre_proc:
        raise ValueError('iterations_per_loop > 1 needs enable_data_pre_proc')
    for steps in (save_checkpoints_steps, log_step_count_steps):
        if steps and steps % loop:
            raise ValueError('%s is no multiple of iterations_per_loop %s' % (steps, loop))
