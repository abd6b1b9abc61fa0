"""What of TFDS's inner workings is replaced while this project uses it: each attribute with the reason, and all only inside `with` blocks.

TFDS has no public setting for any of them. A test holds that every one of them exists in the release that is installed.
"""
import collections
import contextlib
import importlib
import inspect
import io
import logging
import sys

_TIMEOUTS = 5, 30  # seconds for a connection, and for the next bytes
IS_TFDS3 = sys.version_info < (3, 8)  # requirements: the last that runs on Python 3.7 is 3.2
_RETRIES = 1
_SHARD_BYTES = 8 << 20
_BUFFER_BYTES = 64 << 20

Attribute = collections.namedtuple('Attribute', 'module owner name')  # owner: a class in the module; '' = the module itself

# Without a network, TFDS would wait for minutes for its bucket in the cloud.
BUCKET = Attribute('tensorflow_datasets.core.dataset_info', 'DatasetInfo', 'initialize_from_bucket')
# TFDS gives `requests` no timeout: it would wait for a silent server for ever.
REQUEST = Attribute('requests', 'Session', 'request')
# TFDS 4 tries ten times, with growing pauses. TFDS 3 tries once.
RETRIES = None if IS_TFDS3 else Attribute('tensorflow_datasets.core.download.downloader', '', 'MAX_RETRIES')
# TFDS's bars would stand among this project's. Its switch cannot be read, and so not be put back.
BARS = Attribute('tensorflow_datasets.core.utils.tqdm_utils', '', '_active')
# TFDS sorts examples by the hash of their keys. With the keys themselves their order is kept.
HASH = Attribute('tensorflow_datasets.core.hashing', 'Hasher', 'hash_key')
# TFDS holds up to 1 GB of examples in memory before it writes them.
BUFFER = Attribute('tensorflow_datasets.core.shuffle', '', 'MAX_MEM_BUFFER_SIZE')
# Several readers and workers share even a small dataset, if its shards are small. TFDS's smallest are 64 MiB.
SHARD = (Attribute('tensorflow_datasets.core.tfrecords_writer', '', 'MIN_SHARD_SIZE') if IS_TFDS3 else
         Attribute('tensorflow_datasets.core.utils.shard_utils', 'ShardConfig', 'min_shard_size'))
ALL = tuple(attribute for attribute in (BUCKET, REQUEST, RETRIES, BARS, HASH, BUFFER, SHARD) if attribute)


def owner_of(attribute):
    """The module or class that has an Attribute. Raises AttributeError where the installed release does not have it."""
    module = importlib.import_module(attribute.module)
    owner = getattr(module, attribute.owner) if attribute.owner else module
    inspect.getattr_static(owner, attribute.name)
    return owner


@contextlib.contextmanager
def replaced(attribute, value):
    """`value` stands in place of an Attribute inside the `with` block."""
    owner = owner_of(attribute)
    original = inspect.getattr_static(owner, attribute.name)
    setattr(owner, attribute.name, value)
    try:
        yield
    finally:
        setattr(owner, attribute.name, original)


def no_bucket():
    """A `with` block in which TFDS asks its bucket in the cloud for nothing."""
    return replaced(BUCKET, lambda self: None)


@contextlib.contextmanager
def fail_fast():
    """A `with` block in which TFDS's downloads give up soon, and end when they are interrupted: TFDS's thread would read on."""
    responses = []
    request = getattr(owner_of(REQUEST), REQUEST.name)

    def request_with_timeouts(session, method, url, **settings):
        responses.append(request(session, method, url, **dict(settings, timeout=_TIMEOUTS)))
        return responses[-1]

    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [response.close() for response in responses])
        stack.enter_context(replaced(REQUEST, request_with_timeouts))
        if RETRIES:
            stack.enter_context(replaced(RETRIES, _RETRIES))
        yield


@contextlib.contextmanager
def quiet_and_in_order():
    """A `with` block in which TFDS asks no bucket, prints nothing, keeps the examples' order, and holds few of them in memory."""
    logger = logging.getLogger('absl')  # which TFDS logs by
    level = logger.level
    with contextlib.ExitStack() as stack:
        stack.callback(logger.setLevel, level)
        logger.setLevel(logging.ERROR)
        stack.enter_context(no_bucket())
        stack.enter_context(replaced(BARS, False))
        stack.enter_context(replaced(HASH, lambda self, key: key))
        stack.enter_context(replaced(BUFFER, _BUFFER_BYTES))
        stack.enter_context(replaced(SHARD, _SHARD_BYTES))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        yield
