"""Box annotations as PASCAL VOC writes them, one XML file per image.

A box is (xmin, ymin, xmax - xmin, ymax - ymin) in pixels, so that its edges as fractions are the numbers of the file divided by
the image's width and height. Coordinates belong to the upright image, as viewers show it.
Others write these files. Tags count without their case and name space, and a box that stands where none is read is an error.
"""
import codecs
import collections
import math
import re
import xml.etree.ElementTree

import numpy as np

from blitznet_estimator.errors import UserError, nearest
from input_fn.datasets.labelled import clipped

Annotation = collections.namedtuple('Annotation', 'boxes labels difficult notes')  # notes: Counter of what was mended

_YES_NO = {'': False, '0': False, 'false': False, 'no': False, '1': True, 'true': True, 'yes': True}
_BOX_TAGS = {'object', 'bndbox', 'bbox', 'box', 'polygon', 'polyline', 'xmin'}  # of what is a label in some schema
_BOX_ATTRIBUTES = {'xmin', 'xtl', 'points', 'label'}
_STARTS = ((codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF32_LE, 'utf-32'), (codecs.BOM_UTF32_BE, 'utf-32'), (codecs.BOM_UTF16_LE, 'utf-16'),
           (codecs.BOM_UTF16_BE, 'utf-16'), (b'<\0', 'utf-16-le'), (b'\0<', 'utf-16-be'))
_NOT_OF_FILES = 'idna', 'punycode', 'unicode_escape', 'raw_unicode_escape', 'raw-unicode-escape', 'unicode-escape'  # two take hours for a MB
_DECLARATION = re.compile(r'\s*<\?xml[^>]*\?>')


def read_annotation(path, class_names, height, width):
    """The Annotation of an image of `height` x `width` pixels: boxes [n, 4] as in `boxes.py`, labels from 0, difficult [n]."""
    root = _read(path)
    _check_size(root.find('size'), path, height, width)
    boxes, labels, difficult, notes = [], [], [], collections.Counter()
    for entry in _objects(root, path):
        label, is_difficult = _label(entry, class_names, path), _flag(entry, 'difficult', path)
        box = _box(entry.find('bndbox'), path) / (height, width, height, width)
        inside = clipped(box, notes)
        if inside is not None:
            boxes.append(inside)
            labels.append(label)
            difficult.append(is_difficult)
    return Annotation(np.array(boxes, np.float32).reshape(-1, 4), tuple(labels), tuple(difficult), notes)


def names_in(path):
    """The set of the names of the objects of an annotation file."""
    return {_text(entry, 'name') for entry in _read(path).iter('object')} - {''}


def _read(path):
    """The root of an annotation file, its tags in lower case and without name spaces."""
    try:
        with open(path, 'rb') as file:
            data = file.read()
        text = _decoded(data)
        if '<!ENTITY' in text:
            raise ValueError('it defines entities, which no annotation needs')
        declaration = _DECLARATION.match(text)
        root = xml.etree.ElementTree.fromstring(text[declaration.end():] if declaration else text)
    except (OSError, xml.etree.ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError('%s: not a readable XML file (%s).' % (path, error))
    for node in root.iter():
        node.tag = node.tag.split('}')[-1].lower() if isinstance(node.tag, str) else ''
    if root.tag != 'annotation':
        raise UserError('%s: its root is <%s>, but that of an annotation in VOC\'s form is <annotation>: export it as Pascal VOC.'
                        % (path, root.tag))
    return root


def _decoded(data):
    """The text of XML bytes, in the encoding that their first bytes show, else in the one that they declare. The parser itself knows few."""
    for start, encoding in _STARTS:
        if data.startswith(start):
            return data.decode(encoding)
    declared = re.match(rb'\s*<\?xml[^>]*?encoding\s*=\s*["\']([\w.-]+)["\']', data)
    encoding = codecs.lookup(declared.group(1).decode('ascii') if declared else 'utf-8').name
    if encoding in _NOT_OF_FILES:
        raise ValueError('no XML is written in %s' % encoding)
    return data.decode('gb18030' if encoding in ('gb2312', 'gbk') else encoding)  # which holds both: files say GB2312 and use more


def _objects(root, path):
    """The <object>s of a file, wherever they stand. A label that none of them holds would be lost: that is a UserError."""
    outside = [root]
    while outside:
        node = outside.pop()
        if node.tag == 'object':
            continue
        if node.tag in _BOX_TAGS or _BOX_ATTRIBUTES & {name.lower() for name in node.attrib}:
            raise UserError('%s: <%s> is a label outside of any <object>, where VOC\'s form has none: export it as Pascal VOC.'
                            % (path, node.tag))
        outside.extend(reversed(node))
    return list(root.iter('object'))


def _label(entry, class_names, path):
    name = _text(entry, 'name')
    if name not in class_names:
        raise UserError('%s: an object is of the class %r, which is not in the class list. %s'
                        % (path, name, nearest(name, class_names)))
    return class_names.index(name)


def _flag(entry, tag, path):
    text = _text(entry, tag)
    if text.lower() not in _YES_NO:
        raise UserError('%s: <%s> of an object is %r; it must be 0 or 1.' % (path, tag, text))
    return _YES_NO[text.lower()]


def _box(node, path):
    """(ymin, xmin, ymax, xmax) in pixels, float64."""
    if node is None:
        raise UserError('%s: an object has no <bndbox>.' % path)
    return np.array([_number(_text(node, tag), '<%s> of a box' % tag, path) for tag in ('ymin', 'xmin', 'ymax', 'xmax')])


def _number(text, what, path):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError('%s: %s is %r, which is not a number.' % (path, what, text))
    return number


def _check_size(node, path, height, width):
    """Where the file states a size, it must be the upright image's: else its boxes belong to other pixels."""
    if node is None:
        return
    stated = tuple(int(_number(_text(node, tag) or '0', '<%s>' % tag, path)) for tag in ('height', 'width'))
    if 0 not in stated and stated != (height, width):
        turned = ' (turned as its EXIF tag says; annotations belong to the upright image)' if stated == (width, height) else ''
        raise UserError('%s: made for an image of %d x %d pixels (width x height), but the image has %d x %d%s.'
                        % (path, stated[1], stated[0], width, height, turned))


def _text(node, tag):
    """The text of a child, stripped; '' where it is absent or empty."""
    return (node.findtext(tag) or '').strip()
