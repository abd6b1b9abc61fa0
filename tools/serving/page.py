"""The web page at /: its files, what it must know of the model, and the samples that whoever runs the server chose for it.

Nothing of the disk is served but the files of `static`, which are read when the application is made.
"""
import os
from urllib.parse import quote

import flask

from blitznet_estimator import thresholds
from blitznet_estimator.colors import MAX_COLORS, WHITE, palette, text_color
from blitznet_estimator.config import OWN_SCORES
from tools.serving import json_text, rest
from tools.serving.errors import ApiError

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'static')
INDEX = 'index.html'
PICTURES, BOXES, MASK = 'image_bytes', 'boxes', 'segmentation_png_bytes'  # the input and the outputs that the page is made for
_TYPES = {'.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml'}
# Pictures are those of the server, and blob: those that the user drops and that the camera gives.
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                               "require-trusted-types-for 'script'",
    'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Resource-Policy': 'same-origin', 'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': 'camera=(self), microphone=(), geolocation=(), display-capture=(), usb=()', 'X-Frame-Options': 'DENY'}


def add_routes(app, service, samples):
    """Give a Flask application the routes of the page. samples: JPEG bytes of each."""
    files = _read_files()

    def sample(number):
        return _answer(samples[number], 'image/jpeg') if number < len(samples) else flask.abort(404)

    app.add_url_rule('/', 'page', lambda: _answer(files[INDEX], _TYPES['.html']))
    app.add_url_rule('/page/<name>', 'page_file', lambda name: _answer(files[name], _type(name)) if name in files else flask.abort(404))
    app.add_url_rule('/page/model.json', 'page_model', lambda: _model(service, len(samples)))
    app.add_url_rule('/page/samples/<int:number>', 'page_sample', sample)


def _read_files():
    """{name: bytes} of the page's files."""
    found = {}
    for name in sorted(os.listdir(FOLDER)):
        if os.path.splitext(name)[1] in _TYPES:
            with open(os.path.join(FOLDER, name), 'rb') as file:
                found[name] = file.read()
    return found


def _type(name):
    return _TYPES[os.path.splitext(name)[1]]


def _answer(data, mimetype, code=200):
    return flask.Response(data, code, HEADERS, mimetype=mimetype)


def _model(service, num_samples):
    """The JSON of what the page must know."""
    try:
        with service.versions.lent(name=service.name) as version:
            told = described(service, version)
    except ApiError as error:  # no version is served
        return _answer(json_text.write({'error': str(error)}), 'application/json', error.code)
    return _answer(json_text.write(dict(told, samples=num_samples)), 'application/json')


def described(service, version):
    """What the page is told of a version of the model, to show it, and to send pictures that the server takes."""
    model = version.model
    signature = model.signatures.get(rest.DEFAULT_SIGNATURE)
    inputs, outputs = (list(signature.inputs), list(signature.outputs)) if signature else ([], [])
    known, bounds = model.metadata, service.bounds
    return {
        'name': service.name, 'version': str(version.number), 'predict': 'v1/models/%s:predict' % quote(service.name, safe=''),
        'takes_pictures': inputs == [PICTURES] and bool({BOXES, MASK} & set(outputs)), 'has_boxes': BOXES in outputs, 'has_masks': MASK in outputs,
        'preset': known.get('preset', ''), 'step': known.get('global_step'), 'side': known.get('image_size'),
        'classes': _classes(known.get('class_names', [])[1:], thresholds.valid(known.get('min_scores'))), 'default_min_score': thresholds.DEFAULT,
        'colors': _colors(),
        'max_pixels': min(bounds.max_pixels, known.get('max_pixels') or bounds.max_pixels), 'max_body': bounds.max_body}


def _colors():
    """['#rrggbb', whether text on it is white] of each class, from the background on, as reports and drawn pictures have them."""
    return [['#%02x%02x%02x' % tuple(color), text_color(color) == WHITE] for color in palette(MAX_COLORS + 1).tolist()]


def _classes(names, own):
    """[{'name', 'min_score'}] of the classes, from 1 on. own: {name: score} that the model's evaluation found best."""
    scores = thresholds.lowest_scores(OWN_SCORES, names, own)
    return [{'name': name, 'min_score': float(score)} for name, score in zip(names, scores)]
