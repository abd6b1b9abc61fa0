"""What all tests share: the loggers as a fresh process has them, whatever set them up before, and warnings of what is out of date as errors."""
import logging
import types

import numpy as np
import pytest

from blitznet_estimator import logs

LOGGERS = {name: logging.getLogger(name) for name in ('blitznet', 'absl', 'tensorflow')}


def pytest_configure(config):
    """Adds numpy's own category to pyproject's filterwarnings; it sits in another module since numpy 1.25."""
    category = '%s.VisibleDeprecationWarning' % ('numpy.exceptions' if hasattr(np, 'exceptions') else 'numpy')
    for line in list(config.getini('filterwarnings')):
        if line.startswith('error::DeprecationWarning'):
            config.addinivalue_line('filterwarnings', line.replace('DeprecationWarning', category))


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
