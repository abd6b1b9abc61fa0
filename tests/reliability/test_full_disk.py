"""A disk that is full, or may only be read, ends every command in one sentence. It is a real one: a small file system of the command's own."""
import os
import shutil
import subprocess
import sys

import cv2
import pytest

from tests import small_model
from tests.paths import ROOT
from tests.reliability.kill import SMALL

# Its arguments: the options of the mount, where, and the command. What it leaves that is unfinished is listed behind the word LEFT
ON_A_DISK = 'mount -t tmpfs -o "$0" tmpfs "$1" || exit 99; disk=$1; shift; "$@"; code=$?; echo LEFT; find "$disk" -name "*.tmp*"; exit $code'
DISKS = {'full': 'size=16k', 'read-only': 'ro'}
COMMANDS = {
    'train': ['main.py', '--mode=train', '--data_dir={given}/data', '--model_dir={disk}/model', '--train_steps=2', '--lr_decay='] + SMALL,
    'eval': ['main.py', '--mode=eval', '--data_dir={given}/data', '--model_dir={given}/model', '--reevaluate', '--platform=cpu'],
    'predict': ['main.py', '--mode=predict', '--model_dir={given}/model', '--input={given}/pictures', '--output_dir={disk}/out', '--platform=cpu'],
    'export': ['main.py', '--mode=export', '--model_dir={given}/model', '--output_dir={disk}/exports', '--platform=cpu', '--export_pictures=0'],
    'prepare': ['-m', 'tools.prepare_data', '--dataset=shapes_small', '--data_dir={disk}'],
    'convert': ['-m', 'tools.prepare_data', '--dataset=shapes_small', '--data_dir={given}/data', '--format=reference_jpeg', '--output={disk}'],
    'report': ['-m', 'tools.report', '--model_dir={given}/model', '--output={disk}/report'],
    'freeze': ['-m', 'tools.ascend.freeze', '--checkpoint_path={given}/model', '--output={disk}/a.pb'],
}


def _on_a_disk(options, folder, *words):
    return ['unshare', '-rm', 'sh', '-c', ON_A_DISK, options, folder] + list(words)


def _can_mount():
    return bool(shutil.which('unshare')) and subprocess.run(_on_a_disk('ro', '/mnt', 'true'), capture_output=True).returncode == 0


pytestmark = [pytest.mark.slow, pytest.mark.one_python, pytest.mark.skipif(not _can_mount(), reason='needs unshare, and the right to mount')]


@pytest.fixture(scope='module', name='given')
def folder_of_a_model(tmp_path_factory):
    """A folder with prepared data, a model that was trained and evaluated, and pictures."""
    folder = tmp_path_factory.mktemp('given')
    words = [word.format(given=folder, disk=folder) for word in COMMANDS['train']]
    subprocess.run([sys.executable] + words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (folder / 'pictures').mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / 'pictures' / ('%d.png' % number)), small_model.picture(90, 120, number))
    return folder


# A temporary folder that may only be read is no fault: Python takes another one.
@pytest.mark.parametrize('name, disk', [(name, disk) for name in sorted(COMMANDS) for disk in sorted(DISKS) if (name, disk) != ('eval', 'read-only')])
def test_it_is_one_sentence_and_leaves_nothing_half_written(given, tmp_path, name, disk):
    words = [word.format(given=given, disk=tmp_path) for word in COMMANDS[name]]
    environment = dict(os.environ, TMPDIR=str(tmp_path)) if name == 'eval' else None  # the weights go to the folder for temporary files
    done = subprocess.run(_on_a_disk(DISKS[disk], str(tmp_path), sys.executable, *words), cwd=ROOT, env=environment, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    assert done.returncode == 2 and 'Traceback' not in done.stderr, done.stderr[-3000:]
    assert len(said) == 1 and str(tmp_path) in said[0], done.stderr[-3000:]
    assert done.stdout.rpartition('LEFT')[2].strip() == ''
