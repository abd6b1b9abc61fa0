"""A training of the stand-in, in this process."""
from blitznet_estimator.drivers import checkpoints, metrics_file, metrics_table, train
from blitznet_estimator.platforms import get_platform
from tests.blitznet_estimator.drivers import stand_in


class Run:
    """A training run that records what it asks of input_fn and evaluate."""

    def __init__(self, model_dir, steps=10, input_fn=stand_in.train_input_fn, train=None, **run):
        self.config = stand_in.config(model_dir, train=dict(train or {}, train_steps=steps), run=run)
        self.platform = get_platform(self.config)
        self.starts, self.evaluated, self._input_fn = [], [], input_fn

    def __call__(self, hooks=()):
        return train.run(self.config, self.platform, self._start, stand_in.model_fn, self._evaluate, hooks)

    def _start(self, step):
        self.starts.append(step)
        return self._input_fn(step)

    def _evaluate(self, path):
        step = checkpoints.step_of(path)
        self.evaluated.append(step)
        metrics_file.write(self.config.run.model_dir, {'global_step': step, 'mIoU': .5})
        metrics_table.add(self.config, path, {'global_step': step, 'mIoU': .5})
