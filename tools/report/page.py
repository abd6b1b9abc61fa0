"""The page of a report: sections of tables, charts and pictures, put into the template with every image embedded."""
import base64
import io
import os

import cv2
import jinja2

from blitznet_estimator import files
from blitznet_estimator.version import VERSION
from tools.report.figures import SHOWN_DPI

JPEG_QUALITY = 88
TEMPLATE = os.path.join(os.path.dirname(__file__), 'page.html')


class Page:
    """Gathers sections; writes report.html and each image as a file beside it."""

    def __init__(self, title, subtitle):
        self._values = {'title': title, 'subtitle': subtitle, 'tiles': [], 'notes': [], 'sections': []}
        self._files = {}

    def add_tile(self, name, value):
        """A figure at the top."""
        self._values['tiles'].append({'name': name, 'value': value})

    def add_note(self, text):
        """A sentence at the top."""
        self._values['notes'].append(text)

    def add_section(self, title, text='', table=None, images=(), settings=None, layout='charts', legend=()):
        """A section, unless it would be empty.

        images: of `chart` and `picture`, None = left out; settings: (name, rows) pairs; legend: (name, colour) pairs.
        """
        images = [image for image in images if image]
        if table or images or settings:
            self._values['sections'].append({
                'id': title.lower().replace(' ', '-').replace(',', ''), 'title': title, 'text': text, 'table': table, 'images': images,
                'settings': settings, 'layout': layout, 'legend': legend})

    def chart(self, name, figure, text=''):
        """An image of a matplotlib Figure; None of None. text: for who cannot see it."""
        if figure is None:
            return None
        buffer = io.BytesIO()
        figure.savefig(buffer, format='png')
        return dict(self._image(name + '.png', buffer.getvalue()), text=text or name.replace('_', ' '),
                    width=int(figure.get_size_inches()[0] * SHOWN_DPI))

    def picture(self, name, picture, caption):
        """An image of RGB uint8 [H, W, 3]."""
        data = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
        return dict(self._image(name + '.jpg', data), caption=caption)

    def _image(self, name, data):
        self._files[name] = data
        kind = 'jpeg' if name.endswith('.jpg') else 'png'
        return {'name': name, 'data': 'data:image/%s;base64,%s' % (kind, base64.b64encode(data).decode('ascii'))}

    def write(self, folder):
        """Write everything into a folder; returns the page's path."""
        with open(TEMPLATE, encoding='utf-8') as file:
            template = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(file.read())
        path = os.path.join(folder, 'report.html')
        for name, data in self._files.items():
            files.write_bytes(os.path.join(folder, name), data)
        files.write_text(path, template.render(version=VERSION, **self._values))
        return path


def class_table(result, columns, colors):
    """The per-class table for the page; a share is shaded by its value. colors: {class: its colour}."""
    columns = [column for column in columns if any(column[1] in row for row in result['per_class'].values())]
    rows = [[dict(_cell(name), color=colors.get(name))] + [_cell(row.get(key), form, key != 'best_threshold') for _, key, _, form in columns]
            for name, row in result['per_class'].items()]
    rows.append([_cell('mean')] + [_cell(result.get(mean), form) for _, _, mean, form in columns])
    return {'head': ['class'] + [column[0] for column in columns], 'rows': rows, 'mean': True}


def _cell(value, form='%s', shaded=True):
    if value is None:
        return {'text': '', 'heat': None}
    return {'text': form % value, 'heat': round(.75 * value, 3) if shaded and isinstance(value, float) else None}


def settings(config, default):
    """[(section, rows)] of a Config's fields; `changed` where a field is not the default's."""
    tables = []
    for section in ('network', 'data', 'train', 'detection', 'run'):
        values, defaults = vars(getattr(config, section)), vars(getattr(default, section))
        tables.append((section, [{'name': name, 'value': _plain(value), 'changed': value != defaults[name]}
                                 for name, value in sorted(values.items())]))
    if config.npu:
        tables.append(('npu', [{'name': name, 'value': _plain(value), 'changed': True} for name, value in sorted(config.npu.items())]))
    return tables


def _plain(value):
    return ', '.join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
