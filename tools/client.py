"""Asks a server about pictures, and draws what it found. The server is tools.serve, or TensorFlow Serving with the same SavedModel.

  python -m tools.client --url=http://127.0.0.1:8501 street.jpg cat.png
  python -m tools.client --url=http://server:8501/v1/models/blitznet --output_dir=found --min_score=.3 *.jpg

Each picture is sent upright. A server that is busy is asked again when it says so. A picture that is refused, or that cannot be read, is skipped:
the exit code is 3 then. found.json holds what was found in the others. The lowest score of each class is the model's own, which
tools.serve tells. TensorFlow Serving tells none: there it is 0.25.
"""
import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.request

from blitznet_estimator import json_files, thresholds
from blitznet_estimator.config import OWN_SCORES
from blitznet_estimator.drivers import input_images
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.exit_codes import INCOMPLETE
from blitznet_estimator.logs import log
from tools import arguments

TRIES = 8  # of a server that is busy
MAX_WAIT_S = 30
BUSY = (429, 503)
REFUSED = (400, 413)  # this request; another picture may be taken
UNREADABLE = (OSError, http.client.HTTPException) + json_files.ERRORS  # what a connection, or an answer that is no JSON, raises
PICTURE = '.png'  # ending of the files


class Refused(UserError):
    """A picture that cannot be read, or that the server does not take."""


class Incomplete(UserError):
    """Some pictures were skipped."""

    exit_code = INCOMPLETE


def parse(argv):
    """Parsed and checked arguments."""
    parser = arguments.Parser('python -m tools.client', description=__doc__)
    parser.add_argument('pictures', nargs='+', help='files of pictures, folders or globs')
    parser.add_argument('--url', required=True, help='of the server, or of a model there: http://HOST:PORT/v1/models/NAME')
    parser.add_argument('--name', default='blitznet', help='of the model, where --url does not say it (default: blitznet)')
    parser.add_argument('--output_dir', default='runs/client', help='folder of the drawn pictures and of found.json (default: runs/client)')
    parser.add_argument('--min_score', type=float, default=OWN_SCORES, help='boxes below it are not drawn or printed; 0 keeps all (default: per '
                        'class what the model\'s evaluation found best, if the server tells it, else %g)' % thresholds.DEFAULT)
    parser.add_argument('--timeout_s', type=float, default=60, help='longest time to wait for an answer (default: 60)')
    args = parser.parse_args(argv)
    if not args.url.startswith(('http://', 'https://')):
        raise UserError('--url=%s is no address: it begins with http:// or https://.' % args.url)
    if args.min_score != OWN_SCORES and not 0 <= args.min_score <= 1:
        raise UserError('--min_score=%s is not in [0, 1].' % args.min_score)
    return args


def predict_url(url, name):
    """The address to send pictures to."""
    base = url.rstrip('/')
    if '/v1/' not in base:
        base += '/v1/models/' + name
    return base if base.endswith(':predict') else base + ':predict'


def ask(url, data, timeout_s, sleep=time.sleep):
    """The prediction of a server for the bytes of a JPEG or PNG file: {output: value}. Refused where it does not take them."""
    body = json.dumps({'instances': [{'image_bytes': {'b64': base64.b64encode(data).decode('ascii')}}]}).encode('ascii')
    for tries_left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, {'Content-Type': 'application/json'}), timeout=timeout_s) as answer:
                found = json.load(answer)['predictions'][0]
            if found.get('status', 'ok') != 'ok':
                raise Refused('%s says: %s.' % (url, found['status']))
            return found
        except urllib.error.HTTPError as error:
            if error.code not in BUSY or not tries_left:
                raise (Refused if error.code in REFUSED else UserError)('%s answers %d: %s' % (url, error.code, _told(error)))
            sleep(_seconds(error.headers.get('Retry-After')))
        except (LookupError, TypeError, AttributeError) + UNREADABLE as error:
            if isinstance(getattr(error, 'reason', None), (BrokenPipeError, ConnectionResetError)):  # while it was sent: a 413 can be lost so
                raise Refused('%s closed the connection before it had the whole picture, which may be too large for it.' % url)
            raise UserError('%s gives no prediction (%s): is it the address of a server with a model of this project?' % (url, error))


