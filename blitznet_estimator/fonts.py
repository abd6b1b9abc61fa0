"""Which font has a character, so that a class's name can be drawn in any script.

The fonts are asked in this order: DejaVu Sans, which Matplotlib brings, has the alphabets of Europe and more; WenQuanYi Micro Hei, of the
package that requirements-common.txt names, has Chinese, Japanese and Korean; then those of the system. A text in common characters opens
the first alone.
"""
import functools
import importlib.util
import os
import unicodedata

PACKAGE, PACKAGE_FILE = 'paperang-p2-fonts-cjk', 'fonts/wqy-microhei.ttc'  # of a Python package, named as pip does
BOX = '\u25a1'  # drawn for a character that no font has
_LIKELY = 'cjk', 'noto', 'unicode', 'unifont', 'fallback', 'hei', 'gothic', 'ming', 'song'  # in names of system fonts with many characters
_MOST_FONTS = 500  # of the system, that are looked into


def split(text):
    """[(font's path, part of the text)]: the text in its order, a character that no font has as a box."""
    parts = []
    for character in normal(text):
        path = font_of(character)
        path, character = (path, character) if path else (default(), BOX)
        if parts and (parts[-1][0] == path or character == ' '):
            parts[-1][1].append(character)
        else:
            parts.append((path, [character]))
    return [(path, ''.join(characters)) for path, characters in parts]


def normal(text):
    """The text with each accent on its letter, on one line."""
    return ' '.join(unicodedata.normalize('NFC', text).split())


def missing(text):
    """The characters of a text that no font has."""
    return ''.join(dict.fromkeys(c for c in normal(text) if not font_of(c)))


@functools.lru_cache(maxsize=None)
def default():
    """Path of DejaVu Sans."""
    import matplotlib
    return os.path.join(matplotlib.get_data_path(), 'fonts', 'ttf', 'DejaVuSans.ttf')


def font_of(character):
    """Path of the first font that has a character; None where none has it."""
    return default() if ' ' <= character <= '~' else _other_font_of(character)


@functools.lru_cache(maxsize=None)
def _other_font_of(character):
    for path in [default()] + packaged() + system():
        if _has(path, character):
            return path
    return None


def packaged():
    """[path of the package's font]; empty where the package is not installed."""
    found = importlib.util.find_spec(PACKAGE.replace('-', '_'))
    paths = [os.path.join(folder, PACKAGE_FILE) for folder in (found.submodule_search_locations or [])] if found else []
    return [path for path in paths if os.path.isfile(path)]


@functools.lru_cache(maxsize=None)
def system():
    """Paths of the system's fonts, those with many characters first."""
    from matplotlib import font_manager
    paths = sorted(set(font_manager.findSystemFonts()))
    return sorted(paths, key=lambda path: not any(word in os.path.basename(path).lower() for word in _LIKELY))[:_MOST_FONTS]


def _has(path, character):
    from matplotlib.ft2font import FT2Font
    try:
        return bool(FT2Font(path).get_char_index(ord(character)))
    except (OSError, RuntimeError):  # no font, though named like one
        return False


def advice():
    """What to do where a font is missing."""
    if packaged():
        return 'Install a font for this script on the system.'
    return 'Chinese, Japanese and Korean are in the font of: pip install %s' % PACKAGE
