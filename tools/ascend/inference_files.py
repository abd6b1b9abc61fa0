"""Files of offline inference: the description of a model, the index of its inputs, and the outputs that the tools leave."""
import collections
import glob
import os
import re

import numpy as np

from blitznet_estimator import json_files
from blitznet_estimator.errors import UserError

# In the folder of the inputs, of which msame takes every file whose name does not begin with a dot.
INDEX = '.index.json'  # {'batch_size': B, 'images': [{'file', 'source_id', 'size': [h, w], 'filename'}]}
INFO = '.index.info'  # the list of inputs for the benchmark tool
# <stem>_output_<k> of msame; <stem>_<k> of benchmark and ais_bench
_NAME = re.compile(r'^(?P<stem>.+?)_(?:output_)?(?P<number>\d+)\.(?P<kind>txt|bin|npy)$')


def find_description(folder):
    """What tools.ascend.freeze wrote in `folder` about its graph; None where there is none (a graph of other make)."""
    paths = [path for path in sorted(glob.glob(os.path.join(glob.escape(folder), '*.json'))) if os.path.exists(path[:-len('.json')] + '.pb')]
    if len(paths) > 1:
        raise UserError('%s holds several models (%s): keep each in a folder of its own.'
                        % (folder, ', '.join(map(os.path.basename, paths))))
    if not paths:
        return None
    description = json_files.read_fields(paths[0], 'the description of a frozen graph', outputs=list, global_step=int)
    for i, output in enumerate(description['outputs']):
        json_files.check_fields(output, '%s, outputs[%d]' % (paths[0], i), name=str)
    return description


def read_index(folder):
    """The content of the index that make_inputs wrote in the folder of the inputs."""
    path, what = os.path.join(folder, INDEX), 'the index of the inputs'
    index = json_files.read_fields(path, what, batch_size=int, images=list)
    for i, entry in enumerate(index['images']):
        json_files.check_fields(entry, '%s, images[%d]' % (path, i), file=str, source_id=int, size=list)
    if index['batch_size'] < 1:
        raise UserError('%s, %s: "batch_size" is %d.' % (path, what, index['batch_size']))
    return index


def newest_outputs(folder):
    """The folder with output files: `folder`, or of those below it the newest, as msame and ais_bench make one each time.

    The newest by time of change: msame's names have no leading zeros, and do not sort. benchmark writes below `result`.
    Raises UserError where the newest holds no outputs: an older one is of another run.
    """
    if not os.path.isdir(folder):
        raise UserError('--outputs=%s: there is no such folder.' % folder)
    folders = [path for part in ('*', os.path.join('result', '*')) for path in glob.glob(os.path.join(glob.escape(folder), part))]
    below = sorted(filter(os.path.isdir, folders), key=os.path.getmtime, reverse=True)
    found = [path for path in [folder] + below if list_outputs(path)]
    if not found:
        raise UserError('--outputs=%s holds no outputs of msame, benchmark or ais_bench, such as 00000_output_0.txt or 00000_0.bin.'
                        % folder)
    newer = [path for path in below[:below.index(found[0])] if _is_of_a_run(path)] if found[0] != folder else []
    if newer:
        raise UserError('--outputs=%s: the newest folder, %s, holds no outputs: did the tool fail? Name the folder to score, such as %s.'
                        % (folder, newer[0], found[0]))
    return found[0]


def _is_of_a_run(folder):
    """Whether a folder may be what a run of a tool left: it is not one of inputs, and holds no folders."""
    return not os.path.exists(os.path.join(folder, INDEX)) and not any(entry.is_dir() for entry in os.scandir(folder))


def list_outputs(folder):
    """{stem: {number of the output: path}}."""
    outputs = collections.defaultdict(dict)
    for name in sorted(os.listdir(folder)):
        match = _NAME.match(name)
        if match:
            outputs[match.group('stem')][int(match.group('number'))] = os.path.join(folder, name)
    return dict(outputs)


def read_output(path, shape):
    """An output as float32 of `shape`: numbers separated by white space, raw little-endian float32 (or float16), or .npy."""
    try:
        values = _READ[path.rsplit('.', 1)[1]](path, int(np.prod(shape)))
        values = np.asarray(values, np.float32)
    except Exception as error:  # NumPy reads the head of an array by Python's own parser, and lets all that this raises out
        raise UserError('%s is no output of numbers (%s).' % (path, str(error).split('\n')[0]))
    if values.size != np.prod(shape):
        raise UserError('%s holds %d values, and %s of them were expected (%s): was the graph converted with other classes, another '
                        'size or batch, or is it another output (--output_order)?'
                        % (path, values.size, np.prod(shape), ' x '.join(map(str, shape))))
    return values.reshape(shape)


def _read_text(path, count):
    del count  # for all kinds alike
    with open(path, encoding='utf-8-sig') as file:
        return np.array(file.read().split(), np.float32)


def _read_binary(path, count):
    half = os.path.getsize(path) == 2 * count  # converted without --output_type=FP32
    return np.fromfile(path, '<f2' if half else '<f4')


def _read_npy(path, count):
    del count
    return np.load(path, allow_pickle=False)


_READ = {'txt': _read_text, 'bin': _read_binary, 'npy': _read_npy}
