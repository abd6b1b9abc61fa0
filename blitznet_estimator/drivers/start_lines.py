"""What a training says when it starts: its data, network, schedule and what differs from the recipe, a line each. config.json has all."""
import collections
import os

from blitznet_estimator import cadence, class_weights, epochs, presets, saved_config
from blitznet_estimator.errors import listed

# What is trained. images, boxes: of training. eval_images. parameters: without statistics. flops: of one image, forwards. trained: those of the
# parameters that --freeze leaves; None where it is not given.
About = collections.namedtuple('About', 'images boxes eval_images parameters flops trained')
About.__new__.__defaults__ = (None,)
_HEADING = 10  # columns
_NOT_CHOSEN = {'num_classes', 'dataset', 'model_dir', 'pixel_weights', 'precision'}  # settings that the data line and the last line say


def lines(config, about, workers):
    """Lines of text. workers: devices, each with its own batches."""
    named = (('data', _data(config, about)), ('network', _network(config, about)), ('schedule', _schedule(config, about, workers)),
             ('settings', _settings(config)))
    if config.train.pixel_weights:
        named += ('weights', class_weights.describe(config)),
    return [heading.ljust(_HEADING) + text for heading, text in named]


def _data(config, about):
    names = config.data.class_names
    return '%s: %s images with %s boxes to train on, %s to evaluate on; %d classes: %s' % (
        config.data.dataset, *(format(count, ',') for count in (about.images, about.boxes, about.eval_images)), len(names),
        listed(names, saved_config.SHOWN))


def _network(config, about):
    network = config.network
    trained = '' if about.trained is None else ', of which %.2f million are trained' % (about.trained / 1e6)
    return '%s: trunk %s, %d x %d pixels, %.2f million parameters%s, %.2f GFLOP per image' % (
        network.preset, network.trunk, network.image_size, network.image_size, about.parameters / 1e6, trained, about.flops / 1e9)


def _schedule(config, about, workers):
    train, every = config.train, cadence.eval_steps(config)

    def passes(steps):
        count = epochs.passes(steps, config, about.images, workers)
        return ('%.0f epochs' if count >= 1000 else '%.3g epochs') % count
    falls = ', a tenth after %s' % ' and '.join(map(str, train.lr_decay)) if train.lr_decay else ''
    if train.lr_schedule != 'steps':
        falls = ', falling as a %s' % train.lr_schedule
    evaluations = 'every %d steps (%s)' % (every, passes(every)) if 0 < every < train.train_steps else 'at the end'
    return '%d steps of %d images (%s), %s at %g%s, an evaluation %s' % (
        train.train_steps, config.data.batch_size * workers, passes(train.train_steps), train.optimizer, train.learning_rate, falls, evaluations)


def _settings(config):
    """The recipe, what differs from it, and where all are."""
    changed = [text for text in saved_config.differences(presets.recipe_of(config), config) if text.split()[0] not in _NOT_CHOSEN]
    return '%s%s; all are in %s' % (presets.describe_recipe(config), ', but ' + ', '.join(changed) if changed else '',
                                    os.path.join(config.run.model_dir, saved_config.NAME))
