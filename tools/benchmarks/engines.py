"""Speed of the files of an export, each by its engine: from decoded pictures to boxes and masks, and of the runtime alone."""
import itertools
import json

import cv2
import numpy as np

from blitznet_estimator.config import Config
from blitznet_estimator.drivers.predictions import predict_images
from blitznet_estimator.engines import choice
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.formats import description
from blitznet_estimator.formats.registry import Exported
from blitznet_estimator.resizing import network_input
from tools.benchmarks.rounds import timed


def sides(path, config):
    """{name: (Config, file)} of what is measured of an export: of each engine that is installed its file of each precision, and bfloat16.

    file: text that says which file it is, for `measured`. config: of the benchmark, for the threads.
    """
    folder, found = description.find(path), {}
    saved = description.config_of(folder)
    for engine in [name for name in engines.ENGINES if not engines.missing(name)]:
        rows = [exported for exported in description.files_of(path) if exported.format in engines.ENGINES[engine].formats]
        for precision in dict.fromkeys(exported.precision for exported in rows):
            exported = choice.first(engine, [one for one in rows if one.precision == precision])
            names = {precision: 'fp32'}
            if precision == choice.PLAIN and engines.ENGINES[engine].bfloat16:
                names['bfloat16'] = 'mixed'
            for name, kind in names.items():
                found['%s %s' % (engine, name)] = (saved.replace(run=dict(Config().run.__dict__, threads=config.run.threads, platform='cpu'),
                                                                 train=dict(precision=kind)), json.dumps([folder, exported]))
    return found


def measured(order):
    """Batches of pictures by one file. The runtime alone is a stage of its own where it gives raw outputs."""
    folder, exported = json.loads(order.file)
    exported = Exported(*exported)
    count = order.config.data.eval_batch_size
    engine = engines.open_file(folder, exported, order.config)
    pictures = [cv2.imread(path)[..., ::-1] for path in order.images[:4 * count]]
    batches = itertools.cycle([[pictures[(start + i) % len(pictures)] for i in range(count)] for start in range(0, len(pictures), count)])
    stages = {'total': lambda: list(predict_images(engine, next(batches), order.config, range(count)))}
    if engine.is_raw:
        inputs = np.array([network_input(picture, order.config.network.image_size) for picture in next(batches)])
        stages['runtime alone'] = lambda: engine.compute(inputs)
    facts = {'MB on disk': description.size_of(folder, exported) / 1e6}
    return lambda: {name: timed(run, count, order.seconds / len(stages)) for name, run in stages.items()}, facts
