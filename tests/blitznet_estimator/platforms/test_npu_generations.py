"""Every option on the configurations of six releases of the adapter, whose constructors are in the golden files."""
import inspect
import json
import os

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import npu_generations
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.platforms.npu_options import OPTIONS
from tests.blitznet_estimator.platforms import npu_good, npu_model
from tests.paths import GOLDEN

with open(os.path.join(GOLDEN, 'npu_bridge', 'constructors.json'), encoding='utf-8') as _file:
    CONSTRUCTORS = json.load(_file)
RELEASES = npu_generations.RELEASES


@pytest.fixture
def adapter(fake_npu):
    """A function, release -> the stand-in with the configurations of that release."""
    def install(release):
        from npu_bridge import releases
        releases.install(fake_npu, CONSTRUCTORS, release)
        return fake_npu
    return install


def _run_config(tmp_path, option, **sections):
    return NpuPlatform(npu_model.config(tmp_path, npu=option, **sections)).run_config()


def test_the_table_is_that_of_the_constructors(fake_npu):
    from npu_bridge import releases
    assert list(RELEASES) == CONSTRUCTORS['releases']
    for release in RELEASES:
        found = {name: default for kind in ('NPURunConfig', 'DumpConfig', 'ExperimentalConfig')
                 for name, default in releases.arguments(CONSTRUCTORS, kind, release).items() if name in npu_generations.ARGUMENTS}
        known = {name: argument.default_in(release) for name, argument in npu_generations.ARGUMENTS.items() if argument.in_release(release)}
        assert found == known, release
    assert set(npu_generations.ARGUMENTS) - {option.argument for option in OPTIONS} == {'dump_layer', 'graph_compiler_cache_dir'}


@pytest.mark.parametrize('release', RELEASES)
def test_a_release_takes_every_option_or_it_is_left_out(adapter, tmp_path, monkeypatch, release):
    monkeypatch.chdir(tmp_path)
    npu_good.write_files(tmp_path)
    taken = inspect.signature(adapter(release).NPURunConfig.__init__).parameters
    for option in OPTIONS:
        for value in npu_good.values(option):
            options, sections = npu_good.settings(option, value)
            since = npu_generations.SINCE.get((option.argument, value))
            if since and RELEASES.index(release) < RELEASES.index(since):
                with pytest.raises(UserError, match='--%s=%s is of CANN' % (option.name, value)):
                    _run_config(tmp_path, options, **sections)
                continue
            platform = NpuPlatform(npu_model.config(tmp_path / 'model', npu=options, **sections))
            platform.estimator(npu_model.model_fn, {})  # makes the folders
            given = platform.run_config().given
            if option.argument:
                assert (option.argument in given) == (option.argument in taken), option.name


@pytest.mark.parametrize('release, value', [('r1.11.0', True), ('r1.15.0', 'true'), ('master', 'true')])
def test_jit_compile_is_a_text_in_cann_7(adapter, tmp_path, release, value):
    adapter(release)
    assert _run_config(tmp_path, {'npu_jit_compile': True}).given['jit_compile'] == value
    assert _run_config(tmp_path, {'npu_external_weight': True}).given['external_weight'] is True
    assert 'jit_compile' not in _run_config(tmp_path, {}).given


def test_the_cache_of_graphs_is_an_option_of_experiments(adapter, tmp_path, caplog):
    cache = {'npu_graph_compiler_cache_dir': str(tmp_path / 'graphs')}
    adapter('master')
    assert _run_config(tmp_path, cache).given['experimental_config'].given == {'graph_compiler_cache_dir': str(tmp_path / 'graphs')}
    for release in ('r1.11.0', 'r1.6.0'):  # which have the configuration without the argument, and neither
        adapter(release)
        _run_config(tmp_path, cache)
        assert caplog.messages[-1] == ('This release of npu_bridge does not know graph_compiler_cache_dir: left out. Releases from r1.15.0 on '
                                       'have it.')


def test_layers_are_dumped_from_cann_6_on(adapter, tmp_path):
    dump = {'npu_dump_path': str(tmp_path), 'npu_dump_layer': 'a b'}
    for release, known in (('r1.11.0', True), ('r1.8.0', False)):
        adapter(release)
        assert ('dump_layer' in _run_config(tmp_path, dump).given['dump_config'].given) == known


def test_a_newer_argument_is_left_out_with_a_warning(adapter, tmp_path, caplog):
    adapter('r1.8.0')
    _run_config(tmp_path, {'npu_deterministic': True})
    assert 'This release of npu_bridge does not know deterministic: left out. Releases from r1.15.0 on have it.' in caplog.messages
    adapter('r1.15.0')
    _run_config(tmp_path, {'npu_auto_tune_mode': 'GA'})
    assert ('This release of npu_bridge does not know auto_tune_mode: left out. Releases from r1.11.0 on do without: use --npu_aoe_mode.'
            in caplog.messages)
