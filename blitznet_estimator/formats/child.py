"""Converters and runtimes in processes of their own: python -m blitznet_estimator.formats.child convert|run FOLDER WORK NAME

They take memory, print much and may crash; none of that reaches the process of the export. FOLDER is that of the export, WORK one beside it
with what the processes tell each other.
"""
import collections
import contextlib
import json
import os
import sys
import time

import numpy as np

from blitznet_estimator.config import Config
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.evaluation.host_postprocess import postprocess
from blitznet_estimator.formats import process, registry

GRAPH, CONFIG, CALIBRATION, PICTURES = 'graph.pb', 'config.json', 'calibration.npy', 'pictures.npz'
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What a converter is given. folder: of the export; graph: path of the frozen graph; calibration: path of images [N, S, S, 3], '' for no int8.
Order = collections.namedtuple('Order', 'folder graph config calibration')
# What a file gave. batches: predictions or raw outputs of each picture, as a batch of one. milliseconds: from a picture to its predictions.
Ran = collections.namedtuple('Ran', 'batches milliseconds')


def convert(name, folder, work):
    """The `registry.Exported` files of a format, written by a process of its own where it needs packages beside TensorFlow."""
    if not registry.FORMATS[name].packages:
        return _convert_here(folder, work, name)
    return [registry.Exported(*row) for row in _call('convert', folder, work, name, 'Converting to %s' % name)]


def run(exported, folder, work):
    """What a file gives for the pictures in WORK: a Ran, by its engine, in a process of its own where it needs packages beside TensorFlow."""
    if not registry.FORMATS[exported.format].packages:
        return _ran(exported, folder, work)
    milliseconds = _call('run', folder, work, json.dumps(exported), 'Running %s' % exported.file)
    with np.load(os.path.join(work, 'outputs.npz')) as outputs:
        found = collections.defaultdict(dict)
        for key in outputs.files:
            number, name = key.split(' ')
            found[int(number)][name] = outputs[key]
    return Ran([found[number] for number in sorted(found)], milliseconds)


def _call(what, folder, work, name, title):
    answer, output = os.path.join(work, 'answer.json'), os.path.join(work, 'output.txt')
    process.run([sys.executable, '-m', __spec__.name, what, folder, work, name], output, title, cwd=ROOT,
                env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'))
    with open(answer, encoding='utf-8') as file:
        return json.load(file)


def _config(work):
    with open(os.path.join(work, CONFIG), encoding='utf-8') as file:
        return Config.from_json(file.read())


def _convert_here(folder, work, name):
    calibration = os.path.join(work, CALIBRATION)
    order = Order(folder, os.path.join(work, GRAPH), _config(work), calibration if os.path.exists(calibration) else '')
    return registry.module_of(name).convert(order)


def _run_here(folder, work, text):
    ran = _ran(registry.Exported(*json.loads(text)), folder, work)
    np.savez(os.path.join(work, 'outputs.npz'), **{
        '%d %s' % (number, key): values for number, outputs in enumerate(ran.batches) for key, values in outputs.items()})
    return ran.milliseconds


def _ran(exported, folder, work):
    config, pictures, batches, times = _config(work), _read_pictures(work), [], []
    with contextlib.closing(engines.open_file(folder, exported, config)) as engine:
        for picture in pictures[:1] + pictures:  # the first run of all is slow, and tells nothing
            began = time.perf_counter()
            batches.append(engine.run([picture]))
            if engine.is_raw:
                postprocess(batches[-1], [picture.shape[:2]], config.network, config.detection)
            times.append(time.perf_counter() - began)
    return Ran(batches[1:], 1000 * float(np.median(times[1:])))


def write_pictures(work, pictures):
    """Put pictures, RGB uint8 [H, W, 3], where `run` takes them from."""
    np.savez(os.path.join(work, PICTURES), **{str(number): picture for number, picture in enumerate(pictures)})


def _read_pictures(work):
    with np.load(os.path.join(work, PICTURES)) as pictures:
        return [pictures[str(number)] for number in range(len(pictures.files))]


def main(argv):
    """Entry point of the process."""
    what, folder, work, name = argv
    answer = {'convert': _convert_here, 'run': _run_here}[what](folder, work, name)
    with open(os.path.join(work, 'answer.json'), 'w', encoding='utf-8') as file:
        json.dump(answer, file)


if __name__ == '__main__':
    main(sys.argv[1:])
