import inspect
import json

import pytest
from absl import flags

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import npu_generations, npu_options
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.platforms.npu_options import OPTIONS, asked_options, parse_loss_scale, precision_mode
from tests.blitznet_estimator.platforms import npu_model


def test_defaults_are_absent():
    assert asked_options(None) == {}
    assert asked_options({option.name: option.default for option in OPTIONS}) == {}


def test_every_option_has_help_and_one_target():
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)
    for option in OPTIONS:
        assert option.name.startswith('npu_') and option.help.endswith('.')
        assert option.kind != 'enum' or option.allowed


@pytest.mark.parametrize('name, value, problem', [
    ('npu_dump_step', '0|5|', 'is not of the form'),
    ('npu_dump_step', '10-5', 'does not rise'),
    ('npu_dump_step', '|'.join(map(str, range(101))), 'more than 100'),
    ('npu_dump_mode', 'outputs', 'must be one of input, output, all'),
    ('npu_precision_mode', 'fp16', 'must be one of allow_fp32_to_fp16'),
    ('npu_graph_memory_max_size', '26GB', 'is not a number of bytes'),
    ('npu_op_debug_level', 9, 'between 0 and 4'),
    ('npu_hccl_connect_timeout', 10, 'between 120 and 7200'),
    ('npu_fusion_switch_file', 'absent.cfg', 'is not an existing file'),
    ('npu_stream_max_parallel_num', '10', 'is not of the form'),
    ('npu_profiling', '{"task_trace": "on"}', 'needs an "output" folder'),
    ('npu_profiling', '{broken', 'is not JSON'),
    ('npu_buffer_optimize', 'l1', 'must be one of l2_optimize'),
    ('npu_op_precision_mode', __file__, 'ends in .ini'),
    ('npu_customize_dtypes', __file__, 'it takes lines such as'),
    ('npu_aoe_mode', '3', 'must be one of 1, 2, 4'),
    ('npu_nonsense', 'x', 'is no option'),
])
def test_a_bad_value_is_named(name, value, problem):
    with pytest.raises(UserError) as error:
        asked_options({name: value, 'npu_dump_path': 'dumps'})
    assert name in str(error.value) and problem in str(error.value)


def test_good_values_pass(tmp_path):
    asked = {'npu_dump_path': str(tmp_path / 'dump'), 'npu_dump_step': '0|5|10-20', 'npu_dump_mode': 'all',
             'npu_hcom_parallel': True, 'npu_graph_memory_max_size': '26*1024*1024*1024', 'npu_op_debug_level': 0,
             'npu_profiling': str(tmp_path)}
    assert asked_options(dict(asked, npu_debug_dir='')) == asked
    assert not (tmp_path / 'dump').exists()  # checking writes nothing


GOOD = {'npu_profiling': 'profile', 'npu_dump_path': 'dump', 'npu_dump_step': '0|5|10-20', 'npu_debug_dir': 'debug',
        'npu_op_compiler_cache_dir': 'cache', 'npu_graph_memory_max_size': '1024*1024', 'npu_variable_memory_max_size': '1024',
        'npu_optypelist_for_implmode': 'Pooling', 'npu_op_debug_level': 1, 'npu_scope_fusion_passes': 'a,b',
        'npu_stream_max_parallel_num': 'DNN_V100:10', 'npu_fusion_tensor_size': 1024, 'npu_hccl_connect_timeout': 120,
        'npu_hccl_exec_timeout': 1800, 'npu_hccl_timeout': 1800, 'npu_op_wait_timeout': 9, 'npu_op_execute_timeout': 9,
        'npu_stream_sync_timeout': -1, 'npu_event_sync_timeout': -1, 'npu_op_precision_mode': 'precision.ini', 'npu_customize_dtypes': 'types.cfg',
        'npu_dump_layer': 'a b', 'npu_graph_compiler_cache_dir': 'graphs', 'npu_mixlist': 'lists.json', 'npu_fusion_switch_file': 'lists.json'}
OF_NEWER_ADAPTERS = ('force_fp32', 'high_precision_for_all', 'high_performance_for_all') + npu_options.OF_CANN_7


@pytest.mark.parametrize('option', OPTIONS, ids=lambda option: option.name)
def test_what_passes_the_checks_does_not_end_the_process(fake_npu, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lists.json').write_text('{"black-list": {"to-add": ["Softmax"]}}')
    (tmp_path / 'precision.ini').write_text('Conv2D=high_precision\n')
    (tmp_path / 'types.cfg').write_text('OpType::Conv2D:InputDtype:float16\n')
    values = [value for value in option.allowed if value not in OF_NEWER_ADAPTERS] or [GOOD.get(option.name, True)]
    for value in values:
        options = dict({others[0]: GOOD.get(others[0]) or npu_options.BY_NAME[others[0]].allowed[0]
                        for name, others in npu_options.NEEDS if name == option.name}, **{option.name: value})
        precision = 'mixed' if option.name == 'npu_mixlist' else 'fp32'
        config = npu_model.config(tmp_path / 'model', npu=options, train=dict(train_steps=20, precision=precision))
        assert NpuPlatform(config).estimator(npu_model.model_fn, {}).model_dir == str(tmp_path / 'model')


def test_flags():
    values = flags.FlagValues()

    class Flags:
        DEFINE_integer = staticmethod(lambda *args: flags.DEFINE_integer(*args, flag_values=values))
        DEFINE_boolean = staticmethod(lambda *args: flags.DEFINE_boolean(*args, flag_values=values))
        DEFINE_string = staticmethod(lambda *args: flags.DEFINE_string(*args, flag_values=values))

    npu_options.define(Flags)
    values(['x'])
    assert npu_options.given(values) is None
    values(['x', '--npu_hcom_parallel', '--npu_op_debug_level=0', '--npu_precision_mode=force_fp16'])
    assert npu_options.given(values) == {'npu_hcom_parallel': True, 'npu_op_debug_level': 0, 'npu_precision_mode': 'force_fp16'}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='is a file'):
        asked_options({'npu_dump_path': str(tmp_path / 'file' / 'dump')})


