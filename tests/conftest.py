"""What all tests share: the loggers as a fresh process has them, whatever set them up before, and warnings of what is out of date as errors."""
import gc
import logging
import sys
import types

import numpy as np
import pytest
from absl import flags as absl_flags

import flags
from blitznet_estimator import logs

LOGGERS = {name: logging.getLogger(name) for name in ('blitznet', 'absl', 'tensorflow')}


def pytest_configure(config):
    """Adds numpy's own category to pyproject's filterwarnings; it sits in another module since numpy 1.25."""
    category = '%s.VisibleDeprecationWarning' % ('numpy.exceptions' if hasattr(np, 'exceptions') else 'numpy')
    for line in list(config.getini('filterwarnings')):
        if line.startswith('error::DeprecationWarning'):
            config.addinivalue_line('filterwarnings', line.replace('DeprecationWarning', category))


def pytest_collection_modifyitems(items):
    """Put the files with slow tests first, so that none of them keeps one worker busy at the end, where the order is kept."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """Leave what the imports made out of every garbage collection. Each phase of a training makes two, of a million objects without this."""
    if 'blitznet_estimator.runtime' in sys.modules:
        sys.modules['blitznet_estimator.runtime'].load()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def warnings_stay(monkeypatch):
    """`logs.setup` leaves the warnings to pytest, which turns those of pyproject's filterwarnings into errors."""
    monkeypatch.setattr(logs, 'warnings', types.SimpleNamespace(simplefilter=lambda action: None))


@pytest.fixture(autouse=True)
def fresh_loggers():
    """Undo `logs.setup`, after which `caplog` would see nothing."""
    for logger in LOGGERS.values():
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)


@pytest.fixture(scope='module')
def small_run(tmp_path_factory):
    """Folder of a run with a checkpoint of `small_model`."""
    from tests import small_model
    folder = tmp_path_factory.mktemp('run')
    small_model.save(folder)
    return folder


@pytest.fixture(scope='session')
def flags_defined():
    """The flags of main.py, in absl's own registry."""
    if 'preset' not in absl_flags.FLAGS:
        flags.define_flags()


@pytest.fixture
def make(flags_defined, tmp_path, monkeypatch):
    """arguments -> the Config that they mean, in an empty folder. The flags are as new before and afterwards."""
    monkeypatch.chdir(tmp_path)  # where the tests run, a user's runs may lie

    def _make(*arguments):
        absl_flags.FLAGS.unparse_flags()
        rest = absl_flags.FLAGS(['main.py'] + list(arguments))
        flags.refuse_positional(rest[1:])
        return flags.make_config()

    def forget():
        for name in list(absl_flags.FLAGS):
            absl_flags.FLAGS[name].unparse()

    forget()
    yield _make
    forget()
