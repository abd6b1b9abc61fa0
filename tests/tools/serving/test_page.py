"""The web page without a browser: its routes and headers, what it is told of the model, and what must hold of its files."""
import json
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import wait
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('prometheus_client')
from blitznet_estimator.colors import class_color  # noqa: E402
from blitznet_estimator.config import Config  # noqa: E402
from blitznet_estimator.errors import UserError  # noqa: E402
from tests.paths import ROOT  # noqa: E402
from tools.serving import page, samples  # noqa: E402
from tools.serving.app import create_app  # noqa: E402
from tools.serving.service import Service  # noqa: E402

FOLDER = os.path.join(ROOT, 'tools', 'serving', 'static')
NAMES = sorted(os.listdir(FOLDER))
SCRIPTS = [name for name in NAMES if name.endswith('.js')]
SAMPLES = [b'first', b'second']


def text(name):
    with open(os.path.join(FOLDER, name), encoding='utf-8') as file:
        return file.read()


@pytest.fixture(scope='module', name='base')
def described_model(half_plus_two, tmp_path_factory):
    """A model that tells of classes and their own lowest scores, as exports of this project do."""
    base = str(tmp_path_factory.mktemp('described') / 'base')
    shutil.copytree(half_plus_two, base)
    extra = os.path.join(base, '123', 'assets.extra')
    os.makedirs(extra)
    told = {'class_names': ['background', 'disc', 'box'], 'min_scores': {'box': .4}, 'preset': 'tiny', 'global_step': 7, 'max_pixels': 1000}
    with open(os.path.join(extra, 'metadata.json'), 'w') as file:
        json.dump(told, file)
    return base


@pytest.fixture(scope='module', name='service')
def service_of_the_model(base):
    service = Service('a model', base, max_batch=4, batch_wait_s=0, max_queue=10, timeout_s=60)
    service.versions.refresh()
    yield service
    service.close()


@pytest.fixture(scope='module', name='client')
def client_of_the_service(service):
    return create_app(service, SAMPLES).test_client()


# Routes

@pytest.mark.parametrize('path, kind', [('/', 'text/html'), ('/page/main.js', 'text/javascript'), ('/page/style.css', 'text/css'),
                                        ('/page/icon.svg', 'image/svg+xml'), ('/page/model.json', 'application/json'),
                                        ('/page/samples/1', 'image/jpeg')])
def test_each_part_has_its_type_and_all_safe_headers(client, path, kind):
    answer = client.get(path)
    assert answer.status_code == 200 and answer.content_type.split(';')[0] == kind
    policy = dict(part.strip().split(' ', 1) for part in answer.headers['Content-Security-Policy'].split(';'))
    assert policy['default-src'] == policy['base-uri'] == policy['form-action'] == policy['frame-ancestors'] == "'none'"
    assert policy['script-src'] == policy['style-src'] == policy['connect-src'] == "'self'"
    assert 'unsafe' not in str(policy) and 'http' not in str(policy) and 'data:' not in str(policy)
    assert answer.headers['X-Content-Type-Options'] == 'nosniff' and answer.headers['X-Frame-Options'] == 'DENY'
    assert answer.headers['Referrer-Policy'] == 'no-referrer' and answer.headers['Cross-Origin-Resource-Policy'] == 'same-origin'
    assert 'camera=(self)' in answer.headers['Permissions-Policy'] and 'Access-Control-Allow-Origin' not in answer.headers


def test_each_file_is_served_as_it_is(client):
    for name in NAMES:
        assert client.get('/page/' + name).get_data() == text(name).encode('utf-8')
    assert client.get('/').get_data() == text(page.INDEX).encode('utf-8')
    assert client.get('/page/samples/0').get_data() == SAMPLES[0]


@pytest.mark.parametrize('path', ['/page/', '/page/none.js', '/page/../page.py', '/page/%2e%2e/page.py', '/page/..%2fpage.py', '/static/main.js',
                                  '/page/samples/2', '/page/samples/-1', '/page/samples/', '/page/samples/0/..', '/index.html', '/favicon.ico'])
