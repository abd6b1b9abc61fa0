"""What all tests share: each begins with the loggers as a fresh process has them, whatever set them up before."""
import logging

import pytest

LOGGERS = {name: logging.getLogger(name) for name in ('blitznet', 'absl', 'tensorflow')}


@pytest.fixture(autouse=True)
def fresh_loggers():
    """Undo `logs.setup`, after which `caplog` would see nothing."""
    for logger in LOGGERS.values():
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
