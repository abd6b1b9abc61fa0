"""The TFDS builders, and the features that every prepared dataset has.

What a dataset consists of comes as a `plan.Plan`; only this module, `download` and `tfds_privates` take tensorflow_datasets, which takes seconds.
"""
import io
import os

from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.progress import Progress
from blitznet_estimator.runtime import tf
from input_fn.datasets import beam_chunks, chunks, tfds_privates
from input_fn.datasets import plan as plans
from input_fn.datasets.tfds import tensorflow_datasets as tfds

_KEY_BITS = 128


def features(class_names):
    """The features of one example; keys on disk are those of `formats.PREPARED`."""
    number = tfds.features.Tensor(shape=(), dtype=tf.int64)
    return tfds.features.FeaturesDict({
        'image': tfds.features.Image(shape=(None, None, 3)),
        'mask': tfds.features.Text(),  # PNG bytes; not an Image, which may not be empty
        'objects': tfds.features.Sequence({
            'bbox': tfds.features.BBoxFeature(), 'label': tfds.features.ClassLabel(names=list(class_names)),
            'is_difficult': number, 'is_crowd': number}),
        'filename': tfds.features.Text(), 'height': number, 'width': number, 'has_boxes': number, 'has_mask': number})


def encodable(example):
    """The dict of a `plan.Example` that TFDS encodes by `features`."""
    objects = [{'bbox': tfds.features.BBox(*(float(side) for side in box)), 'label': int(label),
                'is_difficult': int(difficult), 'is_crowd': int(crowd)}
               for box, label, difficult, crowd in zip(example.boxes, example.labels, example.difficult, example.crowd)]
    return {'image': io.BytesIO(example.image), 'mask': example.mask, 'objects': objects, 'filename': example.filename,
            'height': example.height, 'width': example.width,
            'has_boxes': int(example.has_boxes), 'has_mask': int(bool(example.mask))}


class PlanConfig(tfds.core.BuilderConfig):
    """A TFDS config that carries its Plan's classes and splits {name: SplitPlan}, and the folder of their chunks."""

    def __init__(self, plan, splits, chunks_folder):
        super().__init__(name=plan.config, version=plans.VERSION, description='Images with boxes and masks for BlitzNet.')
        self.class_names, self.splits, self.chunks_folder = plan.class_names, splits, chunks_folder


class _PlanBuilder(tfds.core.GeneratorBasedBuilder):
    """Writes the splits of its config's plan, each in the plan's order."""
    VERSION = tfds.core.Version(plans.VERSION)
    code_path = None  # its archives are there already, by `download` (4.9 would look for checksums with a package it doesn't require)

    def _info(self):
        config = self.builder_config
        return tfds.core.DatasetInfo(builder=self, description=config.description, features=features(config.class_names))

    def _split_generators(self, dl_manager):
        return [tfds.core.SplitGenerator(name=split, gen_kwargs={'split': split}) for split in self.builder_config.splits]

    def _generate_examples(self, split):
        split_plan = self.builder_config.splits[split]
        count = len(split_plan.items)
        spread = (1 << _KEY_BITS) // count  # keys over the whole range fill TFDS's buckets on disk evenly
        examples = chunks.examples(split_plan, os.path.join(self.builder_config.chunks_folder, split))
        progress = Progress('Preparing %s %s' % (self.name, split), count)
        for index, example in enumerate(progress.over(examples)):
            yield index * spread, encodable(example)


class Shapes(_PlanBuilder):
    """Drawn shapes."""


class Folder(_PlanBuilder):
    """A directory in VOC layout."""


class Yolo(_PlanBuilder):
    """A directory in YOLO layout."""


class Labelme(_PlanBuilder):
    """Files of LabelMe."""


class CityscapesMasks(_PlanBuilder):
    """Cityscapes."""


class DatumaroFormats(_PlanBuilder):
    """What the package datumaro reads."""


class VocMasks(_PlanBuilder):
    """PASCAL VOC, with the masks of SBD where the split has them."""


class CocoMasks(_PlanBuilder):
    """COCO, with masks painted from its instances."""


_BUILDERS = {builder.name: builder for builder in (Shapes, Folder, Yolo, Labelme, CityscapesMasks, DatumaroFormats, VocMasks, CocoMasks)}


def write(plan, splits, root, kept, data_config):
    """Prepare the dataset of a Plan with its splits {name: SplitPlan} under `root`, whole or not at all, by chunks in the folder `kept`."""
    unused = os.path.join(kept, 'downloads')  # TFDS makes its folder for downloads in any case
    if data_config.beam_runner:
        beam_chunks.make(splits, kept, data_config)
    with tfds_privates.quiet_and_in_order():
        builder = _BUILDERS[plan.dataset](data_dir=root, config=PlanConfig(plan, splits, kept))
        builder.download_and_prepare(download_dir=unused, download_config=tfds.download.DownloadConfig(
            try_download_gcs=False, compute_stats=tfds.download.ComputeStatsMode.SKIP))
    os.sync()  # TFDS flushes nothing, and whoever removes the chunks relies on what was made of them


def prepare_catalog_dataset(name, root, data_config):
    """Let TFDS download and prepare a dataset of its catalogue, 'name' or 'name/config', under `root`, with its own progress bars."""
    builder, beam = _catalog_builder(name, root), {}
    if data_config.beam_runner:
        beam_chunks.import_beam(data_config)
        beam = dict(beam_runner=data_config.beam_runner, beam_options=beam_chunks.beam_options(data_config))
    try:
        with tfds_privates.no_bucket(), tfds_privates.fail_fast():
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False, **beam))
    except Exception as error:  # whatever a dataset's code or the network raises
        raise UserError('tfds:%s cannot be prepared in %s (%s): prepare it with TFDS where there is a network, and name the folder by '
                        '--data_dir.' % (name, root, str(error).strip().split('\n')[0]))


def catalog_labels(name, root):
    """Names of the object labels of a dataset of TFDS's catalogue."""
    try:
        return tuple(_catalog_builder(name, root).info.features['objects'].feature['label'].names)
    except (KeyError, AttributeError):
        raise UserError('tfds:%s has no labelled boxes (objects/label): only datasets with boxes can be used.' % name)


def _catalog_builder(name, root):
    with tfds_privates.no_bucket():
        try:
            return tfds.builder(name, data_dir=root)
        except Exception as error:  # TFDS has several kinds for an unknown name or config
            base = name.split('/')[0]
            known = tfds.list_builders()
            raise UserError('tfds:%s cannot be opened%s' % (name, ': %s' % error if base in known else '. ' + nearest(base, known)))
