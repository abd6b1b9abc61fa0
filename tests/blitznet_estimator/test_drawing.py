"""Drawing: colours, labels inside the picture, sizes, and the files it writes."""
import cv2
import numpy as np
import pytest
from PIL import Image

from blitznet_estimator import drawing
from blitznet_estimator.errors import UserError

NAMES = ('cat', 'a class of a rather long name', 'caf\u00e9 \u732b')


def grey(height, width):
    return np.full((height, width, 3), 128, np.uint8)


def changed(picture, image):
    return (picture[:image.shape[0], :image.shape[1]] != image).any(axis=-1)


def test_a_box_is_where_it_belongs():
    image = grey(400, 600)
    picture = drawing.draw(image, [[.25, .25, .75, .5]], [1], legend=False)
    assert picture.shape == image.shape and not (image != 128).any()  # the given image stays as it is
    assert picture[300, 200].tolist() == drawing.palette(2)[1].tolist()  # its lower edge
    inside = changed(picture, image)[110:290, 160:290]
    assert not inside.any()
    assert not changed(picture, image)[:, 350:].any()


@pytest.mark.parametrize('size', [(48, 64), (64, 48), (1, 1), (1500, 2000), (40, 900)])
@pytest.mark.parametrize('box', [[0, 0, 1, 1], [0, .9, .1, 1], [.9, 0, 1, .1], [-.5, -.5, 1.5, 1.5], [.5, .5, .5, .5]])
def test_labels_stay_inside(size, box, monkeypatch):
    corners = []

    def spy(picture, text, corner, color, text_size):
        width, height, _ = drawing.text_extent(text, text_size)
        corners.append((corner[0], corner[1], picture.shape[1] - corner[0] - width, picture.shape[0] - corner[1] - height))
    monkeypatch.setattr(drawing, 'draw_text', spy)
    picture = drawing.draw(grey(*size), [box] * 2, [2, 3], [.9, .8], None, NAMES, legend=False)
    assert max(picture.shape[:2]) >= drawing.MIN_SIDE
    assert len(corners) == 2
    assert min(min(corner) for corner in corners) >= 0


def test_labels_do_not_hide_each_other(monkeypatch):
    plates = []
    monkeypatch.setattr(drawing, 'draw_text', lambda picture, text, corner, color, size: plates.append(
        corner + tuple(np.add(corner, drawing.text_extent(text, size)[:2]))))
    boxes = [[.3, .3, .7, .6], [.31, .31, .7, .6], [.3, .31, .69, .6]]
    drawing.draw(grey(400, 600), boxes, [1, 1, 2], [.9, .8, .7], None, NAMES, legend=False)
    assert len(plates) == 3
    assert all(drawing._common(plates[i], plates[k]) == 0 for i, k in ((0, 1), (0, 2), (1, 2)))


def test_min_score_and_empty():
    image = grey(400, 600)
    assert not changed(drawing.draw(image, [[0, 0, 1, 1]], [1], [.4], None, NAMES, min_score=.5), image).any()
    assert changed(drawing.draw(image, [[0, 0, 1, 1]], [1], [.5], None, NAMES, min_score=.5), image).any()
    np.testing.assert_array_equal(drawing.draw(image, np.zeros((0, 4)), [], []), image)
    np.testing.assert_array_equal(drawing.draw(image), image)


def test_a_mask_is_blended():
    image = grey(400, 600)
    mask = np.zeros((400, 600), np.uint8)
    mask[:200, :300], mask[200:, 300:] = 2, 255
    picture = drawing.draw(image, mask=mask, class_names=NAMES, alpha=.25)
    color = drawing.palette(3)[2].astype(float)
    assert picture[100, 100].tolist() == np.round(.75 * 128 + .25 * color).tolist()
    assert not changed(picture, image)[202:].any()  # neither background nor unlabelled pixels
    assert picture.shape[0] > 400 and (picture[400:] == drawing.palette(3)[2]).all(axis=-1).any()  # the legend names it


def test_the_legend_wraps():
    entries = [('class %d' % i, color) for i, color in enumerate(drawing.palette(30))]
    strip = drawing.draw_legend(entries, 320)
    assert strip.shape[1] == 320 and strip.shape[0] > 5 * 10
    assert all((strip == color).all(axis=-1).any() for _, color in entries)
    assert drawing.draw_legend([], 320).shape == (0, 320, 3)


