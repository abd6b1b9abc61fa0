"""Builds the package: all folders of the checkout in the one namespace `blitznet_estimator`. pyproject.toml holds the rest.

In a checkout input_fn, model_fn, hooks, tools, flags.py, main.py and api.py lie beside the core, so that imports point one way for all to
see. Installed under such names they would meet those of other packages. So they become parts of `blitznet_estimator`, and each mention of
them in the code is rewritten: imports, names of modules in strings, and commands in messages. Nothing else changes.
"""
import ast
import os
import re

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

NAME = 'blitznet_estimator'
ROOT = os.path.dirname(os.path.abspath(__file__))
FOLDERS = ('hooks', 'input_fn', 'model_fn', 'tools')
MODULES = ('api', 'flags', 'main')
LEFT_OUT = ('document_flags',)  # modules that work on the checkout alone
DATA = ['*.html', '*.txt', '*.json', '*.ttf', '*.js', 'static/*']  # of any folder; static: the web page's
COMMANDS = {'python -m tools.': 'python -m %s.tools.' % NAME, 'python main.py': 'blitznet'}  # in messages and help

_MOVED = '(%s)' % '|'.join(FOLDERS + MODULES)
_MODULE = re.compile(_MOVED + r'(\.\w+)*$')
_IN_STRING = re.compile(r'(%s)(\.\w+)*\.?$|%s(\.\w+)*:\w+$' % (r'|'.join(name + r'\.\w+' for name in FOLDERS), _MOVED))


def packages():
    """{name of a package: its folder}."""
    found = {name: name.replace('.', '/') for name in find_packages(ROOT, include=[NAME, NAME + '.*'])}
    for folder in FOLDERS:
        for name in find_packages(ROOT, include=[folder, folder + '.*']):
            found[NAME + '.' + name] = name.replace('.', '/')
    return found


def requirements(name):
    """Lines of a requirements file and of those that it includes, without comments."""
    found = []
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        for line in file:
            line = line.partition('#')[0].strip()
            if line.startswith('-r '):
                found += requirements(line[3:].strip())
            elif line:
                found.append(line)
    return found


def version():
    """The version of the project, which the package cannot be imported for."""
    with open(os.path.join(ROOT, NAME, 'version.py'), encoding='utf-8') as file:
        return re.search("VERSION = '(.+)'", file.read()).group(1)


def rewritten(source, path):
    """The source of a module with what it names of the checkout as it is called in the package; `path` is for messages."""
    lines = source.encode('utf-8').splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        for before, after in _changes(node, path):
            line, start = node.lineno - 1, node.col_offset
            rest = lines[line][start:]
            if before not in rest:
                raise ValueError('%s, line %d: %r is not where it was expected.' % (path, node.lineno, before))
            lines[line] = lines[line][:start] + rest.replace(before, after, 1)
    text = b''.join(lines).decode('utf-8')
    for before, after in COMMANDS.items():
        text = text.replace(before, after)
    return text


def _changes(node, path):
    """[(bytes, their replacement)] of a node of the code, in its first line."""
    prefix = NAME.encode() + b'.'
    if isinstance(node, ast.ImportFrom) and not node.level and _MODULE.match(node.module):
        return [(b'from ' + node.module.encode(), b'from ' + prefix + node.module.encode())]
    if isinstance(node, ast.Import) and any(_MODULE.match(alias.name) for alias in node.names):
        if len(node.names) > 1 or '.' in node.names[0].name:
            raise ValueError('%s, line %d: import each module by itself, by `from PACKAGE import MODULE`.' % (path, node.lineno))
        return [(b'import ', b'from %s import ' % NAME.encode())]
    text = _text(node)
    return [(text.encode(), prefix + text.encode())] if text and _IN_STRING.match(text) else []


def _text(node):
    """The text of a string's node."""
    field = {'Constant': 'value', 'Str': 's'}.get(type(node).__name__)  # Str is Python 3.7's
    value = getattr(node, field) if field else None
    return value if isinstance(value, str) else None


class BuildPy(build_py):
    """Copies the modules into the build folder, the top level's among the core's, and rewrites them there."""

    def finalize_options(self):
        """As everywhere; an editable install cannot be."""
        super().finalize_options()
        if getattr(self, 'editable_mode', False):
            raise SystemExit('A checkout works as it is: python main.py. It cannot be installed with -e, as its folders get other names.')

    def find_package_modules(self, package, package_dir):
        """[(package, module, file)]."""
        found = [item for item in super().find_package_modules(package, package_dir) if item[1] not in LEFT_OUT]
        return found + ([(NAME, name, name + '.py') for name in MODULES] if package == NAME else [])

    def build_module(self, module, module_file, package):
        """Copy a module and rewrite it."""
        target, copied = super().build_module(module, module_file, package)
        with open(target, encoding='utf-8') as file:
            source = file.read()
        with open(target, 'w', encoding='utf-8') as file:
            file.write(rewritten(source, module_file))
        return target, copied


if __name__ == '__main__':
    setup(version=version(), install_requires=requirements('requirements.txt'), packages=sorted(packages()), package_dir=packages(),
          package_data={'': DATA}, cmdclass={'build_py': BuildPy})