def test_nothing_else_is_there(client, path):
    answer = client.get(path)
    assert answer.status_code == 404 and answer.get_data() == b'404 Not Found\n'


@pytest.mark.parametrize('path', ['/', '/page/main.js', '/page/model.json', '/page/samples/0'])
def test_it_can_only_be_read(client, path):
    assert client.post(path).status_code == 405


def test_what_the_page_is_told(client):
    told = client.get('/page/model.json').json
    assert told['version'] == '123' and told['samples'] == 2 and (told['preset'], told['step']) == ('tiny', 7)
    assert told['predict'] == 'v1/models/a%20model:predict' and client.post('/' + told['predict'], data='{"instances": [2]}').json == {
        'predictions': [3.0]}
    assert told['classes'] == [{'name': 'disc', 'min_score': .25}, {'name': 'box', 'min_score': .4}] and told['default_min_score'] == .25
    assert told['max_pixels'] == 1000 and not told['takes_pictures']
    assert [color for color, _ in told['colors']] == [class_color(number) for number in range(256)]
    assert told['colors'][4][1] and not told['colors'][2][1]  # white on dark green, black on light green


def test_a_model_of_this_project_takes_pictures(export):
    service = Service('m', export, max_batch=1, batch_wait_s=0, max_queue=1, timeout_s=60)
    service.versions.refresh()
    app = create_app(service)  # its answers read JSON by it, as long as it is there
    told = app.test_client().get('/page/model.json').json
    service.close()
    assert told['takes_pictures'] and told['has_boxes'] and told['has_masks'] and told['samples'] == 0 and told['side'] == 64


def test_no_version_is_told_in_words(base):
    service = Service('m', base, max_batch=1, batch_wait_s=0, max_queue=1, timeout_s=60)
    app = create_app(service)
    answer = app.test_client().get('/page/model.json')
    assert answer.status_code == 404 and 'Servable not found' in answer.json['error']
    service.close()


def test_the_times_of_a_prediction(client, service, monkeypatch):
    def submit_and_wait(*args):  # the model has answered before the thread of the request goes on
        future = submit(*args)
        wait([future])
        return future

    submit = service.batcher.submit
    monkeypatch.setattr(service.batcher, 'submit', submit_and_wait)
    monkeypatch.setattr(service.batcher, '_observe', lambda name, value: time.sleep(.02))
    told = client.post('/v1/models/a%20model:predict', data='{"instances": [2]}').headers['Server-Timing']
    times = {name: float(value) for name, value in re.findall(r'(\w+);dur=([\d.]+)', told)}
    assert list(times) == ['read', 'queue', 'model', 'write', 'total'] and times['model'] >= 40
    assert sum(times.values()) - times['total'] <= times['total'] + .3  # none is told twice; .3 is what rounding may add
    assert 'Server-Timing' not in client.post('/v1/models/a%20model:predict', data='{}').headers


# Samples

def picture(path, height=30, width=40, value=0):
    cv2.imwrite(str(path), np.full((height, width, 3), value, np.uint8))


def test_samples_are_spread_over_what_is_named_and_are_small(tmp_path):
    for number in range(45):
        picture(tmp_path / ('%02d.png' % number), value=number)
    picture(tmp_path / '45.png', 2000, 500, 45)
    (tmp_path / 'secret.txt').write_text('secret')
    found = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in samples.load([str(tmp_path)], str(tmp_path))]
    assert len(found) == samples.MOST and [int(image.mean().round()) for image in found] == [0, 4, 8, 12, 16, 20, 25, 29, 33, 37, 41, 45]
    assert found[0].shape == (30, 40, 3) and found[-1].shape == (1024, 256, 3)


