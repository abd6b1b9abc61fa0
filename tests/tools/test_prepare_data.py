"""The command that prepares, verifies, shows and converts datasets."""
import os

import cv2
import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets.formats import ASCEND_RAW, REFERENCE_JPEG
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from tools import prepare_data
from tools.preparation import convert as conversion
from tools.preparation import preview
from tools.preparation.verify import verify


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """A folder with the small shapes."""
    folder = str(tmp_path_factory.mktemp('prepared'))
    open_dataset(DataConfig(dataset='shapes_small', prepared_dir=folder), 'train')
    return folder


@pytest.fixture
def source(prepared):
    return open_dataset(DataConfig(dataset='shapes_small', prepared_dir=prepared), 'train')


def run(prepared, *more):
    return prepare_data.main(['--dataset=shapes_small', '--prepared_dir=' + prepared] + list(more))


def test_prepares_both_splits(prepared, capsys):
    sources = run(prepared)
    assert [source.split for source in sources] == ['train', 'val']
    assert 'split train: 20 images, 8 classes' in capsys.readouterr().out


def test_verify_counts_what_there_is(prepared, source, capsys):
    run(prepared, '--verify', '--split=train')
    report = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line}
    samples = list(read_samples(source))
    for number, name in enumerate(source.class_names, 1):
        of_class = [sample.classes == number for sample in samples]
        pixels = sum(np.count_nonzero(sample.mask() == number) for sample in samples) / sum(sample.mask().size for sample in samples)
        assert report[name] == [
            str(sum(found.any() for found in of_class)), str(sum(found.sum() for found in of_class)),
            str(sum(sample.difficult[found].sum() for sample, found in zip(samples, of_class))), '0', '%.2f%%' % (100 * pixels)]
    assert int(report['all'][1]) == sum(len(sample.boxes) for sample in samples)


def damaged(source, tmp_path):
    """The Source with a byte of its last record changed, in a copy."""
    path = str(tmp_path / 'damaged')
    with open(source.files[0], 'rb') as file:
        content = bytearray(file.read())
    content[-100] ^= 255
    with open(path, 'wb') as file:
        file.write(content)
    return type(source)(source.name, source.split, (path,), source.format, source.class_names, source.num_examples)


def test_verify_names_every_bad_record(source, tmp_path):
    bad = damaged(source, tmp_path)
    with pytest.raises(UserError, match='1 bad of 20 records:\n  %s, record 19: damaged' % bad.files[0]):
        verify(bad)


def test_verify_notices_lost_records(source):
    longer = type(source)(source.name, source.split, source.files, source.format, source.class_names, 21)
    with pytest.raises(UserError, match='20 records instead of 21'):
        verify(longer)


