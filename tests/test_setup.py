"""The installed package: one namespace, with all that it needs, whose modules name each other aright."""
import ast
import fnmatch
import importlib.util
import os
import re
import subprocess
import sys
import zipfile

import pytest

from tests.paths import ROOT

NAME = 'blitznet_estimator'


@pytest.fixture(scope='module', name='rules')
def setup_module():
    """The functions of setup.py."""
    spec = importlib.util.spec_from_file_location('setup_of_the_project', os.path.join(ROOT, 'setup.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('before, after', [
    ('import flags\n', 'from blitznet_estimator import flags\n'),
    ('    from input_fn.datasets import images\n'.lstrip(), 'from blitznet_estimator.input_fn.datasets import images\n'),
    ("x = 'ä'; from tools import arguments\n", "x = 'ä'; from blitznet_estimator.tools import arguments\n"),
    ("m = find('input_fn.datasets.' + name)\n", "m = find('blitznet_estimator.input_fn.datasets.' + name)\n"),
    ("PLACE = {'Model': 'api:Model'}\n", "PLACE = {'Model': 'blitznet_estimator.api:Model'}\n"),
    ("'python -m tools.report, or python main.py --help'\n", "'python -m blitznet_estimator.tools.report, or blitznet --help'\n"),
    ("from absl import flags\nflags['tools'] = 'tools/report, main.py: input_fn'\n",) * 2,
    ("from blitznet_estimator import files\n",) * 2,
])
def test_what_is_rewritten(rules, before, after):
    assert rules.rewritten(before, 'm.py') == after
    assert rules.rewritten(after, 'm.py') == after  # once is enough


@pytest.mark.parametrize('source', ['import flags, main\n', 'import tools.report\n'])
def test_an_import_that_no_rule_is_for_stops_the_build(rules, source):
    with pytest.raises(ValueError, match='m.py, line 1: import each module by itself'):
        rules.rewritten(source, 'm.py')


def test_no_module_of_the_package_imports_one_of_the_checkout(rules):
    """Each module of the package is compiled as it is rewritten, and all that it imports of the project is there."""
    modules = {'%s.%s' % (NAME, name): name + '.py' for name in rules.MODULES}
    for package, folder in rules.packages().items():
        names = [name[:-3] for name in os.listdir(os.path.join(ROOT, folder)) if name.endswith('.py')]
        modules.update({package if name == '__init__' else '%s.%s' % (package, name): os.path.join(folder, name + '.py') for name in names})
    assert len(modules) > 200
    for path in modules.values():
        with open(os.path.join(ROOT, path), encoding='utf-8') as file:
            tree = ast.parse(rules.rewritten(file.read(), path))
        for node in ast.walk(tree):
            for name in _imported(node):
                assert name.split('.')[0] not in rules.FOLDERS + rules.MODULES, (path, name)
                assert name.split('.')[0] != NAME or name in modules, (path, name)


def _imported(node):
    """Names of the modules that a node of the code imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) else []


def test_every_file_beside_the_modules_is_taken_along(rules):
    for folder in rules.packages().values():
        files = [name for name in os.listdir(os.path.join(ROOT, folder)) if os.path.isfile(os.path.join(ROOT, folder, name))]
        left = [name for name in files if not any(fnmatch.fnmatch(name, pattern) for pattern in rules.DATA + ['*.py', '*.sh'])]
        assert not left, (folder, left)


def test_every_top_level_module_of_the_checkout_has_a_place(rules):
    folders = {name for name in os.listdir(ROOT) if os.path.isfile(os.path.join(ROOT, name, '__init__.py'))}
    assert folders - {'tests'} == set(rules.FOLDERS) | {NAME}
    assert {name[:-3] for name in os.listdir(ROOT) if name.endswith('.py')} - {'setup'} == set(rules.MODULES)


def test_what_is_required_is_what_the_requirements_files_say(rules):
    found = rules.requirements('requirements.txt')
    assert any(line.startswith('tensorflow-cpu') for line in found) and any(line.startswith('tqdm') for line in found)
    assert not [line for line in found if '#' in line or line.startswith('-')]


@pytest.mark.slow
@pytest.mark.one_python
def test_the_wheel_holds_one_namespace_and_works_elsewhere(tmp_path):
    """It is built from a copy of the tree with the setuptools at hand, unpacked, and asked for help from another folder."""
    pytest.importorskip('setuptools', minversion='61')
    if not (importlib.util.find_spec('setuptools.command.bdist_wheel') or importlib.util.find_spec('wheel')):
        pytest.skip('This setuptools needs the package wheel.')
    source = tmp_path / 'source'
    subprocess.run(['git', 'clone', '--quiet', ROOT, str(source)], check=True)
    pip = [sys.executable, '-m', 'pip', '--quiet']
    subprocess.run(pip + ['wheel', '--no-deps', '--no-build-isolation', '-w', str(tmp_path), str(source)], check=True)
    wheel, = tmp_path.glob('*.whl')
    with zipfile.ZipFile(str(wheel)) as archive:
        names = archive.namelist()
        archive.extractall(str(tmp_path / 'site'))
    assert {name.split('/')[0].split('-')[0] for name in names} == {NAME}
    for name in ('npu_operators.txt', 'npu_kernels.txt', 'input_fn/datasets/url_checksums.txt', 'tools/report/page.html',
                 'tools/serving/static/main.js', 'tools/serving/static/icon.svg', 'main.py', 'api.py', 'tools/score.py',
                 'engines/tfjs_runner.js'):
        assert '%s/%s' % (NAME, name) in names
    assert not [name for name in names if 'test' in name.split('/')[1] or name.endswith('document_flags.py')]
    where = dict(cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=str(tmp_path / 'site')), stdout=subprocess.PIPE, text=True, check=True)
    assert 'blitznet --mode=train' in subprocess.run([sys.executable, '-m', NAME, '--help'], **where).stdout
    assert 'python -m blitznet_estimator.tools.score' in subprocess.run([sys.executable, '-m', NAME + '.tools.score', '--help'], **where).stdout
    code = 'from blitznet_estimator import Model; print(Model.__module__)'
    assert subprocess.run([sys.executable, '-c', code], **where).stdout.strip() == 'blitznet_estimator.api'


def _packages(name, has):
    """Names of the packages of a file of requirements, as often as they are there, of the lines whose marker `has` takes."""
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        lines = [line.partition('#')[0].strip() for line in file]
    parts = [line.partition(';')[::2] for line in lines if line and not line.startswith('-')]
    return [re.split('[<>=!~[]', package)[0].strip().lower() for package, marker in parts if has(marker)]


def test_the_second_adapters_requirements_are_those_of_all_on_python_37():
    """TensorFlow 2.6.5 asks for a numpy of its own, so that requirements-common.txt cannot be named there."""
    common = _packages('requirements-common.txt', lambda marker: not marker or '< "3.8"' in marker)
    here = _packages('requirements-npu-tf26.txt', lambda marker: True)
    assert len(here) == len(set(here)) and set(common) <= set(here), set(common) - set(here)
