"""What a run says: `log` for the project's own messages, plain lines that get along with progress bars; all other noise off."""
import functools
import logging
import sys
import warnings

log = logging.getLogger('blitznet')


class _Lines(logging.Handler):
    """Writes each record as a line to standard error, above a progress bar where there is one."""

    def emit(self, record):
        bars = sys.modules.get('tqdm')  # where it is not loaded, there is no bar
        write = functools.partial(bars.tqdm.write, file=sys.stderr) if bars else functools.partial(print, file=sys.stderr)
        write(self.format(record))


class _Formatter(logging.Formatter):
    """The message alone; from a warning on, after its level."""

    def format(self, record):
        text = super().format(record)
        return text if record.levelno < logging.WARNING else '%s: %s' % (record.levelname.lower(), text)


@functools.lru_cache(maxsize=None)
def warn_once(text):
    """A warning that this process gives one time, however often it comes to it."""
    log.warning('%s', text)


def _is_ours_or_an_error(record):
    return record.name == log.name or record.levelno >= logging.ERROR


def setup():
    """Show the project's messages and the errors of others, not the warnings and notices of libraries. For main.py and tools.

    All of the project speaks by `log`. The loggers of absl, which TFDS uses, and of TensorFlow show errors alone.
    """
    warnings.simplefilter('ignore')
    if hasattr(sys.stdout, 'reconfigure'):
        sys.stdout.reconfigure(errors='backslashreplace')  # a terminal that cannot show a class's name does not end a run
    handler = _Lines()
    handler.setFormatter(_Formatter('%(message)s'))
    handler.addFilter(_is_ours_or_an_error)
    logging.getLogger().addHandler(logging.NullHandler())  # where the root has none, TensorFlow adds one to its own logger
    for name, level in ((log.name, logging.INFO), ('absl', logging.WARNING), ('tensorflow', logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