@pytest.mark.parametrize('options, needed', [
    ({'npu_dump_step': '1'}, 'npu_dump_path'),
    ({'npu_overflow_dump': 'all'}, 'npu_dump_path'),
    ({'npu_op_compiler_cache_dir': 'cache'}, 'npu_op_compiler_cache_mode'),
    ({'npu_optypelist_for_implmode': 'Pooling'}, 'npu_op_select_implmode'),
])
def test_what_an_option_needs(options, needed):
    with pytest.raises(UserError, match='needs --' + needed):
        asked_options(options)


def test_mix_list(tmp_path):
    path = tmp_path / 'lists.json'
    path.write_text(json.dumps({'black-list': {'to-add': ['Softmax']}}))
    options = asked_options({'npu_mixlist': str(path)})
    assert precision_mode('mixed', options) == 'allow_mix_precision'
    with pytest.raises(UserError, match='--precision=mixed'):
        precision_mode('fp32', options)
    path.write_text(json.dumps({'blacklist': []}))
    with pytest.raises(UserError, match='must hold'):
        asked_options({'npu_mixlist': str(path)})


def test_precision_modes():
    assert precision_mode('fp32', {}) is None
    assert precision_mode('mixed', {'npu_precision_mode_v2': 'mixed_float16'}) == 'mixed_float16'
    with pytest.raises(UserError, match='set the same'):
        precision_mode('fp32', {'npu_precision_mode_v2': 'origin', 'npu_precision_mode': 'force_fp16'})
    assert precision_mode('mixed', {}) == 'allow_mix_precision'
    assert precision_mode('fp32', {'npu_precision_mode': 'must_keep_origin_dtype'}) == 'must_keep_origin_dtype'
    with pytest.raises(UserError, match='contradict'):
        precision_mode('mixed', {'npu_precision_mode': 'must_keep_origin_dtype'})


@pytest.mark.parametrize('text, scale', [('dynamic', None), ('1024', 1024.), ('1', 1.)])
def test_loss_scale(text, scale):
    assert parse_loss_scale(text) == scale


@pytest.mark.parametrize('text', ['0.5', 'auto', '-3', 'nan', 'inf'])
def test_bad_loss_scale(text):
    with pytest.raises(UserError, match='loss_scale'):
        parse_loss_scale(text)


@pytest.mark.parametrize('value', [True, False])
def test_a_boolean_has_three_states(fake_npu, tmp_path, value):
    assert asked_options({'npu_hcom_parallel': value}) == {'npu_hcom_parallel': value}  # the adapter's own is True from r1.11 on
    assert asked_options({'npu_hcom_parallel': None}) == {}
    platform = NpuPlatform(npu_model.config(tmp_path, npu={'npu_hcom_parallel': value}))
    assert platform.run_config().hcom_parallel is value


def test_generations_know_the_arguments(fake_npu):
    """The stand-in has the constructor of r1.6.0."""
    parameters = inspect.signature(fake_npu.NPURunConfig.__init__).parameters
    for name, argument in npu_generations.ARGUMENTS.items():
        if name in parameters:
            assert argument.in_release('r1.6.0'), name
            assert dict(argument.defaults)['r1.5.1'] == parameters[name].default, name
        assert not name.startswith(('hccl', 'jit', 'precision')) or not argument.in_release('r1.6.0')
    asked = {option.argument for option in OPTIONS}
    assert set(npu_generations.ARGUMENTS) - asked == {'dump_layer', 'graph_compiler_cache_dir'}


def test_what_an_adapter_does_not_know_is_dropped_or_refused(fake_npu, tmp_path, caplog):
    options = {'npu_graph_compiler_cache_dir': str(tmp_path), 'npu_deterministic': True, 'npu_aoe_mode': '2'}
    NpuPlatform(npu_model.config(tmp_path, npu=options)).run_config()
    assert 'This release of npu_bridge does not know graph_compiler_cache_dir: left out. Releases from r1.15.0 on have it.' in caplog.messages
    with pytest.raises(UserError, match='CANN 7 and newer'):
        NpuPlatform(npu_model.config(tmp_path, npu={'npu_precision_mode': 'cube_fp16in_fp32out'})).run_config()
