"""The chunks of a preparation, made by Apache Beam: on the cores of this machine, or on many machines that see the same folders.

Only who makes the chunks differs. The records that are prepared from them are equal.
"""
import contextlib
import functools
import io
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from input_fn.datasets import chunks
from input_fn.datasets.images import limit_pixels


def make(splits, folder, data_config, chunk=chunks.CHUNK):
    """Make the chunks that are missing of splits {name: SplitPlan}, each in the folder of its split in `folder`.

    An item that raises a UserError leaves its chunk out. Whoever reads the chunks makes that one, meets the error, and says it.

    Raises:
      UserError: Beam is not there, does not know the runner, or its pipeline fails.
    """
    beam, options = import_beam(data_config), beam_options(data_config)
    work = [(name, start, list(plan.items[start:stop])) for name, plan in sorted(splits.items())
            for start, stop in chunks.spans(plan, chunk) if len(chunks.read(chunks.path_of(os.path.join(folder, name), start))) < stop - start]
    for name in splits:
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    makers = {name: plan.with_items([]) for name, plan in splits.items()}
    log.info('Preparing %d images in %d parts by Apache Beam, with %s ...', sum(len(items) for _, _, items in work), len(work),
             data_config.beam_runner)
    make_one = functools.partial(_make_one, makers, os.path.abspath(folder), data_config.max_pixels)
    try:
        with beam.Pipeline(runner=data_config.beam_runner, options=options) as pipeline:
            pipeline | beam.Create(work) | beam.Reshuffle() | beam.Map(make_one)
    except Exception as error:  # whatever a runner raises
        raise UserError('--beam_runner=%s failed (%s: %s).' % (data_config.beam_runner, type(error).__name__, ' '.join(str(error).split())[:300]))


def _make_one(makers, folder, max_pixels, part):
    """Make one chunk, in a process of a runner. part: (split, index of the first item, items)."""
    split, start, items = part
    limit_pixels(max_pixels)
    plan = makers[split].with_items(items)
    try:
        for _ in chunks.make(plan, 0, len(items), chunks.path_of(os.path.join(folder, split), start)):
            pass
    except UserError:
        pass


def import_beam(data_config):
    """The package apache_beam."""
    try:
        import apache_beam
    except ImportError:
        raise UserError('--beam_runner=%s needs the package apache-beam: pip install -r requirements-data.txt with Python 3.11 or newer. '
                        'What is prepared there is trained on without it.' % data_config.beam_runner)
    return apache_beam


def beam_options(data_config):
    """Beam's PipelineOptions of --beam_options. UserError for a value that it does not take."""
    from apache_beam.options.pipeline_options import PipelineOptions
    options, said = PipelineOptions(['--' + option for option in data_config.beam_options]), io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options.get_all_options()
    except SystemExit:  # of argparse
        raise UserError('--beam_options=%s: %s.' % (','.join(data_config.beam_options), said.getvalue().strip().rpartition('error: ')[2]))
    return options
