"""Text, YAML and addresses of others: what they hold, or a sentence."""
import pytest

from blitznet_estimator import text_files, urls, yaml_files
from blitznet_estimator.drivers import input_images
from blitznet_estimator.errors import UserError
from blitznet_estimator.video import words

BOMB = 'a: &a [x, x, x, x, x, x, x, x, x, x]\n' + ''.join(
    '%s: &%s [%s]\n' % (name, name, ', '.join(['*' + before] * 10)) for before, name in zip('abcdefghi', 'bcdefghij'))


def test_lines(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_bytes(b'\xef\xbb\xbf a b \r\n\r\nc\x0cd')
    assert text_files.lines(str(path)) == ['a b', 'c\x0cd'] and text_files.read(str(path)) == ' a b \n\nc\x0cd'


@pytest.mark.parametrize('name, content, said', [
    ('a.txt', b'\xff', 'codec'), ('none.txt', None, 'No such file'), ('a\0.txt', None, 'null'), ('', None, 'directory')])
def test_what_cannot_be_read(tmp_path, name, content, said):
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match='^The list .* cannot be read .*' + said):
        text_files.read('%s/%s' % (tmp_path, name), 'The list')


@pytest.mark.parametrize('text', [BOMB, 'a: &a [*a]', 'x: &x "%s"\ny: [%s]' % ('z' * 99999, ', '.join(['*x'] * 50))])
def test_references_that_stand_for_more_than_memory_holds(text):
    with pytest.raises(UserError, match='^a.yaml is no readable YAML file .its references stand for over'):
        yaml_files.parse(text, 'a.yaml')


@pytest.mark.parametrize('text, said', [
    ('[' * 9999, ''), ('1' + ':1' * 200000, 'over 262144 characters'), ('!!python/object:os.system x', 'constructor')])
def test_other_yaml(text, said):
    with pytest.raises(UserError, match='a.yaml is no readable YAML file .*' + said):
        yaml_files.parse(text, 'a.yaml')


def test_references_may_be_used():
    assert yaml_files.parse('a: &a [1, 2]\nb: *a', 'a.yaml') == {'a': [1, 2], 'b': [1, 2]}


def test_what_is_no_address_names_no_video():
    assert urls.parts('rtsp://a:1/b').scheme == 'rtsp' and urls.parts('http://[x').netloc == ''
    for word in ('http://[x', 'rtsp://[x', '\u00b2', '9' * 5000):
        assert not words.is_video(word) or words.is_camera(word)
    assert words.shown('http://[x') == 'http://[x' and input_images.unique_stems(['http://[x']) == ['image']
