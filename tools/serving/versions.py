"""The versions of a model in a folder: the newest is served. It is loaded and warm before it takes the place of the one before it."""
import contextlib
import os
import threading
import time

from blitznet_estimator import exports
from blitznet_estimator.engines.registry import DEFAULT
from blitznet_estimator.errors import UserError
from blitznet_estimator.exports import GRAPH
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log
from tools.serving.errors import invalid, not_found

START, LOADING, AVAILABLE, UNLOADING, END = 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END'


def version_file(engine):
    """The file that makes a folder a version for an engine."""
    return GRAPH if engine == DEFAULT else description.NAME


def numbers_in(folder, holding=GRAPH):
    """{number: folder} of the versions in a base folder, or of the only one where it is itself a version: it holds the file `holding`."""
    if os.path.isfile(os.path.join(folder, holding)):
        name = os.path.basename(os.path.abspath(folder))
        return {int(name) if name.isdecimal() else 1: folder}
    return exports.numbered(folder, holding)


def check_folder(folder, holding=GRAPH):
    """UserError where a folder holds no version, which says what it holds."""
    if not os.path.isdir(folder):
        raise UserError('--model=%s: there is no such folder.' % folder)
    if numbers_in(folder, holding):
        return
    names = sorted(os.listdir(folder))
    deeper = [name for name in names if os.path.isdir(os.path.join(folder, name)) and numbers_in(os.path.join(folder, name), holding)]
    hint = ' Try --model=%s.' % os.path.join(folder, deeper[0]) if deeper else ''
    raise UserError('--model=%s holds no version: neither %s nor a folder with a number for its name that holds one. It holds: %s.%s'
                    % (folder, holding, ', '.join(names[:10]) or 'nothing', hint))


def no_servable(name, number):
    """The ApiError where a model, or its version of a number, None = the latest, is not served."""
    if number is None:
        return not_found('Servable not found for request: Latest(%s)', name)
    return not_found('Servable not found for request: Specific(%s, %s)', name, number)


def _files_in(folder):
    """{path: (bytes, time of the last change)} of all files below a folder. OSError where one goes meanwhile."""
    paths = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    return {path: (status.st_size, status.st_mtime) for path in paths for status in [os.stat(path)]}


class _Version:
    """A version, and how many requests use it. `model` is None unless it is AVAILABLE or UNLOADING."""

    def __init__(self, number):
        self.number = number
        self.state, self.error, self.model, self.users = START, '', None, 0


class Versions:
    """Loads versions of a folder, and lends the one that is served."""

    def __init__(self, folder, load, changed=lambda happening: None, holding=GRAPH):
        """load: folder of a version -> its model, warm, with a `close`. changed: is told 'loaded', 'failed' and 'freed'.

        holding: a file that makes a folder a version.
        """
        self._folder, self._load, self._changed, self._holding = folder, load, changed, holding
        self._lock = threading.Condition()
        self._known = {}  # {number: _Version}
        self._tried = {}  # {number: what its files were when it could not be loaded}
        self._serving = None
        self._stopping, self._thread = threading.Event(), None

    def refresh(self):
        """Look into the folder once, and serve the newest version there. The one that is served stays where that cannot be loaded."""
        there = numbers_in(self._folder, self._holding)
        for number in sorted(there, reverse=True):
            if self._serving and number == self._serving.number:
                return
            written = _files_in(there[number])  # before it is loaded: what is copied meanwhile is a change
            if self._tried.get(number) != written:
                if self._start(number, there[number]):
                    return
                self._tried[number] = written

    def _start(self, number, folder):
        """Whether a version could be loaded; it is served then, and the one before it is freed."""
        version = _Version(number)
        version.state = LOADING
        with self._lock:
            self._known[number] = version
        try:
            version.model = self._load(folder)
        except Exception:  # whatever is wrong with a version, the others go on
            log.exception('Version %d cannot be loaded', number)
            version.state, version.error = END, 'Version %d cannot be loaded. The log of the server says why.' % number
            self._changed('failed')
            return False
        with self._lock:
            before, self._serving = self._serving, version
            version.state = AVAILABLE
        log.info('Version %d is served', number)
        self._changed('loaded')
        if before:
            self._free(before)
        return True

    def _free(self, version, seconds=None):
        """Wait until nobody uses a version, for at most so many seconds where they are given, and close it. Returns whether it is closed."""
        with self._lock:
            version.state = UNLOADING
            if not self._lock.wait_for(lambda: version.users == 0, seconds):
                return False
            model, version.model = version.model, None
        try:
            model.close()
        except Exception:  # of any runtime: what it holds is lost, and newer versions go on
            log.exception('Version %d cannot be closed', version.number)
        version.state = END
        log.info('Version %d is freed', version.number)
        self._changed('freed')
        return True

    def take(self, number=None, label=None, name=''):
        """The version that is served, for one who calls `give_back` with it afterwards: it is not freed before.

        number: of the version that is asked for; None for the latest. label: there are none. name: of the model, for the message.
        """
        if label is not None:
            raise invalid('Unrecognized servable version label: %s', label)
        with self._lock:
            version = self._serving
            if version is None or number not in (None, version.number):
                raise no_servable(name, number)
            version.users += 1
            return version

    def give_back(self, version):
        """The caller of `take` is done."""
        with self._lock:
            version.users -= 1
            self._lock.notify_all()

    @contextlib.contextmanager
    def lent(self, **which):
        """A version, as `take` has it, within a `with` block."""
        version = self.take(**which)
        try:
            yield version
        finally:
            self.give_back(version)

    @property
    def serving(self):
        """The number of the version that is served; None while there is none."""
        version = self._serving
        return version and version.number

    def states(self):
        """[(number, state, error)] of all that were seen, the newest first."""
        with self._lock:
            return [(version.number, version.state, version.error) for _, version in sorted(self._known.items(), reverse=True)]

    def watch(self, seconds):
        """Refresh in the background, every so many seconds, until `close`."""
        self._thread = threading.Thread(target=self._keep_watching, args=(seconds,), name='versions', daemon=True)
        self._thread.start()

    def _keep_watching(self, seconds):
        while not self._stopping.wait(seconds):
            try:
                self.refresh()
            except OSError as error:  # the folder changes while it is looked at: the next look tells
                log.warning('The versions cannot be looked at: %s', error)
            except Exception:  # whatever it is, the next look may succeed
                log.exception('The versions cannot be looked at')

    def close(self, seconds=None):
        """End the watch, and free the version that is served, in at most so many seconds where they are given. Returns whether that is done."""
        end = None if seconds is None else time.monotonic() + seconds
        self._stopping.set()
        if self._thread:
            self._thread.join(seconds)
        version, self._serving = self._serving, None
        is_freed = version is None or self._free(version, end and max(end - time.monotonic(), 0))
        return is_freed and not (self._thread and self._thread.is_alive())
