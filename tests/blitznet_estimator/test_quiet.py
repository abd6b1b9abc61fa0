"""What reaches standard error while TensorFlow is imported, and of a whole command."""
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINES = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795912680.309851    4782 port.cc:153] oneDNN custom operations are on.
2026-11-29 00:38:00.360456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary is optimized
To enable the following instructions: AVX2 AVX512F, in other operations, rebuild TensorFlow with the appropriate compiler flags.
W0000 00:00:1795912680.309851    4782 some.cc:1] a warning
E0000 00:00:1795912680.309851    4782 cuda_dnn.cc:8310] Unable to register cuDNN factory: one has already been registered
E0000 00:00:1795912680.309851    4782 some.cc:2] an error
F0000 00:00:1795912680.309851    4782 some.cc:3] the end
what Python says
"""
KEPT = [LINES.splitlines()[index] for index in (6, 7, 8)]
HELD = """
import os, sys
sys.path.insert(0, %r)
from blitznet_estimator import quiet
with quiet.import_of_tensorflow():
    os.write(2, %r)
    %s
print('after', file=sys.stderr)
"""


def _run(inside, **environment):
    program = HELD % (ROOT, LINES.encode(), inside)
    done = subprocess.run([sys.executable, '-c', program], stderr=subprocess.PIPE, env=dict(os.environ, **environment))
    return done.returncode, done.stderr.decode().splitlines()


def test_notices_are_left_out_and_all_else_is_shown():
    assert _run('pass', TF_CPP_MIN_LOG_LEVEL='3') == (0, KEPT + ['after'])


def test_who_asks_for_notices_sees_them():
    assert _run('pass', TF_CPP_MIN_LOG_LEVEL='0') == (0, LINES.splitlines() + ['after'])


@pytest.mark.skipif(os.name == 'nt', reason='Signals of POSIX.')
def test_the_last_words_of_a_process_that_ends_are_shown():
    code, lines = _run('os.abort()')
    assert code < 0 and lines[:3] == KEPT


def test_an_exception_passes():
    code, lines = _run('raise ImportError("no such file")')
    assert code == 1 and lines[:3] == KEPT and lines[-1] == 'ImportError: no such file'


def test_a_whole_command_says_nothing_of_its_libraries(tmp_path):
    command = [sys.executable, 'main.py', '--mode=train', '--dataset=shapes_small', '--platform=cpu', '--train_steps=1', '--batch_size=2',
               '--image_size=64', '--eval_every=0', '--lr_decay=', '--noprogress', '--noreport',
               '--data_dir=%s' % (tmp_path / 'data'), '--model_dir=%s' % (tmp_path / 'run')]
    environment = {name: value for name, value in os.environ.items() if not name.startswith('TF_')}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env=environment)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    told = [line.split(' ')[0] for line in said.splitlines() if not line.startswith(('Preparing', 'Counting'))]
    chosen = ['Precision:'] if sys.version_info >= (3, 8) else []  # TensorFlow 1.15 has nothing to choose from
    assert told == ['Loading'] + chosen + ['data', 'network', 'schedule', 'settings', 'Starting', 'Drawing', 'Building', 'Building', 'model.ckpt-1',
                                           'Evaluation', 'Next:'], said
    assert 'Starting at step 0 of 1' in said and 'mean, sum' in done.stdout.decode()
    assert not re.findall(r'(?im)^.*(?:^[IWEF]\d{4} |\bwarning\b|deprecat|onednn|\.cc:|absl::|site-packages|tensorflow/).*$', said)
