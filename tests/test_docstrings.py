"""Docstrings name only what exists: files, modules, and the code's own names in backquotes."""
import ast
import keyword
import os
import re
import sys

import pytest

from tests.paths import GOLDEN, ROOT

PACKAGES = ('blitznet_estimator', 'hooks', 'input_fn', 'model_fn', 'tools', 'tests')
FOREIGN = {'address_0=192.168.100.101'}  # a line of a file that others write
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def _sources():
    """{path: tree} of every module of the project."""
    paths = [name for name in os.listdir(ROOT) if name.endswith('.py')]
    for package in PACKAGES + ('deploy',):
        for folder, _, names in os.walk(os.path.join(ROOT, package)):
            paths += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names if name.endswith('.py')]
    return {path: ast.parse(_text(path)) for path in paths}


def _text(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


TREES = _sources()
BASENAMES = {os.path.basename(path) for path in TREES}


def _defined(tree):
    """The names that a module's code uses or makes, and the words of its one-word strings (keys, file names, ...)."""
    names = set()
    for node in ast.walk(tree):
        for field in ('id', 'attr', 'arg', 'name', 'asname'):
            names.update(re.split(r'[.]', getattr(node, field, None) or ''))
        text = getattr(node, 's' if sys.version_info < (3, 8) else 'value', None)  # of a string's node
        if isinstance(text, str) and re.match(r'[\w/.:=-]+$', text):
            names |= {text, *re.split(r'[/.:=-]', text)}
    return names


def _docstrings(tree):
    """(name, text) of each docstring of a module."""
    return [(getattr(node, 'name', 'the module'), ast.get_docstring(node) or '') for node in ast.walk(tree) if isinstance(node, DOCUMENTED)]


NAMES = {word for path in TREES for word in os.path.splitext(path)[0].split(os.sep)} | set(keyword.kwlist)
NAMES = NAMES.union(*[_defined(tree) for path, tree in TREES.items() if not path.startswith('tests')])
OF_TESTS = set().union(*[_defined(tree) for path, tree in TREES.items() if path.startswith('tests')])


def _module_name_is_wrong(dotted):
    """Whether `package.module.name` leads to no module, or to one without that name."""
    parts = dotted.split('.')
    for depth in range(len(parts), 0, -1):
        path = os.path.join(*parts[:depth])
        for candidate in (path + '.py', os.path.join(path, '__init__.py')):
            if candidate in TREES:
                return depth < len(parts) and parts[depth] not in _defined(TREES[candidate])
    return True


@pytest.mark.parametrize('path', sorted(TREES))
def test_docstrings_name_what_exists(path):
    known, wrong = NAMES | (OF_TESTS if path.startswith('tests') else set()), []
    for owner, text in _docstrings(TREES[path]):
        wrong += [(owner, name) for name in re.findall(r'(?<![\w<>*])[\w/]+\.py\b', text) if os.path.basename(name) not in BASENAMES]
        for quoted in re.findall(r'`([^`\n]+)`', text):
            if quoted.endswith(('.py', '*')) or quoted.startswith('tf.') or quoted in known | FOREIGN:
                continue
            if re.match(r'(%s)\.[\w.]+$' % '|'.join(PACKAGES), quoted):
                wrong += [(owner, quoted)] if _module_name_is_wrong(quoted) else []
            else:
                wrong += [(owner, quoted) for word in re.findall(r'[A-Za-z_]\w+', quoted) if word not in known]
    assert not wrong, '%s names what does not exist: %s' % (path, wrong)


def test_the_readme_of_the_golden_figures_names_every_file_and_test():
    text = _text(os.path.join('tests', 'golden', 'README.md'))
    patterns = [name.replace('<network>', r'\w+').replace('<mode>', r'(eval|train)') + '$' for name in re.findall(r'\| `([\w/.<>]+)` \|', text)]
    for folder, _, names in os.walk(GOLDEN):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), GOLDEN)
            assert path == 'README.md' or any(re.match(pattern, path) for pattern in patterns), path
    for name in re.findall(r'`((?:tests/)?\w[\w/]+\.py)`', text):
        candidates = [name, os.path.join('tests', name), os.path.join('tests', 'model_fn', 'network', name)]
        assert any(candidate in TREES for candidate in candidates), name
