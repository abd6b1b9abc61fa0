"""The far end of this project's side: builds one work as main.py's modes build it, and serves its rounds."""
import dataclasses
import json
import sys
from typing import Tuple

from blitznet_estimator import memory
from blitznet_estimator.config import Config
from blitznet_estimator.runtime import tf
from tools.benchmarks import engines, evaluation, export, input_pipeline, prediction, training
from tools.benchmarks.rounds import serve

WORKS = {'forward': prediction.forward, 'outputs': prediction.outputs, 'predict': prediction.predict, 'predict_parts': prediction.parts,
         'input': input_pipeline.whole, 'input_unavoidable': input_pipeline.unavoidable, 'input_stages': input_pipeline.stages,
         'storage': input_pipeline.slow_storage,
         'train': training.step, 'train_with_input': training.with_input, 'eval': evaluation.evaluate,
         'eval_network': evaluation.network_alone, 'export': export.exported, 'engine': engines.measured,
         'checkpoint': training.write_checkpoint}


@dataclasses.dataclass(frozen=True)
class Order:
    """What the near end (`ours.starter`) asks for."""
    work: str
    config: Config
    seconds: float  # a round at least
    images: Tuple[str, ...]  # JPEG files
    checkpoint: str  # '' = initial weights
    folder: str  # for what the work writes
    file: str = ''  # of an export, as `engines.sides` names it


def main(text):
    """Serve the order that `text` (JSON) holds."""
    memory.limit_malloc_arenas()
    values = json.loads(text)
    order = Order(**dict(values, config=Config.from_json(values['config']), images=tuple(values['images'])))

    def make_work():
        run_round, facts = WORKS[order.work](order)
        return run_round, dict(facts, tensorflow=tf.__version__)
    serve(make_work, order.config.run.threads)


if __name__ == '__main__':
    main(sys.argv[1])
