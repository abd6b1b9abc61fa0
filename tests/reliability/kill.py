"""Kills commands at random moments, starts them again, and checks that nothing was lost and nothing half-written is left.

  python -m tests.reliability.kill train 100

Each try starts the command, waits a random share of the time that it takes undisturbed, and sends SIGKILL, SIGTERM or SIGINT. After the
last try the command runs to its end, and its result is compared with that of an undisturbed run. The commands: train; watch (evaluation of
each checkpoint of a training); prepare (data); export; serve, whose end is an answer.
"""
import argparse
import collections
import csv
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import cv2

from blitznet_estimator.checkpoint_path import damage
from blitznet_estimator.runtime import tf
from input_fn.datasets.tfrecord import read_records
from tests import small_model
from tests.paths import ROOT
from tests.signals import hear_all
from tools import client

SIGNALS = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
STEPS, SAVE_EVERY = 12, 2
CODES = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130, -2}}  # negative: before Python handles the signal
SMALL = ['--preset=tiny', '--image_size=64', '--top_fm=16', '--dataset=shapes_small', '--batch_size=2', '--platform=cpu', '--noprogress']


class Scenario:
    """A command in a folder of its own. A subclass says which, what is to hold after each try, and how results are compared."""

    needs = None  # the scenario whose results it starts from

    @classmethod
    def begin_with(cls, folder):
        """Change the results of `needs` to what it starts from."""

    def __init__(self, folder):
        self.folder = str(folder)

    def command(self):
        """Words after the interpreter."""
        raise NotImplementedError

    def check(self):
        """AssertionError where a try left what nobody may meet."""

    def same_as(self, other):
        """AssertionError where the results of this scenario and of `other` differ."""
        raise NotImplementedError

    def wait(self, process):
        """Its exit code, once it has done its work."""
        return process.wait()

    def errors(self):
        """What the processes wrote to their standard errors."""
        with open(os.path.join(self.folder, 'errors'), encoding='utf-8') as errors:
            return errors.read()

    def start(self):
        """The process, in the background; its standard error goes to the file `errors`."""
        with open(os.path.join(self.folder, 'errors'), 'a', encoding='utf-8') as errors:
            return subprocess.Popen([sys.executable] + self.command(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=hear_all)


class Train(Scenario):
    """Training. Its last checkpoint is to be equal to the undisturbed one, bit by bit."""

    def __init__(self, folder):
        super().__init__(folder)
        self.model, self._step = os.path.join(self.folder, 'model'), 0

    def command(self):
        """Words after the interpreter."""
        return ['main.py', '--mode=train', '--data_dir=%s' % os.path.join(self.folder, 'data'), '--model_dir=%s' % self.model, '--max_pictures=0',
                '--train_steps=%d' % STEPS, '--eval_limit=8',
                '--lr_decay=', '--save_every=%d' % SAVE_EVERY, '--eval_every=%d' % (STEPS // 2), '--noreport'] + SMALL

    def check(self):
        """What was saved is still there, and whole."""
        whole = [path for path in glob.glob(os.path.join(self.model, 'model.ckpt-*.index')) if not damage(path[:-len('.index')])]
        step = max([int(re.search(r'-(\d+)\.index$', path).group(1)) for path in whole] or [0])
        assert step >= self._step, 'step %d was saved, and now the newest is %d' % (self._step, step)
        self._step = step

    def same_as(self, other):
        """Weights, rows and files."""
        readers = [tf.train.load_checkpoint(os.path.join(run.model, 'model.ckpt-%d' % STEPS)) for run in (self, other)]
        names = [set(reader.get_variable_to_shape_map()) for reader in readers]
        assert names[0] == names[1]
        different = [name for name in names[0] if readers[0].get_tensor(name).tobytes() != readers[1].get_tensor(name).tobytes()]
        assert not different, different
        steps = [[line.split(',')[0] for line in open(os.path.join(run.model, 'metrics.csv'), encoding='utf-8')] for run in (self, other)]
        assert sorted(steps[0]) == sorted(steps[1]), steps
        left = [name for name in os.listdir(self.model) if re.search(r'tmp|_temp|tempstate', name)]
        assert not left, left


class Prepare(Scenario):
    """Preparation of data. Its files are to be equal to the undisturbed ones."""

    def command(self):
        """Words after the interpreter."""
        return ['-m', 'tools.prepare_data', '--dataset=shapes_small', '--data_dir=%s' % os.path.join(self.folder, 'data')]

    def same_as(self, other):
        """All files but the locks and the folders of what is unfinished."""
        names = [sorted(os.path.relpath(path, run.folder) for path in glob.glob(os.path.join(run.folder, 'data', '**', '*'), recursive=True)
                        if os.path.isfile(path)) for run in (self, other)]
        assert names[0] == names[1] and names[0], names
        records = [name for name in names[0] if 'tfrecord' in name]
        assert records
        for name in records:  # by content: a protobuf's map has no order that two processes share
            ours, theirs = [[tf.train.Example.FromString(record) for record in read_records(os.path.join(run.folder, name))] for run in (self, other)]
            assert ours == theirs, name


class Watch(Scenario):
    """Evaluation of each checkpoint of a training. Each is to be in metrics.csv once, with the metrics of an undisturbed one."""

    needs = Train

    @classmethod
    def begin_with(cls, folder):
        """Leave of a training what it has without an evaluation."""
        for name in ('metrics.csv', 'metrics.json'):
            os.remove(os.path.join(folder, 'model', name))
        for name in ('best', 'predictions'):
            shutil.rmtree(os.path.join(folder, 'model', name), ignore_errors=True)

    def command(self):
        """Words after the interpreter."""
        return ['main.py', '--mode=eval', '--watch', '--watch_poll=.2', '--data_dir=%s' % os.path.join(self.folder, 'data'),
                '--model_dir=%s' % os.path.join(self.folder, 'model'), '--eval_limit=8', '--platform=cpu', '--noprogress']

    def check(self):
        """No row is cut, and no step is there twice."""
        rows = self.rows()
        assert len(rows) == len({row['global_step'] for row in rows}), rows
        assert all(None not in row.values() for row in rows), rows

    def rows(self):
        """Of metrics.csv."""
        path = os.path.join(self.folder, 'model', 'metrics.csv')
        if not os.path.exists(path):
            return []
        with open(path, newline='', encoding='utf-8') as file:
            return list(csv.DictReader(file))

    def same_as(self, other):
        """Rows."""
        ours, theirs = [[{name: value for name, value in row.items() if name not in ('checkpoint', 'settings', 'evaluated')} for row in run.rows()]
                        for run in (self, other)]  # but for what depends on the folder, and the time
        assert ours and len(ours[0]) > 1 and ours == theirs, (ours, theirs)


class Export(Scenario):
    """Export of a trained model. Only whole exports are to be there."""

    needs = Train

    def command(self):
        """Words after the interpreter."""
        return ['main.py', '--mode=export', '--model_dir=%s' % os.path.join(self.folder, 'model'), '--platform=cpu',
                '--output_dir=%s' % os.path.join(self.folder, 'exports')]

    def exports(self):
        """Folders with a number for a name, which a server would load."""
        return glob.glob(os.path.join(self.folder, 'exports', '[0-9]*'))

    def check(self):
        """Each has its graph and its weights."""
        for folder in self.exports():
            assert os.path.isfile(os.path.join(folder, 'saved_model.pb')), folder
            assert glob.glob(os.path.join(folder, 'variables', '*')) or os.path.getsize(os.path.join(folder, 'saved_model.pb')) > 10 ** 6

    def same_as(self, other):
        """Both have an export of the same files."""
        files = [sorted(os.path.relpath(path, folder) for path in glob.glob(os.path.join(folder, '**', '*'), recursive=True))
                 for folder in (max(run.exports()) for run in (self, other))]
        assert files[0] == files[1] and files[0], files


class Serve(Scenario):
    """The server of an export. It is to answer as an undisturbed one."""

    needs = Export

    def __init__(self, folder):
        super().__init__(folder)
        self._answer = None

    def command(self):
        """Words after the interpreter."""
        return ['-m', 'tools.serve', '--model=%s' % os.path.join(self.folder, 'exports'), '--port=0']

    def wait(self, process):
        """Its exit code, once it has answered and was told to end."""
        url = self._url(process)
        picture = cv2.imencode('.png', small_model.picture(40, 60, 0))[1].tobytes()
        self._answer = client.ask(client.predict_url(url, 'blitznet'), picture, timeout_s=60)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def _url(self, process):
        for _ in range(1200):
            found = re.findall(r'Look at it: (\S+)', self.errors())
            if found:
                return found[-1]
            assert process.poll() is None, self.errors()[-3000:]
            time.sleep(.1)
        raise AssertionError('the server does not start')

    def start(self):
        """As of all, but only its own words are in `errors`."""
        open(os.path.join(self.folder, 'errors'), 'w', encoding='utf-8').close()
        return super().start()

    def same_as(self, other):
        """Answers."""
        assert self._answer == other._answer and self._answer


SCENARIOS = {'train': Train, 'prepare': Prepare, 'export': Export, 'watch': Watch, 'serve': Serve}


def _finish(scenario):
    """Run to the end; returns the seconds."""
    start = time.monotonic()
    code = scenario.wait(scenario.start())
    assert code == 0, scenario.errors()[-3000:]
    scenario.check()
    return time.monotonic() - start


def attack(name, folder, times, seed=0):
    """Kill a scenario `times` times, let it end, and compare; returns {signal name: how often it was sent}.

    A run that ends before it is killed is compared, and begun anew.
    """
    given = _given(SCENARIOS[name], str(folder))
    dice, sent = random.Random(seed), collections.Counter()
    undisturbed = _prepared(name, os.path.join(str(folder), 'undisturbed'), given)
    seconds = _finish(undisturbed)
    killed = _prepared(name, os.path.join(str(folder), 'killed'), given)
    while sum(sent.values()) < times:
        process, number = killed.start(), dice.choice(SIGNALS)
        try:
            process.wait(dice.uniform(.02, 1) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            try:
                code = process.wait(120)
            finally:
                process.kill()
            assert code in CODES[number] | {0}, (number, code, killed.errors()[-3000:])
            sent[number.name] += 1
            killed.check()
            continue
        killed.same_as(undisturbed)
        shutil.rmtree(killed.folder)
        killed = _prepared(name, killed.folder, given)
    _finish(killed)
    killed.same_as(undisturbed)
    return dict(sent)


def _given(scenario, folder):
    """The folder whose content each run of a scenario starts from, or None."""
    if not scenario.needs:
        return None
    made = scenario.needs.__name__.lower()
    before = _prepared(made, os.path.join(folder, 'of_' + made), _given(scenario.needs, folder))
    _finish(before)
    scenario.begin_with(before.folder)
    return before.folder


def _prepared(name, folder, given):
    if given:
        shutil.copytree(given, folder)
    else:
        os.makedirs(folder)
    return SCENARIOS[name](folder)


def main():
    """Print which signals were sent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenario', choices=sorted(SCENARIOS))
    parser.add_argument('times', type=int, help='how often it is killed')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(args.scenario, attack(args.scenario, os.path.join(folder, 'tries'), args.times), 'as undisturbed')


if __name__ == '__main__':
    main()
