"""Codecs of videos that are written: an entry of CODECS is a name of --video_codec. OpenCV is not needed here."""
import collections
import importlib.util

from blitznet_estimator.errors import UserError

FFMPEG = 'imageio_ffmpeg'  # the package that brings a program with an encoder of H.264
# ending: of files. fourcc: OpenCV's name of it; None: FFmpeg's program writes it.
Codec = collections.namedtuple('Codec', 'ending fourcc')
CODECS = {'vp8': Codec('.webm', 'VP80'),  # every browser plays it
          'mp4v': Codec('.mp4', 'mp4v'),  # fast, and for players
          'h264': Codec('.mp4', None)}
LOSSLESS = Codec('.mkv', 'FFV1')  # pixels are read as they were written, as masks must be


def check(name):
    """UserError where the codec of a name cannot be written here."""
    if CODECS[name].fourcc is None and importlib.util.find_spec(FFMPEG) is None:
        raise UserError('--video_codec=%s needs the package imageio-ffmpeg: run "pip install -r requirements-video.txt". The others need nothing.'
                        % name)
