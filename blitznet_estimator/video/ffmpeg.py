"""H.264 by the program that the package imageio-ffmpeg brings: OpenCV's own build has no encoder of it."""
import fractions
import subprocess
import tempfile

from blitznet_estimator.errors import UserError

MOST_TICKS = 1001  # of the denominator of a rate: those of television are n/1001
SHOWN = 300  # characters of what the program says


class FfmpegWriter:
    """Writes frames, as cv2.VideoWriter. size: (width, height), both even."""

    def __init__(self, path, rate, size):
        import imageio_ffmpeg
        self._path, self._said = path, tempfile.TemporaryFile()
        rate = fractions.Fraction(rate).limit_denominator(MOST_TICKS)
        command = [imageio_ffmpeg.get_ffmpeg_exe(), '-y', '-loglevel', 'error', '-f', 'rawvideo', '-pix_fmt', 'bgr24', '-s', '%dx%d' % size,
                   '-r', str(rate), '-i', '-', '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-movflags', '+faststart', path]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._said,
                                         start_new_session=True)  # Ctrl-C is for this process, which then ends the file

    def write(self, pixels):
        """Add a frame."""
        try:
            self._process.stdin.write(pixels.tobytes())
        except OSError:
            self._fail()

    def release(self):
        """Complete the file. UserError where the program failed."""
        try:
            self._process.stdin.close()
        except OSError:  # it is gone; its code says so
            pass
        if self._process.wait():
            self._fail()
        self._said.close()

    def _fail(self):
        self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode('utf-8', 'replace').strip()
        raise UserError('%s cannot be written (%s).' % (self._path, said[-SHOWN:] or 'FFmpeg failed'))
