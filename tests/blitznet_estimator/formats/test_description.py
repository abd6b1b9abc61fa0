"""export.json, from which an export is evaluated."""
import json

import pytest

from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import description
from blitznet_estimator.formats.registry import Exported

CONFIG = Config().replace(network=dict(num_classes=3), data=dict(class_names=('cat', 'dog')), run=dict(metrics=('miou',)))
ROWS = [dict(file=name, format='frozen', outputs='raw', precision='float32', differences={}) for name in ('frozen.pb', 'parts/other.pb')]


@pytest.fixture(name='base')
def folder_of_two_exports(tmp_path):
    for number in ('9', '10'):
        (tmp_path / number / 'parts').mkdir(parents=True)
        (tmp_path / number / 'export.json').write_text(json.dumps({'config': json.loads(CONFIG.to_json()), 'files': ROWS}))
        for row in ROWS:
            (tmp_path / number / row['file']).write_text(number)
    return tmp_path


@pytest.mark.parametrize('path, folder, count', [
    ('', '10', 2), ('9', '9', 2), ('9/export.json', '9', 2), ('9/frozen.pb', '9', 1), ('9/parts/other.pb', '9', 1)])
def test_what_a_path_means(base, path, folder, count):
    given = str(base / path)
    assert description.find(given) == str(base / folder)
    assert len(description.files_of(given)) == count


@pytest.mark.parametrize('name, file, beside, others', [
    ('frozen', 'frozen.pb', [], ['frozen.bin']), ('openvino', 'openvino/raw [1].xml', ['openvino/raw [1].bin'], ['openvino/a.bin', 'raw [1].bin']),
    ('saved_model', 'saved_model.pb', ['variables/variables.index', 'variables/a'], ['saved_model.bin']),
    ('tfjs', 'tfjs/model.json', ['tfjs/group1-shard1of2.bin', 'tfjs/group1-shard2of2.bin'], ['model.bin'])])
def test_the_size_of_a_file_is_with_its_weights(tmp_path, name, file, beside, others):
    folder = tmp_path / 'of [2]'
    for size, one in enumerate([file] + beside, 1):
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        (folder / one).write_bytes(b'x' * size)
    for one in others:
        (folder / one).write_bytes(b'x' * 100)
    assert description.size_of(str(folder), Exported(file, name, 'raw', 'float32')) == sum(range(len(beside) + 2))


def test_paths_of_no_export(base, tmp_path):
    with pytest.raises(UserError, match='there is no export'):
        description.find(str(tmp_path / 'none'))
    (base / '9' / 'notes.txt').write_text('')
    with pytest.raises(UserError, match=r'notes.txt is no model of the export. Its files: frozen.pb, parts/other.pb'):
        description.files_of(str(base / '9' / 'notes.txt'))
    for text in ('{', '{}', '[]', '{"files": [{}]}', '{"config": {"run": 3}}'):
        (base / '9' / 'export.json').write_text(text)
        with pytest.raises(UserError, match='export.json is damaged'):
            description.config_of(str(base / '9'))
        with pytest.raises(UserError, match='export.json is damaged'):
            description.files_of(str(base / '9'))


@pytest.mark.parametrize('field, value', [
    ('file', 3), ('file', ['x']), ('file', '../../x'),
    ('file', '/x'), ('file', 'a/../../x'), ('file', ''), ('file', 'a\0'), ('format', 'psd'), ('format', None), ('outputs', 1),
    ('precision', {})])
def test_a_wrong_field_of_a_file_is_named(base, field, value):
    (base / '9' / 'export.json').write_text(json.dumps({'files': [dict(ROWS[0], **{field: value})]}))
    for ask in (description.files_of, description.times_of):
        row = dict(ROWS[0], milliseconds=9, **{field: value}) if field not in ROWS[0] else dict(ROWS[0], **{field: value, 'milliseconds': 9})
        (base / '9' / 'export.json').write_text(json.dumps({'files': [row]}))
        with pytest.raises(UserError, match='export.json is damaged .files, '):
            ask(str(base / '9'))


@pytest.mark.parametrize('name, value, ask', [
    ('class_names', 'abc', description.class_names_of), ('class_names', ['background', 3], description.class_names_of),
    ('checkpoint', {}, description.checkpoint_of), ('weights', 7, description.weights_of), ('config', '[', description.config_of)])
def test_a_value_of_another_kind_is_named(base, name, value, ask):
    (base / '9' / 'export.json').write_text(json.dumps({name: value}).replace('"["', '[' * 100000))
    with pytest.raises(UserError, match='export.json is damaged .%s, ' % name):
        ask(str(base / '9'))


def test_a_time_that_is_no_number_is_none(base):
    (base / '9' / 'export.json').write_text(json.dumps({'files': [dict(ROWS[0], milliseconds=float('nan')), dict(ROWS[1], milliseconds=9)]}))
    assert list(description.times_of(str(base / '9')).values()) == [9.]


def test_the_configuration_comes_with_the_export(make, base):
    config = make('--mode=eval', '--model=%s' % base, '--conf_thresh=0.05')
    assert (config.network, config.data.class_names, config.run.metrics) == (CONFIG.network, ('cat', 'dog'), ('miou',))
    assert config.detection.conf_thresh == .05
    with pytest.raises(UserError, match='--image_size=300, but the model in .*10 was trained with --image_size=128'):
        make('--mode=eval', '--model=%s' % base, '--image_size=300')
    with pytest.raises(UserError, match='--preset=ssd300, but .*10 was exported with --preset=tiny'):
        make('--mode=eval', '--model=%s' % base, '--preset=ssd300')


@pytest.mark.parametrize('words', [
    ['--mode=eval', '--checkpoints=all'], ['--mode=export'], ['--mode=predict', '--input=.', '--checkpoint_path=best']])
def test_model_stands_alone(make, base, words):
    with pytest.raises(UserError, match='--model'):
        make('--model=%s' % base, *words)
