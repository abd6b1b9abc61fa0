"""What formats and engines need beside TensorFlow: whether it is installed here, and how to install it. None of it is loaded."""
import importlib.util
import json
import os
import shutil

REQUIREMENTS = 'requirements-export.txt'
NODE_PATH = 'NODE_PATH'  # the environment variable by which Node.js finds its packages
NODE = 'node', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'

_TFJS = '4.22.0'
_PACKAGES = 'pip install -r %s (Python 3.10 or newer)' % REQUIREMENTS
# Without a release of ydf pip takes 0.16.0, which wants a newer protobuf than the TensorFlow that tensorflowjs brings.
_CONVERTER = 'python3.11 -m venv tfjs && tfjs/bin/pip install tensorflowjs==%s ydf==0.11.0, then export PATH=$PATH:$PWD/tfjs/bin' % _TFJS
_NODE_PACKAGES = 'npm install --prefix tfjs %s, then export %s=$PWD/tfjs/node_modules' % (
    ' '.join('%s@%s' % (name, _TFJS) for name in NODE[1:]), NODE_PATH)
# How to install what is no package of this Python. Names with @ are packages of Node.js, and the others are programs on PATH.
PROGRAMS = {
    'tensorflowjs_converter': _CONVERTER,
    NODE[0]: 'install Node.js 18 or newer', NODE[1]: _NODE_PACKAGES, NODE[2]: _NODE_PACKAGES}


def missing(packages, programs=()):
    """Those of some packages, by their names in Python, and of some PROGRAMS that are not installed here."""
    return [name for name in packages if importlib.util.find_spec(name) is None] + [name for name in programs if not _is_there(name)]


def how(names):
    """The commands that install what is missing."""
    return '; '.join(dict.fromkeys(PROGRAMS.get(name, _PACKAGES) for name in names))


def versions(packages, programs=()):
    """{name: version} of what is installed, programs left out, which do not all tell it without being run."""
    found = {name: importlib.import_module('importlib.metadata').version(name) for name in packages}  # Python 3.7 has no such module
    for name in programs:
        if name.startswith('@'):
            with open(_node_package(name), encoding='utf-8') as file:
                found[name] = json.load(file)['version']
    return found


def _is_there(name):
    return bool(_node_package(name) if name.startswith('@') else shutil.which(name))


def _node_package(name):
    """Path of the description of a package of Node.js; '' where it is not there."""
    folders = os.environ.get(NODE_PATH, '').split(os.pathsep)
    paths = [os.path.join(folder, name, 'package.json') for folder in folders if folder]
    return next(filter(os.path.isfile, paths), '')
