"""Which font a character comes from, and what is drawn and said where none has it."""
import numpy as np
import pytest

from blitznet_estimator import drawing, fonts, lettering

CHINESE = pytest.mark.skipif(not fonts.packaged(), reason='%s is not installed' % fonts.PACKAGE)


@pytest.fixture
def only_dejavu(monkeypatch):
    """As on a machine without the package and without fonts of its own."""
    monkeypatch.setattr(fonts, 'packaged', lambda: [])
    monkeypatch.setattr(fonts, 'system', lambda: [])
    monkeypatch.setattr(drawing, '_SAID', set())
    fonts._other_font_of.cache_clear()
    yield
    fonts._other_font_of.cache_clear()


def pixels(text, size=24):
    """What a text covers of its plate."""
    width, height, _ = lettering.text_extent(text, size)
    plate = np.zeros((height, width, 3), np.uint8)
    lettering.draw_text(plate, text, (0, 0), (255, 255, 255), size)
    return plate


def test_the_alphabets_of_europe_are_in_dejavu(only_dejavu):
    assert fonts.missing('Fußgänger, éléphant, знак, λέξη') == ''
    assert fonts.split('Fußgänger 0.97') == [(fonts.default(), 'Fußgänger 0.97')]
    assert fonts.split('Fußga\u0308nger\n1') == [(fonts.default(), 'Fußgänger 1')]  # an accent of its own joins its letter


@CHINESE
def test_chinese_japanese_and_korean_are_in_the_package():
    assert fonts.missing('汽车 自転車 くるま 자동차') == ''
    own, = fonts.packaged()
    assert fonts.split('汽车 0.97 km') == [(own, '汽车 '), (fonts.default(), '0.97 km')]
    shapes = [pixels(character) for character in '汽车人']
    assert all((shape < 128).any() for shape in shapes)
    assert not np.array_equal(shapes[0], shapes[1]) and not np.array_equal(shapes[1], shapes[2])


@CHINESE
def test_names_in_chinese_are_drawn(caplog):
    draw = lambda name: drawing.draw(np.full((300, 400, 3), 128, np.uint8), [[.2, .2, .8, .8]], [1], None, None, [name])  # noqa: E731
    assert not np.array_equal(draw('汽车'), draw('class 1')) and not caplog.records


def test_without_a_font_a_name_is_a_number_and_this_is_said_once(only_dejavu, caplog):
    names = ['汽车', 'Fußgänger', '人']
    assert [drawing._name(number, names) for number in (1, 2, 3, 4)] == ['class 1', 'Fußgänger', 'class 3', 'class 4']
    message, = [record.getMessage() for record in caplog.records]
    assert '"class 1" in place of "汽车"' in message and 'pip install %s' % fonts.PACKAGE in message


def test_without_a_font_other_text_has_boxes(only_dejavu):
    assert fonts.missing('a汽b车汽') == '汽车'
    assert fonts.split('a汽b') == [(fonts.default(), 'a%sb' % fonts.BOX)]


def test_a_system_font_is_taken_where_the_package_has_none(only_dejavu, monkeypatch, tmp_path):
    no_font = tmp_path / 'noto.ttf'
    no_font.write_text('not a font')
    dejavu = fonts.default()
    monkeypatch.setattr(fonts, 'default', lambda: str(no_font))
    monkeypatch.setattr(fonts, 'system', lambda: [str(no_font), dejavu])
    assert fonts.font_of('ß') == dejavu and fonts.font_of('汽') is None


def test_the_systems_fonts_with_many_characters_come_first(monkeypatch):
    from matplotlib import font_manager
    monkeypatch.setattr(font_manager, 'findSystemFonts', lambda: ['/f/Arial.ttf', '/f/NotoSansCJK.ttc', '/a/b.ttf', '/a/WQY-ZenHei.ttc'])
    fonts.system.cache_clear()
    assert fonts.system() == ['/a/WQY-ZenHei.ttc', '/f/NotoSansCJK.ttc', '/a/b.ttf', '/f/Arial.ttf']
    fonts.system.cache_clear()


def test_a_text_is_cut_to_a_width():
    text = 'a class of a rather long name'
    assert lettering.cut(text, 20, 1000) == text
    short = lettering.cut(text, 20, 120)
    assert text.startswith(short[:-1]) and short.endswith('…') and 60 < lettering.text_extent(short, 20).width <= 120
    end = lettering.cut('a/long/folder/name_0017.jpg', 20, 150, keep_end=True)
    assert end.startswith('…') and end.endswith('_0017.jpg')
    assert lettering.cut(text, 20, 1) == '…'


@pytest.mark.parametrize('corner', [(-5, -5), (90, 35), (200, 200)])
def test_text_over_the_edge_is_left_out(corner):
    picture = np.zeros((40, 100, 3), np.uint8)
    lettering.draw_text(picture, 'text', corner, (255, 0, 0), 20)
    assert picture.any() == (corner != (200, 200))


def test_plates_of_a_size_are_of_one_height_and_hold_their_text():
    assert len({lettering.text_extent(text, 30).height for text in ('a', 'Ág', '', 'ÄÖÜ_|')}) == 1
    plate = pixels('Ågjy|', 30)
    assert (plate == 255).all(axis=-1)[:, [0, -1]].all()  # nothing is cut off on either side
    assert (plate < 64).any()
