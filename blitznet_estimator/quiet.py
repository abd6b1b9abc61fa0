"""TensorFlow's import without the notices that it prints before it can be told not to (2.17 and newer, and all builds for GPUs).

And calls of other C++ code without all that it prints.
"""
import contextlib
import os
import subprocess
import sys

# Runs in a process of its own, so that the last words of an import that ends the process (on a processor that lacks instructions) are shown.
# A notice or warning of TensorFlow is left out, and what GPU builds call an error though all is well; whatever else is said is shown.
_FILTER = r"""
import re, sys
notice = re.compile(rb'([IW]\d{4} [\d:.]+ |\d{4}-\d\d-\d\d [\d:.]+ [IW] )|WARNING: All log messages before absl::InitializeLog|'
                    rb'To enable the following instructions:|.*Unable to register cu\w+ factory|.*already registered')
for line in sys.stdin.buffer:
    if not notice.match(line):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""
_SECONDS_TO_END = 10


@contextlib.contextmanager
def import_of_tensorflow():
    """Standard error (the file descriptor, as this is C++ code's) without such lines; as it is where TF_CPP_MIN_LOG_LEVEL asks for them."""
    process = None if os.environ.get('TF_CPP_MIN_LOG_LEVEL', '2') < '2' else _start_filter()
    if process is None:
        yield
        return
    try:
        with _standard_error_to(process.stdin.fileno()):
            yield
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)


@contextlib.contextmanager
def hushed():
    """Nothing on standard error (the file descriptor): for C++ code whose caller says better what is wrong."""
    with open(os.devnull, 'wb') as nowhere, _standard_error_to(nowhere.fileno()):
        yield


@contextlib.contextmanager
def _standard_error_to(descriptor):
    """What is written to the file descriptor of standard error goes to another one."""
    own = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)


def _start_filter():
    """The process that reads lines on its standard input and writes to this one's standard error; None where none can be."""
    try:  # in a session of its own, as Ctrl-C is for this process alone
        return subprocess.Popen([sys.executable, '-I', '-S', '-c', _FILTER], stdin=subprocess.PIPE, stdout=2, stderr=subprocess.DEVNULL,
                                start_new_session=True)
    except (OSError, TypeError, ValueError):
        return None
