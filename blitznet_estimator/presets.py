"""Presets and recipes: what `--preset` and `--recipe` set. An explicit flag wins over each of it.

A preset is a network and how it is trained. Where the data set decides the schedule, `SCHEDULES` has it. A recipe changes how any preset is trained.
"""
import dataclasses
from typing import Tuple

from blitznet_estimator.config import Config


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long to train, and when the learning rate drops to a tenth."""
    name: str  # of the data it was published for
    train_steps: int
    lr_decay: Tuple[int, ...]
    source: str


VOC12 = Schedule('VOC 2012', 40000, (25000, 35000), 'the published VOC 2012 training')
# The first beginning of a dataset's name that fits decides. Other data are trained as VOC 2012.
SCHEDULES = (
    ('voc07+12', Schedule('VOC 2007 and 2012', 65000, (40000, 50000), 'the README of the public BlitzNet code')),
    ('voc', VOC12),
    ('coco', Schedule('COCO', 700000, (400000, 550000), 'arXiv 1708.02813, section 4, not checked against its text')),
    ('', VOC12),
)
PUBLISHED = dict(data=dict(batch_size=32), train=dict(optimizer='adam', learning_rate=1e-4))  # arXiv 1708.02813, section 4

PRESETS = {
    'tiny': dict(
        network=dict(trunk='tiny', image_size=128, x4=True, top_fm=128, det_kernel=1, n_base_channels=48),
        data=dict(batch_size=16, zoomout_prob=0., scale_jitter=(.7, 2.)),  # zoomed out, objects would be a few pixels
        train=dict(train_steps=1600, learning_rate=4e-3, lr_decay=(1120, 1480), clip_gradients=10.)),
    'lite0': dict(
        network=dict(trunk='lite0', image_size=320, x4=True, top_fm=128, det_kernel=1, n_base_channels=48),
        data=dict(batch_size=16),
        train=dict(train_steps=4000, learning_rate=1e-3, lr_decay=(3000, 3700))),
    'mobile': dict(
        network=dict(trunk='mobilenet_v2', image_size=320, x4=True, top_fm=128, det_kernel=1, n_base_channels=48),
        data=dict(batch_size=16),
        train=dict(train_steps=4000, learning_rate=1e-3, lr_decay=(3000, 3700))),
    'resnet18': dict(
        network=dict(trunk='resnet18', image_size=320, x4=True, top_fm=256, det_kernel=1, n_base_channels=48),
        data=dict(batch_size=16),
        train=dict(train_steps=4000, learning_rate=1e-3, lr_decay=(3000, 3700))),
    'blitznet300': dict(PUBLISHED, network=dict(trunk='resnet50', image_size=300, x4=True)),
    'blitznet512': dict(PUBLISHED, network=dict(trunk='resnet50', image_size=512, x4=False)),
    'ssd300': dict(PUBLISHED, network=dict(trunk='vgg16', image_size=300, x4=False, segment=False)),
}
DEFAULT = 'tiny'
RECIPES = {
    'published': {},  # as the presets are
    'modern': dict(  # what docs/training.md shows to help
        data=dict(scale_jitter=(.7, 2.)),
        train=dict(ema_decay=.998, clip_gradients=10.)),
}
# What a preset or a recipe sets of augmentation, and what is given in its place: (field, whether it is on).
_IN_PLACE_OF = {('augment', False): dict(scale_jitter=(), mosaic=0.), ('zoomout_prob', True): dict(scale_jitter=())}
_SCALED = 'train_steps', 'warmup_step', 'lr_decay'  # of TrainConfig: numbers of steps


def schedule(preset, dataset):
    """The Schedule that a preset is trained by on a dataset (its name); None where the preset has its own."""
    if 'train_steps' in PRESETS[preset]['train']:
        return None
    return next(found for beginning, found in SCHEDULES if dataset.startswith(beginning))


def preset_config(name, **sections):
    """The Config of preset `name`, with `sections` as in Config.replace. Its schedule is that of the dataset in them, its recipe the one there."""
    recipe = RECIPES[sections.get('train', {}).get('recipe', Config().train.recipe)]
    config = Config().replace(**PRESETS[name]).replace(network=dict(preset=name)).replace(**recipe)
    found = schedule(name, sections.get('data', {}).get('dataset', config.data.dataset))
    if found:
        config = config.replace(train=dict(train_steps=found.train_steps, lr_decay=found.lr_decay))
    return with_given(config, sections)


def with_given(config, sections):
    """`config` with the given values, {section: {field: value}}. They win over what a preset or a recipe has of another augmentation, too."""
    for field, value in sections.get('data', {}).items():
        config = config.replace(data=_IN_PLACE_OF.get((field, bool(value)), {}))
    return config.replace(**sections)


def scaled_schedule(config):
    """`config` with its numbers of steps converted from the preset's batch size to config.data.batch_size, in whole loops."""
    factor = PRESETS[config.network.preset]['data']['batch_size'] / config.data.batch_size
    loop = config.run.iterations_per_loop

    def convert(steps):
        return max(int(round(steps * factor / loop)), 1) * loop if steps else 0
    values = {name: getattr(config.train, name) for name in _SCALED}
    return config.replace(train={name: tuple(map(convert, value)) if isinstance(value, tuple) else convert(value)
                                 for name, value in values.items()})


def ill_timed_drops(config):
    """What is wrong, and what to give, where the recipe's drops of the learning rate do not go with config.train.train_steps; '' where they do."""
    recipe = preset_config(config.network.preset, data=dict(dataset=config.data.dataset)).train
    steps, drops = config.train.train_steps, recipe.lr_decay
    missed = [step for step in drops if step >= steps]
    if missed:
        what = 'ends before the learning rate drops at %s' % _steps(missed)
    elif drops and steps > recipe.train_steps:
        what = 'outlives the drops of the learning rate: the last %d steps are at %g of it' % (steps - drops[-1], .1 ** len(drops))
    else:
        return ''
    length = '--epochs=%g, %d steps,' % (config.train.epochs, steps) if config.train.epochs else '--train_steps=%d' % steps
    fitting = sorted({step * steps // recipe.train_steps for step in drops})
    return '%s %s, as the recipe has it (--lr_decay=%s). Give --lr_decay=%s, at the same parts of the training, or --lr_decay= for none.' % (
        length, what, _steps(drops), _steps(step for step in fitting if step > config.train.warmup_step))


def recipe_of(config):
    """The Config of the preset and the dataset of `config`, with its steps scaled where those of `config` are."""
    recipe = preset_config(config.network.preset, data=dict(dataset=config.data.dataset), train=dict(recipe=config.train.recipe))
    if not config.train.scale_schedule:
        return recipe
    return scaled_schedule(recipe.replace(data=dict(batch_size=config.data.batch_size), train=dict(scale_schedule=True), run=dict(
        iterations_per_loop=config.run.iterations_per_loop)))


def describe_recipe(config):
    """Which recipe a training follows, and where it is from."""
    preset, found = config.network.preset, schedule(config.network.preset, config.data.dataset)
    kind = '' if config.train.recipe == Config().train.recipe else config.train.recipe + ' '
    text = 'the %srecipe of %s%s' % (kind, preset, ' on %s (%s)' % (found.name, found.source) if found else '')
    return text + (', its steps scaled to the batch size' if config.train.scale_schedule else '')


def _steps(steps):
    return ','.join(map(str, steps))
