"""The web page as its users meet it: in a browser, with a model that answers."""
import base64
import json
import shutil
import subprocess
import threading

import cv2
import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('waitress')
pytest.importorskip('prometheus_client')
from tests import small_model  # noqa: E402
from tests.input_fn.datasets.trees import jpeg  # noqa: E402
from tests.tools.serving import browser  # noqa: E402
from tests.tools.serving.live import running  # noqa: E402
from tools.serving.app import create_app  # noqa: E402
from tools.serving.service import Service  # noqa: E402

pytestmark = pytest.mark.slow
TAB, ENTER, ESCAPE, SPACE, DOWN = '\ue004', '\ue007', '\ue00c', '\ue00d', '\ue015'  # WebDriver's names of keys
BUSY, TOO_LARGE, LATE = '503 Service Unavailable', '413 Request Entity Too Large', '504 Gateway Timeout'
ROWS, CHIPS, COUNTED = '#rows tr', '#chips button', '#chips button:has(b)'  # COUNTED: classes with objects


class Watched:
    """A WSGI application, which counts the predictions that it is asked for, and refuses the next few of them with the statuses `refusals`."""

    def __init__(self, app):
        self._app, self._lock = app, threading.Lock()
        self.asked = self.at_once = self.most_at_once = 0
        self.refusals = []

    def __call__(self, environ, start_response):
        if not environ['PATH_INFO'].endswith(':predict'):
            return self._app(environ, start_response)
        with self._lock:
            self.asked += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            refusal = self.refusals.pop(0) if self.refusals else None
        try:
            if refusal:
                start_response(refusal, [('Content-Type', 'application/json'), ('Retry-After', '1')])
                return [b'{"error": "As the API says it."}']
            return list(self._app(environ, start_response))
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture(scope='module', name='watched')
def application(export):
    service = Service('blitznet', export, max_batch=4, batch_wait_s=.01, max_queue=20, timeout_s=60)
    service.versions.refresh()
    yield Watched(create_app(service, [jpeg(small_model.picture(60, 90, 3))]))
    service.close()


@pytest.fixture(scope='module', name='tab_of_module')
def browser_at_the_page(watched, tmp_path_factory):
    downloads = tmp_path_factory.mktemp('downloads')
    driver = browser.start(downloads)
    try:
        with running(watched, max_body=16 << 20) as server:
            yield browser.Tab(driver, server.url + '/', downloads)
    finally:
        driver.quit()


@pytest.fixture(name='tab')
def fresh_page(tab_of_module):
    """The page, newly loaded. At the end the browser has complained of nothing but answers that are errors."""
    tab_of_module.driver.get_log('browser')
    tab_of_module.open()
    yield tab_of_module
    complaints = [entry['message'] for entry in tab_of_module.driver.get_log('browser') if entry['level'] == 'SEVERE']
    assert not [one for one in complaints if 'the server responded with a status of' not in one], complaints


@pytest.fixture(name='files')
def picture_files(tmp_path):
    """Two pictures, one of which EXIF turns, and a file that is none."""
    paths = [tmp_path / 'plain.png', tmp_path / 'turned.jpg', tmp_path / 'notes.txt']
    cv2.imwrite(str(paths[0]), small_model.picture(100, 150, 0)[..., ::-1])
    paths[1].write_bytes(jpeg(small_model.picture(80, 120, 1), turn=6))
    paths[2].write_text('no picture')
    return paths


@pytest.fixture(name='shown')
def page_with_a_picture(tab, files):
    tab.give(files[0])
    tab.wait_for_state('done', 1)
    return tab


def test_files_are_shown_with_what_is_in_them_and_others_in_words(tab, files):
    tab.give(*files)
    tab.wait_for_state('done', 2)
    tab.wait_for_state('failed', 1)
    assert tab.js('document.querySelector(".thumb[aria-current=true]").title') == 'plain.png'
    assert tab.find('#caption').text == 'plain.png · 150 × 100' and tab.texts(ROWS) and tab.texts(CHIPS)
    assert tab.find('#canvas').get_attribute('aria-label').startswith('plain.png: ') and 'plain.png' in tab.texts('#said')[0]
    names = tab.texts('#times dt')
    assert names == ['Encode', 'Upload', 'Queue', 'Model', 'Server', 'Download', 'Draw'] and all('ms' in time for time in tab.texts('#times dd'))
    tab.press('\ue014')  # the arrow to the right
    tab.wait('document.getElementById("caption").textContent === "turned.jpg · 80 × 120"')
    tab.press('\ue014')
    tab.wait('!document.getElementById("problem").hidden')
    assert tab.find('#problem').text.startswith('notes.txt could not be looked at\nThis is no picture that the browser can read.')


