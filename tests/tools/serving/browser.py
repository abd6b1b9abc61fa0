"""A browser for tests: Chromium without a window, with a camera that shows a moving picture."""
import os
import shutil
import time

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
DRIVER = shutil.which('chromedriver')
OPTIONS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--window-size=1280,800', '--no-first-run',
           '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream')
PATIENCE_S = 60  # of a wait: machines that test are busy


def start(downloads):
    """A WebDriver that saves files in a folder. The test is skipped where there is no Chromium, or no Selenium."""
    pytest.importorskip('selenium')
    if not (CHROMIUM and DRIVER):
        pytest.skip('No chromium with its chromedriver is installed.')
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in OPTIONS:
        options.add_argument(option)
    options.add_experimental_option('prefs', {'download.default_directory': str(downloads)})
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


class Tab:
    """What a user does and sees, in short words."""

    def __init__(self, driver, url, downloads):
        self.driver, self._url, self._downloads = driver, url, str(downloads)

    def open(self, width=1280, height=800, scheme='light'):
        """Load the page anew, on a screen of a size and a colour scheme."""
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(width=width, height=height, deviceScaleFactor=1, mobile=False))
        self.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]})
        self.driver.get(self._url)
        self.wait('document.body.dataset.ready')

    def js(self, expression, *values):
        """The value of an expression; `arguments` are the values."""
        return self.driver.execute_script('return ' + expression, *values)

    def wait(self, expression, *values):
        """Its value, once it is true."""
        end = time.monotonic() + PATIENCE_S
        while True:
            value = self.js(expression, *values)
            if value:
                return value
            assert time.monotonic() < end, 'not true in time: ' + expression
            time.sleep(.03)

    def find(self, selector):
        """The first element of a CSS selector."""
        return self.driver.find_element('css selector', selector)

    def click(self, selector):
        """Click on it."""
        self.find(selector).click()

    def press(self, *keys):
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def texts(self, selector):
        """The text of each element."""
        return self.js('[...document.querySelectorAll(arguments[0])].map(one => one.textContent)', selector)

    def give(self, *paths):
        """Choose files."""
        self.find('#files').send_keys('\n'.join(map(str, paths)))

    def wait_for_state(self, state, number):
        """Until so many pictures are in a state."""
        self.wait('document.querySelectorAll(`[data-state="${arguments[0]}"]`).length === arguments[1]', state, number)

    def slide(self, name, value):
        """Move a slider."""
        self.js('((slider, value) => { slider.value = value; slider.dispatchEvent(new Event("input", {bubbles: true})) })'
                '(document.getElementById(arguments[0]), arguments[1])', name, value)

    def pixels(self):
        """A number for what is on the canvas: the same where it looks the same."""
        return self.js('''new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
            const canvas = document.getElementById('canvas');
            done(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
                .reduce((sum, value, index) => (sum * 31 + value * (index % 7 + 1)) % 1000003, 0)) })))''')

    def saved(self, name):
        """The path of a file that the page saved."""
        path, end = os.path.join(self._downloads, name), time.monotonic() + PATIENCE_S
        while not os.path.isfile(path):
            assert time.monotonic() < end, '%s was not saved; there are: %s' % (name, os.listdir(self._downloads))
            time.sleep(.03)
        return path
