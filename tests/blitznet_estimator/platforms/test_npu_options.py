import json

import pytest
from absl import flags

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import npu_generations, npu_options
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.platforms.npu_options import OPTIONS, asked_options, parse_loss_scale, precision_mode
from tests.blitznet_estimator.platforms import npu_good, npu_model


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
    ('npu_fusion_switch_file', __file__, 'it takes JSON with the entry "Switch"'),
    ('npu_mixlist', __file__, 'is not JSON'),
    ('npu_graph_memory_max_size', '0*1024', 'is no memory'),
    ('npu_profiling', '{"output": 3}', 'needs an "output" folder'),
    ('npu_dump_layer', 'conv1,conv2', 'separated by spaces'),
    ('npu_dump_layer', ' ', 'names no operator'),
    ('npu_optypelist_for_implmode', 'Pooling SoftmaxV2', 'separated by commas'),
    ('npu_scope_fusion_passes', 'a;b', 'separated by commas'),
    ('npu_stream_max_parallel_num', 'DNN_V100:0', 'is not of the form'),
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


@pytest.mark.parametrize('option', OPTIONS, ids=lambda option: option.name)
def test_what_passes_the_checks_does_not_end_the_process(fake_npu, tmp_path, monkeypatch, option):
    """The adapter of the stand-in is the oldest: what it is too old for is refused before it sees it."""
    monkeypatch.chdir(tmp_path)
    npu_good.write_files(tmp_path)
    for value in npu_good.values(option):
        if (option.argument, value) in npu_generations.SINCE:
            continue
        options, sections = npu_good.settings(option, value)
        config = npu_model.config(tmp_path / 'model', npu=options, **sections)
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


@pytest.mark.parametrize('name, content, problem', [
    ('npu_mixlist', b'{"black-list": {"to-add": "Softmax"}}', 'must hold {"black-list"'),
    ('npu_mixlist', b'[1]', 'must hold {"black-list"'),
    ('npu_fusion_switch_file', b'{"Swich": {}}', 'lacks the entry "Switch"'),
    ('npu_fusion_switch_file', b'{"Switch": ', 'is not JSON'),
    ('npu_fusion_switch_file', b'ConvFusionPass=off', 'it takes JSON with the entry "Switch", or lines'),
    ('npu_op_precision_mode', b'Conv2D=best', 'it takes lines such as "Conv2D=high_precision"'),
    ('npu_op_precision_mode', b'\xff\xfe', 'cannot be read (it is no text)'),
    ('npu_customize_dtypes', b'OpType::Conv2D:float16', 'it takes lines such as'),
])
def test_a_file_of_the_wrong_form_is_named(tmp_path, name, content, problem):
    path = tmp_path / 'file.ini'
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        asked_options({name: str(path)})
    assert '--%s=%s ' % (name, path) in str(error.value) and problem in str(error.value)


def test_fusion_switches_before_cann_6_are_lines(tmp_path):
    path = tmp_path / 'fusion.cfg'
    path.write_text('ConvBatchnormFusionPass:off\nA:on\n')
    assert asked_options({'npu_fusion_switch_file': str(path)})


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='is no folder'):
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


def test_paths_know_the_users_folder(tmp_path, monkeypatch):
    """A shell leaves the ~ of --name=~/folder."""
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'a.ini').write_text('Conv2D=high_precision')
    options = {'npu_dump_path': '~/dump', 'npu_op_precision_mode': '~/a.ini', 'npu_profiling': '~', 'npu_dump_layer': '~/a'}
    assert asked_options(options) == {'npu_dump_path': str(tmp_path / 'dump'), 'npu_op_precision_mode': str(tmp_path / 'a.ini'),
                                      'npu_profiling': str(tmp_path), 'npu_dump_layer': '~/a'}


def test_options_that_set_the_same(tmp_path):
    (tmp_path / 'a.ini').write_text('Conv2D=high_precision')
    for options in ({'npu_precision_mode_v2': 'origin', 'npu_precision_mode': 'force_fp16'},
                    {'npu_op_precision_mode': str(tmp_path / 'a.ini'), 'npu_op_select_implmode': 'high_precision'}):
        with pytest.raises(UserError, match='set the same: leave one of them out'):
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
