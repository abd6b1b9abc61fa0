import errno
import glob
import os
import re
import subprocess
import sys

import pytest

from blitznet_estimator import files
from tests.paths import ROOT


def test_a_file_appears_whole(tmp_path, monkeypatch):
    path = str(tmp_path / 'new' / 'a.json')
    files.write_json(path, {'b': [1, None]})
    assert open(path).read() == '{\n  "b": [\n    1,\n    null\n  ]\n}\n'

    def stop(*names):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', stop)  # as if killed just before
    with pytest.raises(KeyboardInterrupt):
        files.write_text(path, 'other')
    assert open(path).read().startswith('{')


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    for name in ('fsync', 'sync', 'replace', 'rename'):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, original=original: done.append(name) or original(*args))
    files.write_text(str(tmp_path / 'a'), 'a')
    assert done == ['fsync', 'replace']
    del done[:]
    for _ in range(2):
        with files.replacing(str(tmp_path / 'folder')) as temporary:
            files.write_text(os.path.join(temporary, 'inner'), 'b')
    assert done == ['replace', 'sync', 'replace', 'replace', 'sync', 'rename', 'rename']  # `inner` is flushed with its folder
    assert sorted(os.listdir(str(tmp_path))) == ['a', 'folder'] and os.listdir(str(tmp_path / 'folder')) == ['inner']


@pytest.mark.parametrize('alone', [False, True])
def test_what_fails_or_was_killed_leaves_nothing(tmp_path, alone):
    path = str(tmp_path / 'folder')
    if alone:
        os.makedirs(path + '.tmp/left')  # by a process that was killed
    with pytest.raises(KeyError), files.replacing(path, alone) as temporary:
        os.mkdir(temporary)
        raise KeyError
    assert os.listdir(str(tmp_path)) == []


def test_a_sweep_takes_what_the_dead_left_and_nothing_else(tmp_path):
    def touch(name):
        (tmp_path / name).write_text('x')
    dead = subprocess.Popen([sys.executable, '-c', ''])
    dead.wait()
    touch('kept')
    touch('model.ckpt-3.tempstate7')
    (tmp_path / 'model.ckpt-4_temp').mkdir()
    touch('a.%d-00000000.tmp' % dead.pid)  # of another machine, or of somebody else
    with files.unpublished(str(tmp_path / 'ours')) as ours:
        touch(os.path.basename(ours))
        touch(os.path.basename(ours).replace('.%d-' % os.getpid(), '.%d-' % dead.pid))
        assert files.sweep(str(tmp_path), ('model.ckpt-*_temp', '*.tempstate*')) == 3
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            ['kept', 'a.%d-00000000.tmp' % dead.pid, os.path.basename(ours), os.path.basename(ours) + '.lock'])
    assert files.sweep(str(tmp_path / 'absent')) == 0


KILLED = '''
import os, sys
from blitznet_estimator import files
with files.unpublished(sys.argv[1]) as temporary:
    os.mkdir(temporary)
    print(temporary, flush=True)
    sys.stdin.read()
'''


