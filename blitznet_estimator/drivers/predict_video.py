"""Mode predict for videos: per video the files that --save asks for (see `video_forms.py`), and a line that says what was found."""
import collections
import contextlib
import os
import threading
import time

from blitznet_estimator import files
from blitznet_estimator.drivers import input_images
from blitznet_estimator.drivers.background import Background
from blitznet_estimator.drivers.video_forms import FORMS, Target
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.progress import Progress
from blitznet_estimator.stop_request import StopRequest
from blitznet_estimator.version import VERSION
from blitznet_estimator.video import codecs, words
from blitznet_estimator.video.sources import open_source

VIDEOS = 'videos.json'
WAITING = 'The video is completed with the frames so far. A second signal ends at once, without it.'
_Place = collections.namedtuple('_Place', 'folder stem inputs')  # of a video's files; inputs: real paths of all videos that are predicted


def run(config, videos, model):
    """Predict videos, as `words.find` gives them; returns what is in videos.json, {'info', 'videos', 'categories', 'skipped'}, and 'folder'.

    A video that cannot be read, or not to its end, is in 'skipped'; the caller's exit code says so. A live source ends well by a signal. A
    file ends by it with `stop_request.Stopped`, once what was predicted is written.

    Args:
      model: of the Python API, with colours as BGR.
    """
    folder = config.run.output_dir or os.path.join(config.run.model_dir, 'predictions')
    head = {'info': {'model': model.path, 'version': VERSION, 'min_scores': model.min_scores}, 'videos': [],
            'categories': [{'id': number, 'name': name} for number, name in enumerate(model.class_names, 1)], 'skipped': []}
    inputs = {os.path.realpath(word) for word in videos if '://' not in word}
    try:
        with StopRequest(lambda: 'What was predicted until then is in %s.' % folder, WAITING) as stop:
            for word, stem in zip(videos, input_images.unique(map(words.stem_of, videos))):
                _predict(config, word, _Place(folder, stem, inputs), model, head, stop)
    finally:
        files.write_json(os.path.join(folder, VIDEOS), head)
    log.info('The results are in %s', folder)
    return dict(head, folder=folder)


def _predict(config, word, place, model, head, stop):
    """Predict one video, and note it in `head`."""
    try:
        opened = open_source(word, config.run.video_stride, config.data.max_pixels)
    except UserError as error:
        _skip(config, word, str(error), head)
        return
    with opened as source:
        try:
            head['videos'].append(_record(config, place, source, model, stop))
        finally:
            stop.cancel()
        if source.problem:
            _skip(config, word, source.problem, head)
        if stop.number is not None and not source.is_live:
            stop.release()


def _skip(config, word, problem, head):
    if config.data.on_bad_record == 'error' or words.is_live(word):
        raise UserError(problem)
    head['skipped'].append({'file_name': words.shown(word), 'problem': problem})
    log.warning('%s', problem)


def _record(config, place, source, model, stop):
    """Write what is found in a source until it ends, or a signal comes; returns what videos.json says of it."""
    run, rate = config.run, source.rate if source.is_live else source.rate / source.stride
    target = Target(place.stem, source.height, source.width, rate, source.is_live, codecs.CODECS[run.video_codec])
    options = {'line_width': run.line_width, 'text_size': run.text_size}
    with files.unpublished(os.path.join(place.folder, place.stem)) as temporary:
        os.makedirs(temporary)
        forms = [FORMS[name](lambda name: _new_file(place, temporary, name), target, options) for name in dict.fromkeys(run.save)]
        tally = _Tally(source, forms)
        try:
            _each_frame(source, model, tally.add, config.run.progress)
        except KeyboardInterrupt:
            pass
        except BaseException:
            tally.abandon()
            raise
        stop.defer()  # what is there is completed
        entry = tally.finish()
        if entry['frames']:
            files.publish_entries(temporary, place.folder, '.jsonl')
    log.info('%s', tally.summary())
    return entry


def _new_file(place, temporary, name):
    """The path of a new file; UserError where it would take the place of a video that is predicted."""
    input_images.refuse_overwriting(os.path.join(place.folder, name), place.folder, place.inputs)
    return os.path.join(temporary, name)


def _each_frame(source, model, consume, shows_progress):
    """Call consume(frame) for what is found in each frame, on a thread beside the network."""
    total = None if source.count is None else -(-source.count // source.stride)
    with Progress('Predicting %s' % source.name, total, enabled=shows_progress, unit='frames') as progress, Background() as background:
        for frame in model.video(source):
            background.submit(consume, frame)
            progress.advance()


class _Tally:
    """Hands frames to the forms, and counts them."""

    def __init__(self, source, forms):
        self._source, self._forms, self._count, self._classes = source, forms, 0, collections.Counter()
        self._start, self._lock = time.monotonic(), threading.Lock()  # a signal may come while the other thread still adds

    def add(self, frame):
        """One frame more."""
        with self._lock:
            for form in self._forms:
                form.add(frame)
            self._count += 1
            self._classes.update(set(frame.result.names))

    def finish(self):
        """Complete the files; returns what videos.json says."""
        source, entry = self._source, {}
        with self._lock:
            for form in self._forms:
                entry.update(form.close())
        self._seconds = time.monotonic() - self._start
        return dict(entry if self._count else {}, file_name=source.name, width=source.width, height=source.height, rate=source.rate,
                    stride=source.stride, frames=self._count, frames_read=source.read, seconds=round(self._seconds, 3))

    def abandon(self):
        """Close the files, of which nothing is kept."""
        with self._lock:
            for form in self._forms:
                with contextlib.suppress(Exception):  # another one is raised already
                    form.close()

    def summary(self):
        """One line."""
        source, count = self._source, self._count
        found = ', '.join('%s in %d' % item for item in self._classes.most_common()) or 'nothing'
        of = ' of %d' % source.read if count != source.read else ''
        return '%s: %d%s frames of %d x %d at %s per second; %s (%.1f s, %.1f frames/s)' % (
            source.name, count, of, source.width, source.height, '%.5g' % source.rate if source.rate else 'an unknown number', found,
            self._seconds, count / max(self._seconds, 1e-9))
