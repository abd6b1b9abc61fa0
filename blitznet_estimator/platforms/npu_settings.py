"""What NPURunConfig is told, as plain values: made without TensorFlow and without npu_bridge, so that --dry_run can print them."""
import json
import os

from blitznet_estimator import cadence
from blitznet_estimator.platforms import npu_options

# aicpu, aic_metrics and the two points are left to whoever gives the options as JSON
PROFILING = {'task_trace': 'on', 'training_trace': 'on', 'fp_point': '', 'bp_point': '', 'aic_metrics': 'PipeUtilization'}
NUMBERS = ('npu_exception_dump', 'npu_deterministic')  # booleans that the adapter takes as 0 and 1
FOLDERS = ('npu_dump_path', 'npu_op_compiler_cache_dir', 'npu_debug_dir', 'npu_graph_compiler_cache_dir')


def run_config_settings(config, options, is_chief):
    """{argument of NPURunConfig: value}, without session_config; profiling_config and dump_config are dicts of their own arguments.

    Args:
      config: the Config. options: from npu_options.asked_options. is_chief: whether this process writes.
    """
    loop = config.run.iterations_per_loop
    settings = {
        'model_dir': config.run.model_dir,
        'tf_random_seed': config.run.seed,
        'iterations_per_loop': loop,
        'enable_data_pre_proc': True,  # the iterator on the device: what sinking needs
        'mix_compile_mode': False,
        'precision_mode': None if 'npu_precision_mode_v2' in options else npu_options.precision_mode(config.train.precision, options),
        'keep_checkpoint_max': config.run.keep_checkpoint_max,
        'save_summary_steps': 0,  # summaries leave the device by host_call
        'save_checkpoints_steps': cadence.save_steps(config) if is_chief else 0,
        'log_step_count_steps': None,  # the project's own hooks show progress and speed
    }
    for name, value in options.items():
        argument = npu_options.BY_NAME[name].argument
        if argument and argument != 'precision_mode':
            settings[argument] = int(value) if name in NUMBERS else value
    if 'npu_graph_compiler_cache_dir' in options:
        settings['experimental_config'] = {'graph_compiler_cache_dir': os.path.abspath(options['npu_graph_compiler_cache_dir'])}
    settings.update(_profiling(options), **_dump(options))
    return settings


def environment(options):
    """{variable: text} of the options that travel by the environment."""
    return {npu_options.BY_NAME[name].variable: str(value) for name, value in options.items() if npu_options.BY_NAME[name].variable}


def make_folders(options):
    """Make the folders that the options name; the adapter ends the process where one is missing."""
    folders = [options[name] for name in FOLDERS if name in options]
    if 'npu_profiling' in options:
        folders.append(json.loads(_profiling_options(options['npu_profiling']))['output'])
    for folder in folders:
        os.makedirs(folder, exist_ok=True)


def _profiling_options(value):
    """The JSON text for a folder, or the user's own."""
    return value if value.startswith('{') else json.dumps(dict(PROFILING, output=os.path.abspath(value)))


def _profiling(options):
    if 'npu_profiling' not in options:
        return {}
    return {'profiling_config': {'enable_profiling': True, 'profiling_options': _profiling_options(options['npu_profiling'])}}


def _dump(options):
    """Tensors of the asked steps, or of all when neither steps nor overflows are asked for."""
    if 'npu_dump_path' not in options:
        return {}
    layers = {'dump_layer': options['npu_dump_layer']} if 'npu_dump_layer' in options else {}
    overflow, step = options.get('npu_overflow_dump'), options.get('npu_dump_step')
    tensors = bool(step or layers or options.get('npu_dump_mode') or not overflow)
    return {'dump_config': dict(layers, **{
        'enable_dump': tensors, 'dump_path': os.path.abspath(options['npu_dump_path']), 'dump_step': step,
        'dump_mode': options.get('npu_dump_mode', 'output'), 'enable_dump_debug': bool(overflow), 'dump_debug_mode': overflow or 'all'})}
