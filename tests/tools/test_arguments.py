"""What the tools share: data arguments, and errors for the user."""
import argparse
import sys

import pytest

from blitznet_estimator import logs
from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from tools import arguments


def parsed(*argv):
    parser = argparse.ArgumentParser()
    arguments.add_data_arguments(parser)
    return parser.parse_args(argv)


def test_given_arguments_change_the_base():
    base = DataConfig(dataset='folder', data_dir='a', batch_size=3)
    assert arguments.data_config(parsed(), base) == base
    config = arguments.data_config(parsed('--data_dir=b', '--split=test', '--eval_files=x,y*', '--max_pixels=9'), base)
    assert (config.dataset, config.data_dir, config.eval_split, config.eval_files, config.max_pixels) == ('folder', 'b', 'test', ('x', 'y*'), 9)
    assert arguments.data_config(parsed()) == DataConfig()


def test_the_layout_of_a_folder_is_its_dataset(tmp_path):
    (tmp_path / 'JPEGImages').mkdir()
    assert arguments.data_config(parsed('--data_dir=%s' % tmp_path)).dataset == 'folder'
    assert arguments.data_config(parsed('--data_dir=%s' % tmp_path), DataConfig(dataset='voc12-val')).dataset == 'voc12-val'


@pytest.mark.parametrize('words, message', [
    (['--dataset=folder', '--data_dir={}/no'], '--data_dir=.*no: there is no such folder'),
    (['--eval_files={}/a,{}/b'], '--eval_files=.*b: no such file, folder or glob'),
    (['--class_file={}/no'], '--class_file=.*no: there is no such file'), (['--prepared_dir={}/a'], '--prepared_dir=.*a: .*a is no folder')])
def test_paths_are_looked_at_first(tmp_path, words, message):
    (tmp_path / 'a').write_text('')
    with pytest.raises(UserError, match=message):
        arguments.check_paths(parsed(*[word.format(tmp_path, tmp_path) for word in words]))
    arguments.check_paths(parsed('--eval_files=%s/a' % tmp_path, '--data_dir=%s' % (tmp_path / 'drawn_here')))


def test_the_users_folder(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    assert [arguments.at_home(word) for word in ('--files=~/a,~/b', '--output=om/~x', '--aipp', '~/c')] == [
        '--files=/home/me/a,/home/me/b', '--output=om/~x', '--aipp', '~/c']


def test_an_error_for_the_user_is_one_sentence(monkeypatch, capsys):
    def fail(argv):
        raise UserError('a.txt is missing: make it. %s' % argv)
    monkeypatch.setattr(logs, 'setup', lambda: None)  # it changes the logging of the whole process
    monkeypatch.setattr(sys, 'argv', ['tool', '--flag'])
    with pytest.raises(SystemExit) as caught:
        arguments.run(fail)
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: a.txt is missing: make it. ['--flag']\n"


def test_a_folder_without_configuration(tmp_path):
    with pytest.raises(UserError, match='holds no config.json: name the folder of a model'):
        arguments.saved_config(str(tmp_path))
