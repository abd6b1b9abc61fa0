"""Asks a server with many clients at once, and measures requests per second, times, errors, and the server's memory.

  python -m tests.reliability.load --model=runs/tiny-shapes/export --clients=32 --seconds=60

The server is started for it, on the same machine: what the clients compute is taken from what the server could. Each client keeps its
connection, and asks again when it has its answer. Everything but an answer of 200 is an error, and the exit code is 1 where there is one.
"""
import argparse
import base64
import collections
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

import cv2
import numpy as np

from tests import small_model
from tests.paths import ROOT
from tests.reliability.soak import look

PICTURES, HEIGHT, WIDTH = 8, 375, 500  # that are sent in turn, as JPEG
LONGEST_ANSWER_S = 120

Outcome = collections.namedtuple('Outcome', 'seconds what')  # of a request. what: the code of its answer, or the name of an error


def bodies():
    """Requests with one picture each."""
    pictures = [cv2.imencode('.jpg', small_model.picture(HEIGHT, WIDTH, seed))[1].tobytes() for seed in range(PICTURES)]
    return [json.dumps({'instances': [{'b64': base64.b64encode(data).decode('ascii')}]}).encode('ascii') for data in pictures]


def start(model, log):
    """(process of a server of an export, URL of its model). log: a file for what it says."""
    process = subprocess.Popen([sys.executable, '-m', 'tools.serve', '--port=0', '--model=' + model], cwd=ROOT, stdout=subprocess.PIPE, stderr=log,
                               universal_newlines=True)
    found = re.search(r'http://\S+', process.stdout.readline())
    if not found:
        process.wait()
        log.seek(0)
        raise SystemExit('The server did not start: %s' % log.read().decode('utf-8', 'replace'))
    return process, found.group()


class Client:
    """Asks without a pause until a time, and keeps the Outcome of each request."""

    def __init__(self, url, number):
        self._address, self._number = urlsplit(url), number
        self._connection = http.client.HTTPConnection(self._address.netloc, timeout=LONGEST_ANSWER_S)
        self.outcomes = []

    def ask_until(self, end, requests):
        """Send the requests in turn until `time.monotonic` says `end`."""
        while time.monotonic() < end:
            began = time.monotonic()
            what = self._ask(requests[(self._number + len(self.outcomes)) % len(requests)])
            self.outcomes.append(Outcome(time.monotonic() - began, what))
        self._connection.close()

    def _ask(self, body):
        try:
            self._connection.request('POST', self._address.path + ':predict', body)
            answer = self._connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request opens another one
            return type(error).__name__


def load(url, clients, seconds):
    """The Outcomes of so many clients in so many seconds, and how long it took to the last answer."""
    asking, requests, began = [Client(url, number) for number in range(clients)], bodies(), time.monotonic()
    threads = [threading.Thread(target=one.ask_until, args=(began + seconds, requests)) for one in asking]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcome for one in asking for outcome in one.outcomes], time.monotonic() - began


def summary(outcomes, seconds):
    """What is told of Outcomes that came in `seconds`. Times are those of answers of 200."""
    times = [1000 * outcome.seconds for outcome in outcomes if outcome.what == 200]
    errors = collections.Counter(str(outcome.what) for outcome in outcomes if outcome.what != 200)
    found = {'answers': len(times), 'requests_per_second': round(len(times) / seconds, 2), 'errors': dict(errors)}
    return dict(found, **{'p%d_ms' % share: round(float(np.percentile(times, share)), 1) for share in (50, 99) if times})


def run(model, clients, seconds):
    """The summary of a load on a server that is started for it, with its resident memory before and after, and its exit code."""
    with tempfile.TemporaryFile() as log:
        process, url = start(model, log)
        try:
            load(url, 1, .1)  # what the first request takes by itself
            before = look(process.pid)['resident_mb']
            found = summary(*load(url, clients, seconds))
            after = look(process.pid)['resident_mb']
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(LONGEST_ANSWER_S)
            process.stdout.close()
    return dict(found, clients=clients, seconds=seconds, memory_mb_before=round(before), memory_mb_after=round(after), exit_code=code)


def main():
    """Exit code 1 where a request had another answer than 200, or the server did not end well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', required=True, help='export, or folder of exports')
    parser.add_argument('--clients', type=int, default=32)
    parser.add_argument('--seconds', type=float, default=60)
    args = parser.parse_args()
    found = run(os.path.abspath(args.model), args.clients, args.seconds)
    print(json.dumps(found, indent=1))
    return int(bool(found['errors']) or found['exit_code'] != 0)


if __name__ == '__main__':
    sys.exit(main())