def own_scores(url, timeout_s):
    """{class: lowest score} that a server tells of the model at `url`, an address of `predict_url`; {} of one that tells nothing of it.

    tools.serve does, for its web page.
    """
    root, _, path = url.partition('/v1/')
    try:
        with urllib.request.urlopen(root + '/page/model.json', timeout=timeout_s) as answer:
            told = json.load(answer)
        return thresholds.valid({one['name']: one['min_score'] for one in told['classes']}) if told['predict'] == 'v1/' + path else {}
    except (LookupError, TypeError) + UNREADABLE:
        return {}


def _told(error):
    """What an answer that is an error says."""
    try:
        return json.loads(error.read().decode('utf-8'))['error']
    except (LookupError, TypeError) + UNREADABLE:
        return error.reason


def _seconds(text):
    return min(int(text[:9]), MAX_WAIT_S) if text and text.isdecimal() else 1


def detections(found, min_score, own):
    """[{'class', 'name', 'score', 'box'}] of a prediction, the best first; [] of a network without detection.

    Boxes are [ymin, xmin, ymax, xmax], fractions of the picture. min_score: as of the command line. own: as `own_scores` gives it.
    """
    if 'boxes' not in found:
        return []
    names = found['class_names']
    lowest = thresholds.lowest_scores(min_score, names, own)
    return [{'class': number, 'name': names[number], 'score': score, 'box': box}
            for _, number, score, box in zip(range(found['num_detections']), found['classes'], found['scores'], found['boxes'])
            if score >= lowest[number]]


def draw(pixels, found, boxes):
    """A picture with the mask and the boxes that were found in it, those of `detections`; pixels: RGB uint8 [H, W, 3]."""
    from blitznet_estimator import drawing
    from input_fn.datasets.images import decode_mask
    png = found.get('segmentation_png_bytes')
    mask = decode_mask(base64.b64decode(png['b64']), 'the mask of the server') if png else None
    places, classes, scores = ([one[key] for one in boxes] for key in ('box', 'class', 'score'))
    return drawing.draw(pixels, places, classes, scores, mask, found['class_names'][1:], min_score=0)


def _upright(path):
    """The bytes of a picture as they are sent: JPEG or PNG, upright. Refused where it cannot be read."""
    from input_fn.datasets.folders import read_bytes
    from input_fn.datasets.images import standard_image
    try:
        return standard_image(read_bytes(path), path)[0]
    except UserError as error:
        raise Refused(str(error))


def _look(args, url, own, path, drawn):
    """The detections of one picture, whose drawing is written to the file `drawn`. Refused where it has none."""
    from blitznet_estimator import drawing
    from input_fn.datasets.images import decode_image
    data = _upright(path)
    try:
        found = ask(url, data, args.timeout_s)
    except Refused as error:
        raise Refused('%s: %s' % (path, error))
    boxes = detections(found, args.min_score, own)
    drawing.save_picture(drawn, draw(decode_image(data, path), found, boxes))
    nothing = 'nothing' if 'boxes' in found else 'a mask'
    log.info('%s: %s -> %s', path, ', '.join('%s %.2f' % (one['name'], one['score']) for one in boxes) or nothing, drawn)
    return boxes


def main(argv):
    """Draw and print what a server finds; returns {picture: detections}. Incomplete where pictures were skipped."""
    args = parse(argv)
    paths = input_images.find(args.pictures, '')
    far = [path for path in paths if input_images.is_url(path)]
    if far:
        raise UserError('%s: only files are sent; load it first.' % far[0])
    from blitznet_estimator import files
    url, result, skipped, inputs = predict_url(args.url, args.name), {}, [], set(map(os.path.realpath, paths))
    own = own_scores(url, args.timeout_s) if args.min_score == OWN_SCORES else {}
    try:
        for path, name in zip(paths, input_images.unique_stems(paths)):
            drawn = os.path.join(args.output_dir, name + PICTURE)
            input_images.refuse_overwriting(drawn, args.output_dir, inputs)
            try:
                result[path] = _look(args, url, own, path, drawn)
            except Refused as error:
                skipped.append(path)
                log.warning('Skipped %s', error)
    finally:
        if result or skipped:
            files.write_json(os.path.join(args.output_dir, 'found.json'), result)
    if skipped:
        raise Incomplete('%d of %d pictures were skipped: %s.' % (len(skipped), len(paths), listed(skipped, input_images.SHOWN)))
    return result


if __name__ == '__main__':
    arguments.run(main)