def test_scores_classes_and_opacity_change_in_the_browser_alone(shown, watched):
    asked, first = watched.asked, len(shown.texts(ROWS))
    shown.slide('score', .99)
    assert len(shown.texts(ROWS)) < first and shown.find('#score-value').text == '0.99'
    shown.slide('score', .05)
    looks = [shown.pixels()]
    shown.slide('opacity', 90)
    looks.append(shown.pixels())
    rows, number = len(shown.texts(ROWS)), int(shown.find(COUNTED + ' b').text)
    shown.click(COUNTED)
    looks.append(shown.pixels())
    assert shown.find('#chips button:focus').get_attribute('aria-pressed') == 'false' and len(shown.texts(ROWS)) == rows - number
    shown.press('m')
    looks.append(shown.pixels())
    assert not shown.find('#mask').is_selected() and len(set(looks)) == 4 and watched.asked == asked
    shown.click('#chips [aria-pressed=false]')
    shown.press('m')
    shown.slide('opacity', 40)
    assert shown.pixels() == looks[0]


def test_an_object_is_found_from_its_row_and_from_its_box(shown):
    plain = shown.pixels()
    shown.js('document.querySelector(".row-name").focus()')
    assert shown.pixels() != plain and shown.js('document.querySelector("#rows tr").classList.contains("chosen")')
    shown.js('document.activeElement.blur()')
    assert shown.pixels() == plain
    from selenium.webdriver import ActionChains
    found = json.load(open(saved_json(shown, 'plain')))['detections']
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one['box'] for one in found)]
    least = int(np.argmin(sizes))
    ymin, xmin, ymax, xmax = found[least]['box']
    scale = float(shown.find('#zoom-level').text.split()[0]) / 100
    ActionChains(shown.driver).move_to_element_with_offset(
        shown.find('#canvas'), int(150 * scale * ((xmin + xmax) / 2 - .5)), int(100 * scale * ((ymin + ymax) / 2 - .5))).perform()
    assert shown.js('[...document.querySelectorAll("#rows tr")].findIndex(row => row.classList.contains("chosen"))') == least


def saved_json(tab, stem):
    tab.click('#save-json')
    return tab.saved(stem + '.json')


def test_zoom_by_button_key_and_wheel(shown):
    def level():
        return int(shown.find('#zoom-level').text.split()[0])
    fit = level()
    shown.click('#zoom-in')
    assert level() == pytest.approx(1.25 * fit, abs=1)
    shown.press('-')
    assert level() == fit
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
    ActionChains(shown.driver).scroll_from_origin(ScrollOrigin.from_element(shown.find('#canvas')), 0, -300).perform()
    shown.wait('parseInt(document.getElementById("zoom-level").textContent) > arguments[0]', fit)
    shown.press('0')
    assert level() == fit
    shown.click('.row-name')
    assert level() >= fit


def test_a_busy_server_is_asked_again(tab, watched, files):
    watched.refusals, asked = [BUSY, BUSY], watched.asked
    tab.give(files[0])
    tab.wait('document.getElementById("caption").textContent.startsWith("The server is busy. It is asked again in 1 s")')
    tab.wait_for_state('done', 1)
    assert watched.asked - asked == 3 and tab.texts(ROWS)


@pytest.mark.parametrize('status, text', [(TOO_LARGE, 'The picture is too large for this server.'),
                                          (LATE, 'The server took too long. It may be busy: try again.'), ('400 Bad Request', 'As the API says it.')])
def test_a_refusal_is_told_in_words_and_can_be_tried_again(tab, watched, files, status, text):
    watched.refusals = [status]
    tab.give(files[0])
    tab.wait_for_state('failed', 1)
    assert tab.find('#problem-title').text == 'plain.png could not be looked at' and tab.find('#problem-text').text == text
    tab.click('#again')
    tab.wait_for_state('done', 1)
    assert not tab.find('#problem').is_displayed() and tab.texts(ROWS)


def test_a_server_that_is_gone_is_told_in_words(tab_of_module, watched, files):
    with running(watched) as server:
        tab = browser.Tab(tab_of_module.driver, server.url + '/', '')
        tab.open()
    tab.give(files[0])
    tab.wait_for_state('failed', 1)
    assert tab.find('#problem-text').text == 'The server does not answer. Is it running, and is the network there?'


def test_pictures_are_dropped_and_pasted(tab, files):
    def send(name, kinds):
        tab.driver.execute_script("""const [name, text, kinds] = arguments;
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(atob(text), one => one.charCodeAt(0))], name, {type: 'image/png'}));
            for (const kind of kinds) {
              const options = {bubbles: true, cancelable: true};
              document.getElementById('stage').dispatchEvent(kind === 'paste' ? new ClipboardEvent(kind, {...options, clipboardData: data})
                : new DragEvent(kind, {...options, dataTransfer: data}));
            }""", name, base64.b64encode(files[0].read_bytes()).decode(), kinds)
    send('dropped.png', ['dragenter', 'dragover'])
    assert tab.find('#dropping').is_displayed()
    send('dropped.png', ['dragleave'])
    assert not tab.find('#dropping').is_displayed()
    send('dropped.png', ['dragenter', 'dragover', 'drop'])
    tab.wait_for_state('done', 1)
    assert not tab.find('#dropping').is_displayed() and tab.find('#caption').text == 'dropped.png · 150 × 100'
    send('image.png', ['paste'])
    tab.wait_for_state('done', 2)
    tab.wait('document.getElementById("caption").textContent === "image.png · 150 × 100"')
    assert tab.texts(ROWS)


