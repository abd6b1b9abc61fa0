"""Annotation files as others write them: encodings, other schemas, words for numbers and for yes and no."""
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets.voc_xml import read_annotation
from tests.input_fn.datasets import trees

OBJECT = trees.voc_object('cat', 3, 5, 12, 10)


def read(tmp_path, text, names=('cat', '猫'), encoding='utf-8'):
    return read_annotation(trees.write(tmp_path, 'a.xml', text.encode(encoding)), names, 20, 30)


@pytest.mark.parametrize('declared, encoding', [
    ('GB2312', 'gb2312'), ('gbk', 'gbk'), ('GB18030', 'gb18030'), ('Shift_JIS', 'shift_jis'), ('UTF-8', 'utf-8-sig'),
    ('utf-16', 'utf-16'), ('UTF-8', 'utf-8')])
def test_encodings(tmp_path, declared, encoding):
    text = '<?xml version="1.0" encoding="%s"?>\n%s' % (declared, trees.voc_xml(trees.voc_object('猫', 3, 5, 12, 10)))
    assert read(tmp_path, text, encoding=encoding).labels == (1,)


@pytest.mark.parametrize('declared', ['nobody-knows-it', 'GB2312', 'utf-8'])
def test_an_encoding_that_is_not_the_files_is_a_sentence(tmp_path, declared):
    text = '<?xml version="1.0" encoding="%s"?>%s' % (declared, trees.voc_xml(trees.voc_object('é' * 3, 3, 5, 12, 10)))
    with pytest.raises(UserError, match='a.xml: '):
        read(tmp_path, text, encoding='latin-1')


@pytest.mark.parametrize('text', [
    '<annotation xmlns="http://example.org/v">%s</annotation>' % OBJECT, '<annotation><objects>%s</objects></annotation>' % OBJECT,
    '<Annotation>%s</Annotation>' % OBJECT.replace('object>', 'Object>').replace('bndbox', 'BndBox')])
def test_objects_are_found_in_other_spellings(tmp_path, text):
    assert read(tmp_path, text).boxes.tolist() == read(tmp_path, trees.voc_xml(OBJECT)).boxes.tolist() != []


@pytest.mark.parametrize('text, message', [
    ('<annotations><image><box label="cat" xtl="1" ytl="1" xbr="2" ybr="2"/></image></annotations>', 'its root is <annotations>'),
    ('<annotation><item><bndbox><xmin>1</xmin></bndbox></item></annotation>', '<bndbox> is a label outside of any <object>'),
    ('<annotation><box label="cat" xtl="1"/></annotation>', '<box> is a label outside'),
    ('<annotation><thing points="1,2;3,4"/></annotation>', '<thing> is a label outside'),
    ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', 'it defines entities')])
def test_labels_that_would_be_lost_are_named(tmp_path, text, message):
    with pytest.raises(UserError, match='a.xml: .*' + message):
        read(tmp_path, text)


BOMB = '<?xml version="1.0" encoding="%s"?><!DOCTYPE a [<!ENTITY b "c">]><annotation/>'


@pytest.mark.parametrize('data', [
    (BOMB % 'utf-16').encode('utf-16'), (BOMB % 'utf-16').encode('utf-16-le'), (BOMB % 'utf-16').encode('utf-16-be'),
    (BOMB % 'utf-8').encode('utf-16'), (BOMB % 'utf-32').encode('utf-32'), (BOMB % 'utf-8').encode('utf-8-sig'),
    (BOMB % 'utf-7').replace('!ENTITY', '+ACE-ENTITY').encode('ascii'), b'\n ' + (BOMB % 'utf-8').encode()])
def test_entities_are_refused_in_every_encoding(tmp_path, data):
    with pytest.raises(UserError, match='a.xml: not a readable XML file .it defines entities'):
        read_annotation(trees.write(tmp_path, 'a.xml', data), (), 20, 30)


@pytest.mark.parametrize('declared, said', [
    ('idna', 'no XML is written in idna'), ('punycode', 'no XML is written in'), ('zlib', 'not a text encoding'),
    ('cp037', 'not well-formed|syntax error')])
def test_what_is_no_encoding_of_files(tmp_path, declared, said):
    with pytest.raises(UserError, match='a.xml: not a readable XML file .*(%s)' % said):
        read(tmp_path, '<?xml version="1.0" encoding="%s"?><annotation/>' % declared)


def test_objects_in_objects_are_gone_through_once(tmp_path):
    """What looked at each with all below it took hours for this."""
    with pytest.raises(UserError, match="a.xml: an object is of the class ''"):
        read(tmp_path, '<annotation>%s%s</annotation>' % ('<object>' * 50000, '</object>' * 50000))


@pytest.mark.parametrize('tag, value', [('width', 'None'), ('height', 'inf'), ('width', '3O'), ('height', 'nan')])
def test_a_size_that_is_no_number(tmp_path, tag, value):
    with pytest.raises(UserError, match="a.xml: <%s> is '%s', which is not a number" % (tag, value)):
        read(tmp_path, '<annotation><size><%s>%s</%s></size></annotation>' % (tag, value, tag))


@pytest.mark.parametrize('text, difficult', [('0', False), ('', False), ('False', False), ('no', False), ('1', True), ('true', True)])
def test_yes_and_no(tmp_path, text, difficult):
    marked = trees.voc_object('cat', 3, 5, 12, 10, '<difficult>%s</difficult>' % text)
    assert read(tmp_path, trees.voc_xml(marked)).difficult == (difficult,)


@pytest.mark.parametrize('text', ['Unspecified', 'None', '2'])
def test_neither_yes_nor_no(tmp_path, text):
    with pytest.raises(UserError, match="a.xml: <difficult> of an object is '%s'; it must be 0 or 1" % text):
        read(tmp_path, trees.voc_xml(trees.voc_object('cat', 3, 5, 12, 10, '<difficult>%s</difficult>' % text)))