@pytest.mark.parametrize('here', [True, False])
def test_the_next_writer_frees_a_folder_of_what_a_killed_one_left(tmp_path, here):
    """Also where it was on another machine, or in another container, in which its number is another process's, and a day ago."""
    process = subprocess.Popen([sys.executable, '-c', KILLED, str(tmp_path / 'a')], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    left = process.stdout.readline().strip()
    if not here:
        other = left.replace('.%d-%s' % (process.pid, files._MACHINE), '.%d-0000' % os.getpid())
        for ending in ('', '.lock'):
            os.rename(left + ending, other + ending)
        left = other
        os.utime(left, (1, 1))
    assert files.sweep(str(tmp_path)) == 0 and os.path.isdir(left)
    process.kill()
    process.communicate()
    if not here:
        os.utime(left)
        assert files.sweep(str(tmp_path)) == 0
        os.utime(left, (1, 1))
    assert os.path.isdir(left)
    files.write_text(str(tmp_path / 'b'), 'b')
    assert os.listdir(str(tmp_path)) == ['b']


def test_what_an_earlier_container_left_under_this_process_number(tmp_path):
    (tmp_path / ('a.%d-%s0000.tmp' % (os.getpid(), files._MACHINE))).write_text('of a release without locks')
    files.write_text(str(tmp_path / 'b'), 'b')
    assert os.listdir(str(tmp_path)) == ['b']


def test_an_error_of_the_disk_names_the_file(tmp_path):
    path = str(tmp_path / 'a.json')
    with pytest.raises(OSError) as error, files.replacing(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.filename == path and os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize('links', [True, False])
def test_a_copy_or_a_link(tmp_path, monkeypatch, links):
    source, path = str(tmp_path / 'a'), str(tmp_path / 'b')
    files.write_text(source, 'a')
    if not links:
        monkeypatch.setattr(os, 'link', lambda *names: os.stat(str(tmp_path / 'none')))  # raises OSError
    for link in (False, True):
        files.copy(source, path, link)
        assert open(path).read() == 'a' and os.path.samefile(source, path) == (link and links)


MODULES = [path for folder in ('blitznet_estimator', 'input_fn', 'model_fn', 'hooks', 'tools')
           for path in glob.glob(os.path.join(ROOT, folder, '**', '*.py'), recursive=True)]


def test_no_other_module_names_temporary_files():
    renaming = [os.path.relpath(path, ROOT) for path in MODULES if re.search(r'os\.(replace|rename)\(', open(path).read())]
    assert renaming == [os.path.join('blitznet_estimator', 'files.py')]


def test_the_name_of_a_folder_is_no_pattern():
    calls = [line.strip() for path in MODULES for line in open(path, encoding='utf-8') if 'glob.glob(' in line]
    patterns_of_the_user = [line for line in calls if 'glob.glob(pattern' in line]
    assert len(calls) > 5 and len(patterns_of_the_user) == 4  # --input of images and of videos, files of records, and whether there are any
    assert [line for line in calls if 'glob.escape(' not in line and line not in patterns_of_the_user] == []


PROGRAM = '''
import sys, time
from blitznet_estimator import files
with files.locked(sys.argv[1]):
    before = open(sys.argv[1] + '/count').read()
    time.sleep(.1)
    files.write_text(sys.argv[1] + '/count', str(int(before) + 1))
'''


def test_processes_take_turns_in_a_folder(tmp_path):
    (tmp_path / 'count').write_text('0')
    started = [subprocess.Popen([sys.executable, '-c', PROGRAM, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    assert (tmp_path / 'count').read_text() == '4'


def test_a_lock_ends_with_its_block_and_makes_its_folder(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), files.locked(str(tmp_path / 'new')):
            raise KeyError


CLAIMER = '''
import sys
from blitznet_estimator import files
with files.claimed(sys.argv[1], sys.argv[2]):
    print("mine", flush=True)
    sys.stdin.read()
'''


def claimer(folder, key):
    """A process that has a claim until its input ends."""
    process = subprocess.Popen([sys.executable, '-c', CLAIMER, str(folder), key], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b'mine\n'
    return process


@pytest.mark.parametrize('end', [lambda process: process.stdin.close(), lambda process: process.kill()], ids=['ends', 'dies'])
def test_a_claim_of_another_process_is_waited_for_until_it_ends_or_dies(tmp_path, end):
    waited = []
    with claimer(tmp_path / 'new', 'step 10') as other:
        def stop():
            waited.append(10)
            end(other)

        with files.claimed(str(tmp_path / 'new'), 'step 20', stop):
            assert not waited  # another key is free
        for _ in range(2):
            with files.claimed(str(tmp_path / 'new'), 'step 10', stop):
                assert waited == [10] and other.wait() is not None


@pytest.mark.parametrize('turn', [files.locked, lambda folder: files.claimed(folder, 'step 10')])
def test_a_file_system_without_locks(tmp_path, monkeypatch, turn):
    """Nobody waits there, as where the system has no fcntl; any other error is one."""
    def refuse(*arguments):
        raise OSError(numbers[-1], 'refused')

    numbers = [errno.EIO, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP]
    for name in ('flock', 'lockf'):
        monkeypatch.setattr(files.fcntl, name, refuse)
    while len(numbers) > 1:
        with turn(str(tmp_path)), files.only_one(str(tmp_path / 'file')) as alone:
            assert alone is None
            numbers.pop()
    with pytest.raises(OSError, match='refused'), turn(str(tmp_path)):
        pass
    monkeypatch.setattr(files, 'fcntl', None)
    with turn(str(tmp_path)):
        pass


def test_a_folder_is_published_at_the_first_free_path(tmp_path):
    for name in ('new', 'taken'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'content').write_text(name)
    (tmp_path / 'file').write_text('')
    paths = [str(tmp_path / name) for name in ('taken', 'file', 'free')]
    assert files.publish_folder(str(tmp_path / 'new'), paths) == paths[-1]
    assert [(tmp_path / name / 'content').read_text() for name in ('taken', 'free')] == ['taken', 'new']
    with pytest.raises(FileExistsError):
        files.publish_folder(paths[-1], paths[:2])