def test_preview_is_one_sheet_where_the_flag_says(prepared, tmp_path, capsys):
    path = tmp_path / 'new' / 'sheet.png'
    run(prepared, '--preview=%s' % path, '--preview_images=5')
    assert [entry.name for entry in path.parent.iterdir()] == ['sheet.png'] and 'wrote %s' % path in capsys.readouterr().out
    picture = cv2.imread(str(path))
    assert picture.shape[0] > 2 * 2 * 360 and picture.shape[1] == 4 * 480  # two splits, two rows each
    assert picture[:picture.shape[0] // 2].std() > 20 and picture[picture.shape[0] // 2:].std() > 20


@pytest.mark.parametrize('name, message', [('sheet', 'sheet: pictures are not written in that format'), ('a.txt/sheet.png', 'a.txt is no folder')])
def test_preview_to_a_wrong_place_is_refused_before_anything_is_read(tmp_path, name, message):
    (tmp_path / 'a.txt').write_text('')
    with pytest.raises(UserError, match=message):
        run(str(tmp_path / 'prepared'), '--preview=%s' % (tmp_path / name))
    assert not (tmp_path / 'prepared').exists()


def test_preview_spreads_over_the_split_and_names_the_files(source, monkeypatch):
    titles = []
    plain = preview.drawing.contact_sheet
    monkeypatch.setattr(preview.drawing, 'contact_sheet', lambda pictures, columns, cell, names: titles.extend(names) or plain(
        pictures, columns, cell, names))
    preview.sheet([source], 5)
    assert titles == ['train_%05d.jpg' % index for index in (0, 5, 10, 14, 19)]


def test_preview_of_images_without_masks_or_names(source, monkeypatch):
    sample = next(read_samples(source))
    monkeypatch.setattr(sample, 'has_mask', False)
    monkeypatch.setattr(sample, 'filename', '')
    monkeypatch.setattr(preview, 'read_samples', lambda source: iter([sample]))
    titles = []
    monkeypatch.setattr(preview.drawing, 'contact_sheet', lambda pictures, columns, cell, names: titles.extend(names) or pictures[0])
    assert preview.sheet([source], 1).std() > 20 and titles == ['image 0']


@pytest.mark.parametrize('record_format', [REFERENCE_JPEG, ASCEND_RAW])
def test_converted_records_hold_the_same(prepared, source, tmp_path, record_format):
    run(prepared, '--split=train', '--format=' + record_format.name, '--output=%s' % tmp_path)
    names = class_names(DataConfig(dataset='shapes_small'))
    read = open_dataset(DataConfig(dataset='records', data_dir=str(tmp_path), class_names=names, prepared_dir=str(tmp_path / 'p')), 'train')
    assert read.format == record_format and read.num_examples == 20
    for a, b in zip(read_samples(read), read_samples(source)):
        assert a.filename == b.filename
        for name in ('boxes', 'classes', 'difficult'):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        np.testing.assert_array_equal(a.mask(), b.mask())
        np.testing.assert_array_equal(a.image(), b.image())


def test_a_stopped_conversion_goes_on(source, tmp_path, monkeypatch):
    serialize, made, fatal = conversion.serialize, [], [13]

    def counted(sample, record_format):
        made.append(sample.source_id)
        if sample.source_id in fatal:
            raise RuntimeError('stopped')
        return serialize(sample, record_format)

    monkeypatch.setattr(conversion, 'serialize', counted)
    with pytest.raises(RuntimeError, match='stopped'):
        conversion.convert(source, REFERENCE_JPEG, str(tmp_path), shard=5)
    del made[:], fatal[:]
    paths = conversion.convert(source, REFERENCE_JPEG, str(tmp_path), shard=5)
    assert sorted(made) == list(range(10, 20))  # the shards of 0 to 9 were whole
    assert sorted(set(os.listdir(str(tmp_path))) - {'.lock'}) == [os.path.basename(path) for path in paths] + ['shapes-train.json']
    del made[:]
    conversion.convert(source, ASCEND_RAW, str(tmp_path), shard=5)
    assert len(set(made)) == 20  # of another format, so nothing is taken over


@pytest.mark.parametrize('state', ['[]', '7', '{"files": 7}', '{"files": [7, null]}', '{"files": ["FOREIGN", "../FOREIGN", "shapes-train.json"]}'])
def test_a_list_of_shards_that_is_not_the_tools_own_deletes_nothing(source, tmp_path, state):
    foreign = tmp_path / 'mine' / 'thesis'
    foreign.parent.mkdir()
    foreign.write_text('x')
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'thesis').write_text('y')
    (out / 'shapes-train.json').write_text(state.replace('FOREIGN', str(foreign)))
    paths = conversion.convert(source, REFERENCE_JPEG, str(out), shard=5)
    assert foreign.read_text() == 'x' and (out / 'thesis').read_text() == 'y' and len(paths) == 4


def test_shards_of_another_conversion_are_deleted(source, tmp_path):
    before = conversion.convert(source, REFERENCE_JPEG, str(tmp_path), shard=5)
    after = conversion.convert(source, REFERENCE_JPEG, str(tmp_path), shard=10)
    assert len(before) == 4
    assert sorted(set(os.listdir(str(tmp_path))) - {'.lock'}) == [os.path.basename(path) for path in after] + ['shapes-train.json']


def test_images_without_masks_or_with_crowds(tmp_path, monkeypatch, source):
    sample = next(read_samples(source))
    monkeypatch.setattr(sample, 'has_mask', False)
    monkeypatch.setattr(sample, 'crowd', np.arange(len(sample.boxes)) == 0)
    path = str(tmp_path / 'one')
    with conversion.tf.python_io.TFRecordWriter(path) as writer:
        writer.write(conversion.serialize(sample, REFERENCE_JPEG))
    read = next(read_samples(type(source)('x', 'x', (path,), REFERENCE_JPEG, source.class_names, 1)))
    assert np.unique(read.mask()).tolist() == [255] and len(read.boxes) == len(sample.boxes) - 1


@pytest.mark.parametrize('argument', ['--format=ascend_raw', '--output=x'])
def test_format_and_output_go_together(prepared, argument):
    with pytest.raises(UserError, match='--format and --output go together'):
        run(prepared, argument)


def test_number_of_classes_in_place_of_names(prepared, tmp_path):
    run(prepared, '--split=val', '--format=reference_jpeg', '--output=%s' % tmp_path)
    arguments = ['--dataset=records', '--data_dir=%s' % tmp_path, '--prepared_dir=%s' % (tmp_path / 'p'), '--split=val']
    assert prepare_data.main(arguments + ['--num_classes=9'])[0].class_names[7] == 'class_8'
    with pytest.raises(UserError, match='the label . is not one of the 3 classes'):
        prepare_data.main(arguments + ['--num_classes=4'])