def test_a_picture_that_cannot_be_read_is_no_sample(tmp_path):
    picture(tmp_path / 'a.png')
    (tmp_path / 'b.png').write_bytes(b'damaged')
    assert len(samples.load([str(tmp_path)], str(tmp_path))) == 1
    with pytest.raises(UserError, match='--samples=.*b.png: none of the pictures there can be read'):
        samples.load([str(tmp_path / 'b.png')], str(tmp_path))
    with pytest.raises(UserError, match='--samples=nowhere: there is no such file or folder'):
        samples.load(['nowhere'], str(tmp_path))


def test_a_split_is_one_of_the_dataset_that_the_export_names(tmp_path):
    config = Config().replace(data=dict(dataset='folder', data_dir=str(tmp_path / 'nowhere')))
    (tmp_path / '7').mkdir()
    (tmp_path / '7' / 'export.json').write_text(json.dumps({'config': json.loads(config.to_json())}))
    with pytest.raises(UserError, match='--samples=val: .* the dataset folder, which cannot be opened'):
        samples.load(['val'], str(tmp_path))


# Files

def test_the_files_are_few_and_small():
    sizes = {name: os.path.getsize(os.path.join(FOLDER, name)) for name in NAMES}
    assert sum(sizes.values()) < 100000 and max(sizes.values()) < 20000, sizes
    assert {os.path.splitext(name)[1] for name in NAMES} == {'.html', '.css', '.js', '.svg'}
    assert all(len(text(name).splitlines()) < 350 for name in NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_nothing_comes_from_outside_or_is_inline(name):
    """Content-Security-Policy would stop it; the page must not need it."""
    content = text(name).replace('xmlns="http://www.w3.org/2000/svg"', '')
    assert not re.search(r'\w+://|(?:src|href)="//|@import|url\(', content)
    assert not re.search(r'\sstyle=|<style|\son\w+="|javascript:|<script(?![^>]*\ssrc=)', content)
    assert not re.search(r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|cssText|setAttribute\(.style', content)


def test_every_file_is_used_and_every_name_that_is_imported_is_there():
    used = {page.INDEX} | set(re.findall(r'(?:src|href)="page/([\w.]+)"', text(page.INDEX)))
    for name in SCRIPTS:
        for names, source in re.findall(r"import (?:\{([^}]*)\}|\* as \w+) from '\./([\w.]+)';", text(name)):
            used.add(source)
            for one in filter(None, re.split(r'[\s,]+', names)):
                assert re.search(r'export (?:async )?(?:function|const|class) %s\b' % one, text(source)), (name, one)
        assert text(name).count('import ') == len(re.findall(r"^import .* from '\./[\w.]+';$", text(name), re.MULTILINE)), name
    assert used == set(NAMES)


@pytest.mark.skipif(not shutil.which('node'), reason='node reads the scripts')
def test_the_scripts_can_be_read(tmp_path):
    for name in SCRIPTS:  # as modules, whose names end in .mjs
        shutil.copy(os.path.join(FOLDER, name), str(tmp_path / name.replace('.js', '.mjs')))
    for path in tmp_path.iterdir():
        done = subprocess.run(['node', '--check', str(path)], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr


class Elements(HTMLParser):
    """The elements of a page: (tag, {attribute: value}, [tags around it], text within)."""

    def __init__(self, content):
        super().__init__()
        self.found, self._open = [], []
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        """As HTMLParser's."""
        element = [tag, dict(attrs), [one[0] for one in self._open], '']
        self.found.append(element)
        if tag not in ('meta', 'link', 'input', 'img', 'path', 'rect', 'circle', 'br'):
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        """As HTMLParser's, of <path/>."""
        self.found.append([tag, dict(attrs), [one[0] for one in self._open], ''])

    def handle_endtag(self, tag):
        """As HTMLParser's; what is not closed in order is an error."""
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        """As HTMLParser's."""
        for element in self._open:
            element[3] += data


@pytest.fixture(scope='module', name='elements')
def elements_of_the_page():
    return Elements(text(page.INDEX)).found


def test_every_control_has_a_name(elements):
    labelled = {attributes.get('for') for tag, attributes, _, _ in elements if tag == 'label'}
    controls = 0
    for tag, attributes, around, words in elements:
        if tag in ('input', 'textarea', 'select'):
            controls += 1
            assert attributes['id'] in labelled or 'label' in around or attributes.get('aria-label'), attributes
        if tag in ('button', 'a'):
            controls += 1
            assert attributes.get('aria-label') or words.strip(), attributes
            assert tag == 'a' or attributes['type'] == 'button', attributes
        if tag in ('img', 'svg'):
            assert 'alt' in attributes or attributes.get('aria-hidden') == 'true', attributes
        if tag in ('section', 'aside', 'dialog'):
            assert attributes.get('aria-label') or attributes.get('aria-labelledby'), attributes
    assert controls > 20


def test_the_page_says_its_language_and_what_changes(elements):
    tags = [tag for tag, _, _, _ in elements]
    assert tags.count('h1') == tags.count('main') == 1 and elements[0][0] == 'html' and elements[0][1]['lang'] == 'en'
    assert {attributes.get('aria-live') for _, attributes, _, _ in elements} >= {'polite'}
    assert any(attributes.get('role') == 'alert' for _, attributes, _, _ in elements)


def test_ids_are_unique_and_every_one_that_is_named_is_there(elements):
    ids = [attributes['id'] for _, attributes, _, _ in elements if 'id' in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes[key] for _, attributes, _, _ in elements for key in ('for', 'aria-labelledby') if key in attributes}
    for name in SCRIPTS:
        named |= set(re.findall(r"(?<![\w.])(?:byId|dialog|on|toggle|write)\('([\w-]+)'", text(name)))
        for arguments in re.findall(r'\bshow\(([^;]*)\);', text(name)):
            named |= set(re.findall(r"'([\w-]+)'", arguments)) - {'waiting', 'working', 'busy', 'failed'}
    assert named <= set(ids) and len(named) > 50, named - set(ids)


def test_both_colour_schemes_have_every_colour():
    light, dark = re.match(r'.*?:root \{(.*?)\n\}.*?:root \{(.*?)\n  \}', text('style.css'), re.DOTALL).groups()
    names = [set(re.findall(r'--(\w[\w-]*):', part)) for part in (light, dark)]
    assert names[0] - names[1] == {'upload', 'queue', 'server', 'download', 'draw'}  # which are seen on both
    assert set(re.findall(r'var\(--([\w-]+)\)', text('style.css'))) <= names[0]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_can_be_read(scheme):
    """WCAG 2's contrast of at least 4.5, of each colour of text on each colour behind it."""
    parts = re.match(r'.*?:root \{(.*?)\n\}.*?:root \{(.*?)\n  \}', text('style.css'), re.DOTALL).groups()
    colors = dict(re.findall(r'--([\w-]+): (#\w+)', parts[0]))
    colors.update(re.findall(r'--([\w-]+): (#\w+)', parts[1]) if scheme == 'dark' else [])
    for front in ('ink', 'muted', 'accent', 'bad'):
        for back in ('surface', 'raised', 'back'):
            assert contrast(colors[front], colors[back]) >= 4.5, (front, back)
    assert contrast(colors['on-accent'], colors['accent']) >= 4.5 and contrast(colors['accent'], colors['accent-soft']) >= 4.5


def contrast(one, other):
    """Of two colours, '#rgb' or '#rrggbb'."""
    def luminance(color):
        digits = color[1:] if len(color) == 7 else ''.join(2 * digit for digit in color[1:])
        linear = [value / 12.92 if value <= .04045 else ((value + .055) / 1.055) ** 2.4
                  for value in (int(digits[start:start + 2], 16) / 255 for start in (0, 2, 4))]
        return float(np.dot(linear, [.2126, .7152, .0722])) + .05
    dark, light = sorted([luminance(one), luminance(other)])
    return light / dark
