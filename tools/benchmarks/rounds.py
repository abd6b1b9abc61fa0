"""Timed work in processes of its own: each side of a comparison is a worker that works only while its round runs.

A worker is stopped (SIGSTOP) between its rounds, so that its input threads fill no queue and take no core while the other side
is timed. Both sides speak one JSON object a line: the worker says it is ready, then answers each round.
This module and what it imports need only the standard library: it runs in the reference's Python as well.
"""
import json
import os
import signal
import subprocess
import sys
import time

from blitznet_estimator.machine import limit_cores


def timed(function, images, seconds):
    """Seconds an image of each call of `function`, which works on `images` images, for at least `seconds` and two calls."""
    samples, start = [], time.perf_counter()
    while len(samples) < 2 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        function()
        samples.append((time.perf_counter() - before) / images)
    return samples


def sustained(function, images, seconds):
    """Seconds an image over all calls of `function` in at least `seconds` and two calls, as a list of one.

    For pipelines that work ahead: there a single call's time says how full the queue was.
    """
    calls, start = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - start < seconds:
        function()
        calls += 1
    return [(time.perf_counter() - start) / (calls * images)]


def some_of(values, count=1000):
    """About `count` numbers of an array of any shape, evenly spread, as a list: what both sides tell of their outputs."""
    flat = values.reshape(-1)
    return flat[::max(1, len(flat) // count)].tolist()


def peak_memory_mb():
    """Largest resident memory of this process so far, in MB. Not getrusage: that inherits the parent's peak."""
    try:
        with open('/proc/self/status', encoding='utf-8') as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmHWM')) / 1024
    except (OSError, StopIteration):
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(make_work, cores=0):
    """Be a worker: build the work, warm it up with one round, then answer until told to stop.

    Args:
      make_work: () -> (round, facts); `round()` gives {stage: [seconds an image, ...]} with the stage 'total' among them, and
        `facts` is a dict that goes into the report.
      cores: how many cores to use, 0 = all.
    """
    answers = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)  # whatever the work prints must not mix with the answers
    limit_cores(cores)

    def answer(**values):
        answers.write(json.dumps(values) + '\n')
        answers.flush()

    run_round, facts = make_work()
    run_round()
    answer(ready=facts)
    for line in sys.stdin:
        if line.strip() == 'stop':
            break
        answer(seconds=run_round())
    answer(peak_mb=peak_memory_mb())
    answers.close()
    os._exit(0)  # queue runners and prefetching threads may never end by themselves


class WorkerError(Exception):
    """A worker ended before it was told to; the message holds the end of what it printed."""


class Worker:
    """The near end of one worker process, stopped from the start until its first round."""

    def __init__(self, name, command, log_path, cwd=None, env=None):
        self.name, self._log_path = name, log_path
        with open(log_path, 'w', encoding='utf-8') as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=cwd, env=env,
                                             universal_newlines=True)
        self.facts = self._read()['ready']
        self._process.send_signal(signal.SIGSTOP)

    def _read(self):
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        with open(self._log_path, encoding='utf-8') as log:
            tail = log.read()[-3000:]
        raise WorkerError('%s ended with code %s:\n%s' % (self.name, code, tail))

    def _say(self, word):
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(word + '\n')
        self._process.stdin.flush()
        return self._read()

    def round(self):
        """{stage: [seconds an image, ...]} of one round."""
        answer = self._say('round')['seconds']
        self._process.send_signal(signal.SIGSTOP)
        return answer

    def stop(self):
        """End the worker; its peak memory in MB."""
        peak = self._say('stop')['peak_mb']
        self._process.wait()
        self._close()
        return peak

    def kill(self):
        """End the worker at once, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self):
        self._process.stdin.close()
        self._process.stdout.close()


def text_of(side):
    """What a side is called in texts. side: its name, or the parts of it."""
    return side if isinstance(side, str) else ', '.join(side)


def alternate(starters, rounds, tell=lambda text: None, until=None):
    """Run the workers in turn, round by round, so that whatever slows the machine slows all of them.

    Args:
      starters: {name, or tuple of its parts: () -> Worker}, started one after the other.
      rounds: how many rounds each does.
      tell: is told what is waited for.
      until: a moment of time.monotonic() after which no round begins but the first; None = never.

    Returns:
      {name: dict(facts=, rounds=[{stage: seconds}, ...], peak_mb=)}.
    """
    workers, results = {}, {}
    try:
        for name, start in starters.items():
            tell('%s starts' % text_of(name))
            workers[name] = start()
            results[name] = dict(facts=workers[name].facts, rounds=[])
        for number in range(rounds):
            if number and until is not None and time.monotonic() >= until:
                break
            tell('round %d of %d' % (number + 1, rounds))
            for name, worker in workers.items():
                results[name]['rounds'].append(worker.round())
        for name, worker in workers.items():
            results[name]['peak_mb'] = worker.stop()
    finally:
        for worker in workers.values():
            worker.kill()
    return results
