"""Converters and runtimes in processes of their own: python -m blitznet_estimator.formats.child convert|run FOLDER WORK NAME

They take memory, print much and may crash; none of that reaches the process of the export. FOLDER is that of the export, WORK one beside it
with what the processes tell each other.
"""
import collections
import json
import os
import subprocess
import sys
import time

import numpy as np

from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import registry
from blitznet_estimator.logs import log

GRAPH, CONFIG, CALIBRATION, PICTURES = 'graph.pb', 'config.json', 'calibration.npy', 'pictures.npz'
LINE_EVERY = 10.  # seconds between two lines of progress
LAST_LINES = 8  # of what a failed process printed, in the message
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What a converter is given. folder: of the export; graph: path of the frozen graph; calibration: path of images [N, S, S, 3], '' for no int8.
Order = collections.namedtuple('Order', 'folder graph config calibration')
# What a runtime is given. pixels: RGB uint8 [H, W, 3]; image: the network's input [S, S, 3].
Picture = collections.namedtuple('Picture', 'pixels image')


def convert(name, folder, work):
    """The `registry.Exported` files of a format, written by a process of its own where it needs more than TensorFlow."""
    if not registry.FORMATS[name].packages:
        return _convert_here(folder, work, name)
    return [registry.Exported(*row) for row in _call('convert', folder, work, name, 'Converting to %s' % name)]


def run(exported, folder, work):
    """[{name: output [1, ...]}] for each picture in WORK, by the file's own runtime, in a process of its own where that is not TensorFlow."""
    if not registry.FORMATS[exported.format].packages:
        return _outputs(exported, folder, work)
    _call('run', folder, work, json.dumps(exported), 'Running %s' % exported.file)
    with np.load(os.path.join(work, 'outputs.npz')) as outputs:
        found = collections.defaultdict(dict)
        for key in outputs.files:
            number, name = key.split(' ')
            found[int(number)][name] = outputs[key]
    return [found[number] for number in sorted(found)]


def _call(what, folder, work, name, title):
    answer, output = os.path.join(work, 'answer.json'), os.path.join(work, 'output.txt')
    with open(output, 'wb') as file:
        process = subprocess.Popen([sys.executable, '-m', __spec__.name, what, folder, work, name], stdout=file, stderr=subprocess.STDOUT,
                                   cwd=ROOT, env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'))
        try:
            code = _waited(process, title)
        finally:
            process.kill()
            process.wait()
    if code:
        with open(output, errors='replace', encoding='utf-8') as file:
            raise UserError('%s failed:\n%s' % (title, ''.join(file.readlines()[-LAST_LINES:]).rstrip()))
    with open(answer, encoding='utf-8') as file:
        return json.load(file)


def _waited(process, title):
    """The exit code of a process, with a line now and then until it ends."""
    begin = time.monotonic()
    while True:
        try:
            code = process.wait(LINE_EVERY)
        except subprocess.TimeoutExpired:
            log.info('%s: %d s so far', title, time.monotonic() - begin)
        else:
            log.info('%s: %.1f s', title, time.monotonic() - begin)
            return code


def _convert_here(folder, work, name):
    with open(os.path.join(work, CONFIG), encoding='utf-8') as file:
        config = Config.from_json(file.read())
    calibration = os.path.join(work, CALIBRATION)
    order = Order(folder, os.path.join(work, GRAPH), config, calibration if os.path.exists(calibration) else '')
    return registry.module_of(name).convert(order)


def _run_here(folder, work, text):
    found = _outputs(registry.Exported(*json.loads(text)), folder, work)
    np.savez(os.path.join(work, 'outputs.npz'), **{
        '%d %s' % (number, key): values for number, outputs in enumerate(found) for key, values in outputs.items()})


def _outputs(exported, folder, work):
    compute = registry.module_of(exported.format).load(os.path.join(folder, exported.file), exported)
    return [compute(picture) for picture in _read_pictures(work)]


def write_pictures(work, pictures):
    """Put Pictures where `run` takes them from."""
    np.savez(os.path.join(work, PICTURES), **{
        '%s %d' % (key, number): values for number, picture in enumerate(pictures) for key, values in zip(Picture._fields, picture)})


def _read_pictures(work):
    with np.load(os.path.join(work, PICTURES)) as pictures:
        return [Picture(pictures['pixels %d' % number], pictures['image %d' % number]) for number in range(len(pictures.files) // 2)]


def main(argv):
    """Entry point of the process."""
    what, folder, work, name = argv
    answer = {'convert': _convert_here, 'run': _run_here}[what](folder, work, name)
    with open(os.path.join(work, 'answer.json'), 'w', encoding='utf-8') as file:
        json.dump(answer, file)


if __name__ == '__main__':
    main(sys.argv[1:])