@pytest.mark.parametrize('size', [12, 90])
def test_the_words_of_a_legend_are_apart(size):
    """By a gap that grows with the letters."""
    colors = drawing.palette(4)[1:]
    strip = drawing.draw_legend([('ab', color) for color in colors], 20 * size, size)
    plates = [np.flatnonzero((strip == color).all(axis=-1).any(axis=0)) for color in colors]
    gaps = [right.min() - left.max() - 1 for left, right in zip(plates, plates[1:])]
    assert min(gaps) >= max(3, size // 4)


@pytest.mark.parametrize('shape', [(300, 400), (3000, 4000), (6000, 8000), (400, 9000)])
def test_text_can_be_read_in_the_whole_picture(shape):
    """An em of 12 pixels at least, once the picture is shown within 1000 by 800 pixels; in a panorama, no more than it is high."""
    size = drawing._text_size(np.empty(shape + (3,), np.bool_))
    shown = size * min(1, 1000 / shape[1], 800 / shape[0])
    assert shown >= 12 or shape[1] > 10 * shape[0]
    assert size < shape[0] / 4


def test_lines_and_letters_of_a_given_size():
    image = grey(400, 600)
    thin = drawing.draw(image, [[.25, .25, .75, .5]], [1], line_width=1, legend=False)
    thick = drawing.draw(image, [[.25, .25, .75, .5]], [1], line_width=15, legend=False)
    assert changed(thick, image)[200, :200].sum() > 3 * changed(thin, image)[200, :200].sum()
    heights = [drawing.draw(image, [[0, 0, 1, 1]], [1], text_size=size).shape[0] - 400 for size in (20, 40)]
    assert heights[1] > 1.8 * heights[0] > 36


def test_a_training_example_shows_its_matched_anchors():
    anchors = np.array([[.5, .5, .25, .5], [.25, .25, .2, .2], [.7, .7, .1, .1]], np.float32)  # centers
    labels = dict(match=np.array([1, -1, -2], np.int32), boxes=np.zeros((4, 4), np.float32), classes=np.array([3, 1, 0, 0]),
                  mask=np.zeros((16, 16), np.int32))
    labels['boxes'][:2] = [[0, 0, .05, .05], [.3, .2, .7, .8]]
    picture = drawing.draw_training_example(np.full((64, 64, 3), .5, np.float32), anchors=anchors, class_names=NAMES, **labels)
    side = 64 * 8
    colors = drawing.palette(4)
    assert picture[int(.375 * side), side // 2].tolist() == colors[1].tolist()  # the upper edge of anchor 0, in its box's colour
    assert (picture[int(.375 * side) + 2:int(.625 * side) - 2, side // 2] == 128).all()
    assert (picture[int(.15 * side):int(.19 * side), int(.1 * side):int(.4 * side)] == 128).all()  # anchor 1 matches nothing
    assert (picture[int(.45 * side), int(.2 * side) - 2:int(.2 * side) + 3] == colors[1]).all(axis=-1).any()  # the box itself


def test_names_in_any_script():
    drawing.draw(grey(20, 20), [[0, 0, 1, 1]], [3], [.5], None, NAMES)
    assert drawing._name(9, NAMES) == 'class 9'


def test_pictures_in_rows():
    row = drawing.side_by_side([grey(300, 400), grey(350, 200)], ['prediction', 'ground truth'])
    assert row.shape[1] == 606 and row.shape[0] > 350
    sheet = drawing.contact_sheet([grey(300, 400)] * 3 + [grey(1, 1)] * 2, columns=2, cell=(60, 80))
    assert sheet.shape == (180, 160, 3)
    assert (sheet[:60] == 128).all() and (sheet[120:, 80:] == 255).all()


def test_indexed_png(tmp_path):
    path = str(tmp_path / 'mask.png')
    mask = np.random.RandomState(0).randint(0, 21, (37, 53)).astype(np.uint8)
    mask[0, 0] = 255
    drawing.save_indexed_png(path, mask, drawing.palette(21))
    with Image.open(path) as image:  # Pillow keeps the indices
        assert image.mode == 'P'
        np.testing.assert_array_equal(np.array(image), mask)
        np.testing.assert_array_equal(np.array(image.getpalette()).reshape(-1, 3)[:21], drawing.palette(21))
    shown = cv2.imread(path)[..., ::-1]  # OpenCV shows the colours
    np.testing.assert_array_equal(shown[1:], drawing.palette(21)[mask[1:]])
    assert shown[0, 0].tolist() == [224, 224, 192]
    assert [p.name for p in tmp_path.iterdir()] == ['mask.png']


def test_pictures_are_written_as_rgb(tmp_path):
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 200
    drawing.save_picture(str(tmp_path / 'a.png'), picture)
    np.testing.assert_array_equal(np.array(Image.open(str(tmp_path / 'a.png'))), picture)
    with pytest.raises(UserError, match='a.nonsense'):
        drawing.save_picture(str(tmp_path / 'a.nonsense'), picture)
