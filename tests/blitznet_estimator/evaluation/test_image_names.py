"""Names of images: paths in a dataset, and what becomes of those that collide or lead elsewhere."""
import types

import pytest

from blitznet_estimator.evaluation.image_names import Stems, are_one, as_path, image_name, stem


def sample(filename, source_id=0):
    return types.SimpleNamespace(filename=filename, source_id=source_id)


@pytest.mark.parametrize('name, path', [
    ('a.jpg', 'a.jpg'), ('cam0/a.jpg', 'cam0/a.jpg'), ('cam0\\a.jpg', 'cam0/a.jpg'), ('/etc/a.jpg', 'etc/a.jpg'), ('C:\\x\\a.jpg', 'x/a.jpg'),
    ('../../a.jpg', 'a.jpg'), ('./b//a.jpg', 'b/a.jpg'), ('a\nb.jpg', 'a_b.jpg')])
def test_a_name_is_a_path_within_its_folder(name, path):
    assert as_path(name) == path


def test_an_image_without_a_name_has_its_number():
    assert image_name(sample('', 7)) == image_name(sample('..', 7)) == '000000000007'


def test_only_endings_of_images_are_no_part_of_a_stem():
    assert [stem(name) for name in ('a.JPG', 'frame.0001', 'v1.2.png', 'b/c.tif')] == ['a', 'frame.0001', 'v1.2', 'b/c']


def test_each_image_has_a_stem_of_its_own():
    stems = Stems()
    assert [stems.of(sample(name, i)) for i, name in enumerate(('x/a.jpg', 'y/a.jpg', 'x/a.png', 'X/A.jpg', 'x/a.jpg'))] == [
        'x/a', 'y/a', 'x/a#2', 'X/A#3', 'x/a#4']


@pytest.mark.parametrize('name, other, one', [
    ('a/b.jpg', 'a/b.png', True), ('val/a/b.jpg', 'a/b', True), ('b', 'a/b.jpg', True), ('c/b.jpg', 'a/b.jpg', False), ('ab', 'b', False)])
def test_names_that_may_be_of_one_image(name, other, one):
    assert are_one(name, other) == are_one(other, name) == one