def test_all_of_it_by_keyboard_alone(tab):
    def tab_to(selector):
        for _ in range(80):
            tab.press(TAB)
            if tab.js('document.activeElement.matches(arguments[0])', selector):
                return
        raise AssertionError('no tab stop: ' + selector)
    tab_to('.skip')
    tab.press(ENTER)
    assert tab.js('location.hash') == '#stage'
    tab.open()
    tab_to('#samples')
    tab.press(ENTER)
    tab_to('#samples-list button')
    tab.press(ENTER)
    tab.wait_for_state('done', 1)
    assert not tab.js('document.getElementById("samples-dialog").open')
    tab_to(COUNTED)
    tab.press(SPACE)
    assert tab.js('document.activeElement.getAttribute("aria-pressed")') == 'false'
    tab.press(SPACE)
    tab_to('.row-name')
    fit = tab.find('#zoom-level').text
    tab.press(ENTER)
    assert int(tab.find('#zoom-level').text.split()[0]) >= int(fit.split()[0])
    tab.press(DOWN)
    assert len(tab.texts(ROWS)) == 1 or tab.js('document.activeElement === document.querySelectorAll(".row-name")[1]')
    tab.press('?')
    tab_to('#single-keys')
    tab.press(SPACE)
    tab.press(ESCAPE)
    assert not tab.js('document.getElementById("help-dialog").open')
    tab.press('m')
    assert tab.find('#mask').is_selected()  # single keys are off
    tab.js('document.getElementById("stage").focus()')
    before = tab.find('#zoom-level').text
    tab.press('-')
    assert tab.find('#zoom-level').text != before  # but the picture's own


def test_what_is_saved_and_the_command(tab):
    tab.click('#try-list button')
    tab.wait_for_state('done', 1)
    found = json.load(open(saved_json(tab, 'sample 1')))
    assert (found['picture'], found['width'], found['height'], found['min_score']) == ('sample 1.jpg', 90, 60, .25)
    assert len(found['detections']) == len(tab.texts(ROWS)) > 0 and {one['name'] for one in found['detections']} <= {'disc', 'box'}
    assert sum(found['segmentation'].values()) <= 1.001
    tab.click('#save-png')
    drawn = cv2.imread(tab.saved('sample 1-found.png'))
    assert drawn.shape[1] == 720 and drawn.shape[0] == 480  # enlarged, so that names can be read
    tab.click('#save-mask')
    mask = cv2.imread(tab.saved('sample 1-mask.png'), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (60, 90) and set(np.unique(mask)) <= {0, 1, 2}
    tab.js('void Object.defineProperty(navigator, "clipboard", {value: {writeText: text => { window.copied = text; return Promise.resolve() }}})')
    tab.click('#copy-curl')
    command = tab.wait('window.copied')
    if shutil.which('curl'):
        answer = json.loads(subprocess.run(['bash', '-c', command], stdout=subprocess.PIPE, check=True).stdout.decode())
        assert answer['predictions'][0]['scores'][0] == found['detections'][0]['score']


def test_the_camera_has_one_request_in_flight(tab, watched):
    watched.most_at_once = 0
    tab.click('#camera')
    tab.wait('/^[\\d.]+ frames per second$/.test(document.getElementById("rate").textContent)')
    assert watched.most_at_once == 1 and tab.texts('#times dt') and float(tab.find('#rate').text.split()[0]) > 0
    tab.click('#keep')
    tab.wait_for_state('done', 1)
    tab.js('document.activeElement.blur()')
    tab.press(' ')
    tab.wait('document.getElementById("pause").textContent === "Go on"')
    tab.click('#stop')
    tab.wait('document.getElementById("live").hidden && document.getElementById("caption").textContent.startsWith("camera 1.jpg")')
    assert watched.at_once == 0


def test_narrow_screens_and_dark_ones(tab, files):
    tab.open(360, 740, 'dark')
    assert tab.js('document.documentElement.scrollWidth') <= 360
    assert tab.js('getComputedStyle(document.body).backgroundColor') == 'rgb(15, 20, 27)'
    tab.give(files[0])
    tab.wait_for_state('done', 1)
    assert tab.js('document.documentElement.scrollWidth') <= 360 and tab.texts(ROWS)
    assert tab.js('document.getElementById("stage").clientHeight') < 400
