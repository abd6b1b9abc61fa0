"""Epochs: passes over the training data, and the steps that they are."""
from blitznet_estimator import cadence, presets
from blitznet_estimator.logs import log


def with_steps(config, images, workers):
    """`config` with the train_steps that its train.epochs are, in whole loops. A warning where the recipe's learning rate does not fit.

    images: of training. workers: devices, each with batches of its own.
    """
    if not config.train.epochs:
        return config
    loop = config.run.iterations_per_loop
    exact = round(config.train.epochs * images / (config.data.batch_size * workers), 6)  # 3 epochs of a third step each are one step
    resolved = config.replace(train=dict(train_steps=max(cadence.whole_loops(exact, loop), loop)))
    problem = presets.ill_timed_drops(resolved)
    if problem and config.train.lr_decay == presets.recipe_of(config).train.lr_decay:
        log.warning(problem)
    return resolved


def passes(steps, config, images, workers):
    """How many epochs `steps` are."""
    return steps * config.data.batch_size * workers / images
