"""What mode predict is given: image files, or a split of the model's own dataset."""
import dataclasses
import os

from blitznet_estimator.drivers import input_images
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.evaluation.image_names import Stems, image_name
from blitznet_estimator.evaluation.samples import sample_of
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset, split_names
from input_fn.image_files import Image, ImageFiles
from input_fn.pipeline import make_input_fn

ROLES = 'train', 'eval'  # splits by what they are for


def images_to_predict(config, flag='--input='):
    """The ImageFiles or SplitImages that config.run.input_paths names. Batches are no larger than there are images.

    Raises UserError where it names nothing. flag: what gave the names, for the message.
    """
    words = config.run.input_paths
    split = words[0] if len(words) == 1 and _may_be_split(words[0]) else ''
    if split:
        found = _source(config, split, flag)
        return SplitImages(config.with_batches_of(found.num_examples), found)
    paths = input_images.find(words, flag)
    return ImageFiles(config.with_batches_of(len(paths)), paths)


def _may_be_split(word):
    return not os.path.exists(word) and not input_images.is_url(word) and not any(character in word for character in '*?[/.')


def _source(config, word, flag):
    """The Source of a split of the model's dataset, by its name or its role."""
    data = dataclasses.replace(config.data, on_bad_record='error')  # what preparation left out stays out; the rest is not searched through
    if word in ROLES:
        return open_dataset(data, word)
    try:
        known = split_names(data)
    except UserError as error:
        raise UserError('%s%s: there is no such file or folder; and it is no split of the dataset %s, which cannot be opened: %s'
                        % (flag, word, data.dataset, error))
    if word not in known:
        raise UserError('%s%s: there is no such file or folder, and no such split of the dataset %s (%s).'
                        % (flag, word, data.dataset, listed(known, input_images.SHOWN)))
    return open_dataset(dataclasses.replace(data, eval_split=word), 'eval')


class SplitImages:
    """The images of a Source, in order. As `ImageFiles`; they are asked for in their order, each once."""

    files = ()  # they lie in records

    def __init__(self, config, source):
        self.input_fn = make_input_fn(config.replace(run=dict(eval_limit=0)), source, 'infer')  # which is of evaluations
        self.skipped = []
        self._source, self._samples, self._stems = source, read_samples(source), Stems()

    def __len__(self):
        return self._source.num_examples

    def pictures(self):
        """Yield (index, RGB uint8 [H, W, 3]) of each image, for engines outside of a graph."""
        return ((sample.source_id, sample.image()) for sample in read_samples(self._source))

    def image(self, index):
        """The Image of an index."""
        sample = sample_of(self._samples, index)
        return Image(image_name(sample), self._stems.of(sample), sample.image)
