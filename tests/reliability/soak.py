"""Trains with evaluations and serves beside it for hours, and watches memory, open files and threads.

  python -m tests.reliability.soak --minutes=120 --output_dir=soak

The training evaluates again and again in its own process. The server is asked without a pause, and every so often a new export takes the
place of the one that it serves. soak.csv has a row per look; soak.png draws it. What is flat ends at most as far above its level after a
quarter of the time as ALLOWED says: the exit code is 1 where it does not.
"""
import argparse
import csv
import glob
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from tests.paths import ROOT
from tests.signals import hear_all
from tools import client

FIELDS = ('resident_mb', 'open_files', 'threads')
TITLES = {'resident_mb': 'resident memory, MB', 'open_files': 'open files', 'threads': 'threads'}
ALLOWED = {'resident_mb': 60, 'open_files': 10, 'threads': 6}  # above the level at a quarter of the time
TRAIN = ('main.py', '--mode=train', '--preset=tiny', '--dataset=shapes', '--train_steps=100000000', '--lr_decay=', '--summary_every=50',
         '--save_every=200', '--eval_limit=64', '--platform=cpu', '--noprogress', '--noreport')


def look(pid):
    """{field: value} of a process, as /proc tells."""
    with open('/proc/%d/status' % pid, encoding='utf-8') as status:
        values = dict(line.split(':', 1) for line in status)
    return {'resident_mb': int(values['VmRSS'].split()[0]) / 1024, 'open_files': len(os.listdir('/proc/%d/fd' % pid)),
            'threads': int(values['Threads'])}


def rises(rows):
    """{(process, field): how far its level in the end is above that at a quarter of the time}.

    A level is the median of a tenth of the looks, at least of 3. rows: [{'process', 'minutes', and FIELDS}].
    """
    found = {}
    for name in dict.fromkeys(row['process'] for row in rows):
        own = [row for row in rows if row['process'] == name]
        width = max(len(own) // 10, 3)
        start = len(own) // 4
        for field in FIELDS:
            values = [row[field] for row in own]
            found[name, field] = float(np.median(values[-width:]) - np.median(values[start:start + width]))
    return found


def draw(rows, path):
    """A PNG with a curve per process and field."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, len(FIELDS), figsize=(11, 3), dpi=110)
    for axis, field in zip(axes, FIELDS):
        for name in dict.fromkeys(row['process'] for row in rows):
            own = [row for row in rows if row['process'] == name]
            axis.plot([row['minutes'] for row in own], [row[field] for row in own], label=name)
        axis.set(title=TITLES[field], xlabel='minutes')
        axis.set_ylim(bottom=0)
        axis.spines[['top', 'right']].set_visible(False)
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


class Soak:
    """Both processes, and the requests."""

    def __init__(self, folder, eval_every):
        self._folder, self._model, self._exports = folder, os.path.join(folder, 'model'), os.path.join(folder, 'exports')
        self._train = self._start(TRAIN + ('--data_dir=%s' % os.path.join(folder, 'data'), '--model_dir=' + self._model,
                                           '--eval_every=%d' % eval_every), 'train')
        self._serve, self.answers, self.errors, self._over = None, 0, [], threading.Event()
        self._asking = threading.Thread(target=self._ask, daemon=True)

    def _start(self, words, name):
        with open(os.path.join(self._folder, name + '.log'), 'a', encoding='utf-8') as log:
            return subprocess.Popen([sys.executable] + list(words), cwd=ROOT, stdout=log, stderr=log, preexec_fn=hear_all)

    def wait_for_checkpoint(self):
        """Until training has saved one."""
        while not glob.glob(os.path.join(self._model, 'model.ckpt-*.index')):
            assert self._train.poll() is None, 'the training ended: see %s' % self._folder
            time.sleep(1)

    def export(self):
        """A new version of the model, of its latest checkpoint."""
        assert self._start(('main.py', '--mode=export', '--model_dir=' + self._model, '--checkpoint_path=latest', '--platform=cpu',
                            '--output_dir=' + self._exports), 'export').wait() == 0, 'the export failed: see %s' % self._folder

    def serve(self):
        """Start the server, and ask it without a pause from then on."""
        self._serve = self._start(('-m', 'tools.serve', '--model=' + self._exports, '--port=0'), 'serve')
        while not self._url():
            assert self._serve.poll() is None, 'the server ended: see %s' % self._folder
            time.sleep(.5)
        self._asking.start()

    def _url(self):
        with open(os.path.join(self._folder, 'serve.log'), encoding='utf-8') as log:
            found = re.search(r'Look at it: (\S+)', log.read())
        return found and client.predict_url(found.group(1), 'blitznet')

    def _ask(self):
        pictures = [open(path, 'rb').read() for path in sorted(glob.glob(os.path.join(ROOT, 'docs', 'images', '*.jpg')))]
        small = [data for data in pictures if len(data) < 500000]
        url = self._url()
        while not self._over.is_set():
            try:
                client.ask(url, small[self.answers % len(small)], 60)
                self.answers += 1
            except Exception as error:  # of any kind: each is a fault
                self.errors.append(repr(error))
            self._over.wait(.5)

    def looks(self):
        """A row per process."""
        return [dict(look(process.pid), process=name) for name, process in (('training', self._train), ('server', self._serve))]

    def end(self):
        """Stop both, by SIGTERM; returns their exit codes."""
        self._over.set()
        if self._asking.is_alive():
            self._asking.join()
        codes = []
        for process in (self._serve, self._train):
            if process:
                process.send_signal(signal.SIGTERM)
                codes.append(process.wait(120))
        return codes


def run(folder, minutes, eval_every=400, export_minutes=10, look_s=30):
    """(rows, answers, errors, versions, exit codes) of so many minutes from the first answer on."""
    os.makedirs(folder, exist_ok=True)
    assert not os.listdir(folder), '%s is not empty' % folder
    soak = Soak(folder, eval_every)
    rows, versions = [], 1
    try:
        soak.wait_for_checkpoint()
        soak.export()
        soak.serve()
        start = time.monotonic()
        while time.monotonic() - start < 60 * minutes:
            rows += [dict(row, minutes=(time.monotonic() - start) / 60) for row in soak.looks()]
            with open(os.path.join(folder, 'soak.csv'), 'w', newline='', encoding='utf-8') as file:
                writer = csv.DictWriter(file, ('minutes', 'process') + FIELDS)
                writer.writeheader()
                writer.writerows(rows)
            time.sleep(look_s)
            if time.monotonic() - start > 60 * export_minutes * versions:
                soak.export()
                versions += 1
    finally:
        codes = soak.end()
    return rows, soak.answers, soak.errors, versions, codes


def main():
    """Exit code 1 where something grew, or a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=120)
    parser.add_argument('--output_dir', default='soak')
    args = parser.parse_args()
    rows, answers, errors, versions, codes = run(os.path.abspath(args.output_dir), args.minutes)
    draw(rows, os.path.join(args.output_dir, 'soak.png'))
    grown = rises(rows)
    print(json.dumps({'answers': answers, 'errors': errors[:5], 'versions': versions, 'exit codes': codes,
                      'rises': {'%s, %s' % key: round(value, 1) for key, value in grown.items()}}, indent=1))
    return int(bool(errors) or codes != [0, 143] or any(value > ALLOWED[field] for (_, field), value in grown.items()))


if __name__ == '__main__':
    sys.exit(main())
