"""What a word of --input means where it is no image: a video file, one of the web, a camera, or a stream. OpenCV is not needed here."""
import glob
import os
from urllib.parse import unquote

from blitznet_estimator import urls
from blitznet_estimator.errors import UserError

EXTENSIONS = ('.avi', '.mkv', '.mov', '.mp4', '.webm')
LIVE_SCHEMES = ('rtsp', 'rtsps', 'rtmp', 'udp')


def is_camera(word):
    """Whether a word is the number of a camera. A file of that name comes first."""
    return word.isdecimal() and not os.path.exists(word)


def is_live(word):
    """Whether a word is a camera or a stream, which does not wait for who reads it."""
    return is_camera(word) or urls.parts(word).scheme in LIVE_SCHEMES


def is_video(word):
    """Whether a word is a video of any kind."""
    return is_live(word) or _extension(word) in EXTENSIONS and not os.path.isdir(word)


def find(words):
    """The videos that the words of --input name, each once, in their order; [] where they name images.

    A glob stands for the videos that it matches. Raises UserError for one that matches none, and for images beside videos.
    """
    videos = [word for word in words if is_video(word)]
    if not videos:
        return []
    if len(videos) < len(words):
        raise UserError('--input names a video, %s, and images, %s: predict them by two commands.'
                        % (shown(videos[0]), next(word for word in words if word not in videos)))
    live = [word for word in videos if is_live(word)]
    if live and len(words) > 1:
        raise UserError('--input=%s has no end of its own: predict it alone.' % shown(live[0]))
    return list(dict.fromkeys(path for word in videos for path in _expand(word)))


def shown(word):
    """A word as it may be printed and written: without the password of an address."""
    netloc = urls.parts(word).netloc
    return word.replace(netloc, netloc.rpartition('@')[2], 1) if '@' in netloc else word


def stem_of(word):
    """What the files are named by that are made of a video."""
    if is_camera(word):
        return 'camera%s' % word
    plain = unquote(urls.parts(word).path) if '://' in word else word
    return os.path.splitext(os.path.basename(plain.rstrip('/')))[0] or 'stream'


def _extension(word):
    return os.path.splitext(urls.parts(word).path if '://' in word else word)[1].lower()


def _expand(pattern):
    if '://' in pattern or os.path.isfile(pattern) or is_camera(pattern):
        return [pattern]
    found = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    if not found:
        raise UserError('--input=%s: no such video.' % pattern)
    return found
