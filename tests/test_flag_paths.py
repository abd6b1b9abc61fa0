"""Flags that name files and folders: what is looked at before a run begins."""

import pytest

from blitznet_estimator.errors import UserError
from tests.input_fn.datasets import trees


def test_a_home_directory_is_found(make, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    for name in ('a.tfrecord', 'b.tfrecord', 'resnet.ckpt', 'classes.txt'):
        (tmp_path / name).write_text('car')
    config = make('--dataset=records', '--train_files=~/a.tfrecord,~/b.tfrecord', '--class_file=~/classes.txt', '--model_dir=~/run',
                  '--warm_start_from=~/resnet.ckpt')
    assert config.data.train_files == (str(tmp_path / 'a.tfrecord'), str(tmp_path / 'b.tfrecord'))
    assert (config.data.class_file, config.run.model_dir) == (str(tmp_path / 'classes.txt'), str(tmp_path / 'run'))
    assert config.train.warm_start_from == str(tmp_path / 'resnet.ckpt')


@pytest.mark.parametrize('words, message', [
    (['--warm_start_from={}/no.ckpt'], '--warm_start_from=.*no.ckpt: there is no such checkpoint; .* has published.ckpt'),
    (['--warm_start_from={}'], '--warm_start_from=.* is a folder without a list of checkpoints'),
    (['--mode=eval', '--checkpoint_path={}/no.ckpt'], '--checkpoint_path=.*no.ckpt: there is no such checkpoint'),
    (['--dataset=folder', '--data_dir={}/no'], '--data_dir=.*no: there is no such folder'),
    (['--dataset=records', '--train_files={}/no*.tfrecord'], r'--train_files=.*no\*.tfrecord: no such file, folder or glob'),
    (['--mode=predict', '--input={}/no.jpg'], '--input=.*no.jpg: no such file, folder or glob'),
    (['--class_file={}/no.txt'], '--class_file=.*no.txt: there is no such file'),
    (['--model_dir={}/published.ckpt.index'], '--model_dir=.*index: .*index is no folder'),
    (['--model_dir={}/published.ckpt.index/run'], '--model_dir=.*run: .*index is no folder'),
    (['--prepared_dir={}/published.ckpt.index'], '--prepared_dir=.* is no folder'),
    (['--dataset=shapes', '--data_dir={}/published.ckpt.index'], '--data_dir=.* is no folder'),  # which are drawn there
])
def test_paths_are_looked_at_first(make, tmp_path, words, message):
    (tmp_path / 'published.ckpt.index').write_text('')
    with pytest.raises(UserError, match=message):
        make(*[word.format(tmp_path) for word in words])


def test_the_layout_of_the_data_is_the_dataset_of_a_training(make, tmp_path, caplog):
    trees.write(tmp_path, 'pets/JPEGImages/a.jpg', b'')
    with caplog.at_level('INFO', 'blitznet'):
        config = make('--data_dir=%s/pets' % tmp_path)
    assert config.data.dataset == 'folder' and config.run.model_dir == 'runs/tiny-folder'
    assert '--data_dir=%s/pets has a folder JPEGImages: --dataset=folder.' % tmp_path in caplog.text
    assert make('--dataset=auto', '--data_dir=%s/pets' % tmp_path, '--mode=export', '--preset=tiny').data.dataset == 'folder'
    assert make('--dataset=shapes', '--data_dir=%s/pets' % tmp_path).data.dataset == 'shapes' == make().data.dataset
    with pytest.raises(UserError, match='--data_dir=gone: there is no such folder. To draw shapes there, give --dataset=shapes'):
        make('--data_dir=gone')
    assert make('--data_dir=gone', '--dry_run').data.dataset == 'shapes'


def test_a_dry_run_is_of_another_machine(make):
    assert make('--dry_run', '--warm_start_from=gone.ckpt', '--dataset=folder', '--data_dir=gone').data.data_dir == 'gone'


def test_paths_that_are_not_needed_yet_or_any_more(make, tmp_path):
    words = '--model_dir=%s' % (tmp_path / 'a' / 'b'), '--warm_start_from=%s' % (tmp_path / 'gone.ckpt')
    (tmp_path / 'a' / 'b').mkdir(parents=True)
    (tmp_path / 'a' / 'b' / 'checkpoint').write_text('')
    assert make(*words).train.warm_start_from  # the checkpoint in --model_dir wins
    assert make('--model_dir=%s' % (tmp_path / 'new' / 'one'), '--warm_start_from=gs://bucket/resnet.ckpt').train.warm_start_from


def test_published_weights_and_files_of_other_libraries(make, tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'')
    assert make('--preset=blitznet300', '--warm_start_from=imagenet').train.weights_dir == 'data/weights'
    assert make('--preset=lite0', '--warm_start_from=%s' % (tmp_path / 'a.pth')).network.trunk == 'lite0'
    with pytest.raises(UserError, match='--warm_start_from=imagenet: the trunk tiny has no published weights'):
        make('--warm_start_from=imagenet')
    with pytest.raises(UserError, match='a.pth is a file of PyTorch, and the trunk resnet50 takes none: torchvision.*strides.*=imagenet'):
        make('--preset=blitznet300', '--warm_start_from=%s' % (tmp_path / 'a.pth'))
    with pytest.raises(UserError, match='--warm_start_from=gone.h5: there is no such file'):
        make('--preset=blitznet300', '--warm_start_from=gone.h5')
