"""The shell scripts and the boot file: what they start, and a real run on the CPU."""
import json
import os
import shutil
import stat
import subprocess
import sys

import cv2
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from tools.ascend import acceptance, modelarts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SCRIPTS = ('run_1p.sh', 'train_testcase.sh', 'train_full_1p.sh', 'train_performance_1p.sh')
SUMMARY = {'first_step': 0, 'last_step': 1000, 'step_seconds': .25, 'images_per_second': 128., 'loss': 3.14159, 'batch_size': 32,
           'workers': 1, 'seconds': 300.}
# In the place of Python: notes its words; for main.py leaves what a training run leaves
STAND_IN = '''#!/bin/bash
echo "$@" >> "$WORDS"
if [[ "$1" = *main.py ]]; then
  for word in "$@"; do case "$word" in --model_dir=*) folder="${{word#*=}}" ;; esac; done
  [ "${{FAIL:-}}" ] && exit 3
  mkdir -p "$folder"
  echo '{summary}' > "$folder/run_summary.json"; echo '{{"mAP_voc12": 0.776}}' > "$folder/metrics.json"; echo x > "$folder/checkpoint"
else
  exec {python} "$@"
fi
'''


@pytest.fixture
def stand_in(tmp_path):
    """(environment, words): a Python that trains nothing, and a function that gives the words main.py was started with."""
    path, words = tmp_path / 'python', tmp_path / 'words'
    path.write_text(STAND_IN.format(summary=json.dumps(SUMMARY), python=sys.executable))
    path.chmod(stat.S_IRWXU)
    return dict(os.environ, PYTHON=str(path), WORDS=str(words)), lambda: words.read_text().splitlines()[0].split()


def _run(script, *arguments, **options):
    process = subprocess.Popen([os.path.join(ROOT, 'tools', 'ascend', script)] + list(arguments), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, universal_newlines=True, **options)
    output, _ = process.communicate(timeout=500)
    return process.returncode, output


def test_run_1p(stand_in, tmp_path):
    environment, words = stand_in
    assert _run('run_1p.sh', '--batch_size=16', '--model_dir=%s' % (tmp_path / 'm'), env=environment)[0] == 0
    assert words()[1:4] == ['--mode=train', '--platform=npu', '--preset=blitznet300']
    assert words().index('--save_every=5000') < words().index('--batch_size=16')  # the later one wins


def test_the_scripts_know_the_users_folder(stand_in, tmp_path):
    """Bash leaves the ~ of --name=~/folder."""
    environment, words = stand_in
    (tmp_path / 'ckpt').mkdir()
    code, output = _run('train_full_1p.sh', '--data_path=~/data', '--ckpt_path=~/ckpt', '--output=~/out', env=dict(environment, HOME=str(tmp_path)))
    assert code == 0, output
    assert '--data_dir=%s' % (tmp_path / 'data') in words()
    assert '--warm_start_from=%s/resnet50_full.ckpt' % (tmp_path / 'ckpt') in words()
    assert (tmp_path / 'out' / '0').is_dir() and not os.path.exists('~')


def test_acceptance_arguments(stand_in, tmp_path):
    environment, words = stand_in
    (tmp_path / 'ckpt').mkdir()
    code, output = _run(
        'train_full_1p.sh', '--data_path=/data', '--ckpt_path=%s' % (tmp_path / 'ckpt'), '--precision_mode=allow_mix_precision',
        '--over_dump=True', '--data_dump_flag=True', '--data_dump_step=0|5', '--profiling=True', '--output=%s' % (tmp_path / 'out'),
        '--dataset=records', env=dict(environment, ASCEND_DEVICE_ID='3'))
    assert code == 0, output
    folder = str(tmp_path / 'out' / '3')
    for word in ('--data_dir=/data', '--warm_start_from=%s/resnet50_full.ckpt' % (tmp_path / 'ckpt'), '--precision=mixed',
                 '--npu_dump_step=0|5', '--npu_overflow_dump=all', '--npu_dump_path=%s/dump' % folder,
                 '--npu_profiling=%s/profiling' % folder, '--preset=blitznet300'):
        assert word in words()
    assert words()[-1] == '--dataset=records'
    lines = (tmp_path / 'out' / '3' / 'BlitzNet_bs32_1p_acc.log').read_text().splitlines()
    values = dict(line.split(' = ') for line in lines)
    assert list(values) == ['Network', 'RankSize', 'BatchSize', 'DeviceType', 'CaseName', 'ActualFPS', 'TrainingTime', 'ActualLoss',
                            'TrainAccuracy', 'E2ETrainingTime']
    assert (values['ActualFPS'], values['TrainingTime'], values['ActualLoss'], values['TrainAccuracy']) == (
        '128.00', '250.00', '3.1416', '0.7760')
    assert output.splitlines()[-10:] == lines


def test_a_failed_training_ends_a_script(stand_in, tmp_path):
    environment, _ = stand_in
    environment['FAIL'] = '1'
    assert _run('train_performance_1p.sh', '--output=%s' % tmp_path, env=environment)[0] == 3
    code, output = _run('train_testcase.sh', '--result_url=%s' % (tmp_path / 'result'), env=environment)
    assert code == 1 and output.endswith('Run testcase failed!\n')
    assert _run('train_full_1p.sh', '--over_dump=maybe', env=environment)[0] == 2


def test_testcase(stand_in, tmp_path):
    environment, words = stand_in
    (tmp_path / 'resnet50_full.ckpt.index').write_text('')
    code, output = _run('train_testcase.sh', '--code_url=%s' % ROOT, '--data_url=%s' % tmp_path, '--result_url=%s' % (tmp_path / 'result'),
                        env=environment)
    assert code == 0 and output.endswith('Run testcase success!\n')
    assert '--data_dir=%s' % tmp_path in words() and '--warm_start_from=%s/resnet50_full.ckpt' % tmp_path in words()
    assert _run('train_testcase.sh', env=environment)[0] == 2


@pytest.mark.parametrize('place', ['resnet50_full.ckpt', 'Weights_imagenet/resnet50_full.ckpt', ''])
def test_the_published_weights_are_found(stand_in, tmp_path, place):
    environment, words = stand_in
    if place:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text('')
    _, output = _run('train_testcase.sh', '--data_url=%s' % tmp_path, '--result_url=%s' % (tmp_path / 'result'), env=environment)
    assert ('--warm_start_from=%s' % (tmp_path / place) in words()) == bool(place)
    assert ('starts from random weights' in output) == (not place)


def test_the_first_ports_three_folders(stand_in, tmp_path):
    """Its script takes them alone, in this order."""
    environment, words = stand_in
    code, output = _run('train_testcase.sh', ROOT, str(tmp_path), str(tmp_path / 'result'), '--batch_size=4', env=environment)
    assert code == 0, output
    assert '--data_dir=%s' % tmp_path in words() and '--model_dir=%s/model' % (tmp_path / 'result') in words() and words()[-1] == '--batch_size=4'
    code, output = _run('train_testcase.sh', ROOT, str(tmp_path), env=environment)
    assert code == 2 and 'name the folder of the code, of the data and of the results' in output


def test_acceptance_finds_data_and_weights_where_the_first_port_has_them(stand_in, tmp_path):
    environment, words = stand_in
    for name in ('Datasets', 'Weights_imagenet'):
        (tmp_path / name).mkdir()
    (tmp_path / 'Weights_imagenet' / 'resnet50_full.ckpt').write_text('')
    arguments = ['--data_path=%s' % tmp_path, '--output=%s' % (tmp_path / 'out')]
    assert _run('train_full_1p.sh', *arguments, env=environment)[0] == 0
    assert '--data_dir=%s' % (tmp_path / 'Datasets') in words()
    assert '--warm_start_from=%s' % (tmp_path / 'Weights_imagenet' / 'resnet50_full.ckpt') in words()


@pytest.mark.parametrize('word, warned', [('--batch_size=4', True), ('--warm_start_from=imagenet', False)])
def test_acceptance_says_where_no_weights_are(stand_in, tmp_path, word, warned):
    environment, words = stand_in
    _, output = _run('train_performance_1p.sh', '--data_path=%s' % tmp_path, '--output=%s' % (tmp_path / 'out'), word, env=environment)
    assert ('training starts from random weights' in output) == warned
    assert [one for one in words() if 'warm_start' in one] == ([] if warned else [word])


def test_the_scripts_train_as_the_seed_says(stand_in, tmp_path):
    environment, words = stand_in
    _run('run_1p.sh', env=environment)
    assert '--precision=mixed' in words() and '--npu_hcom_parallel' in words()


@pytest.mark.skipif(not shutil.which('shellcheck'), reason='shellcheck is not installed')
def test_shellcheck():
    paths = [os.path.join('tools', 'ascend', name) for name in SCRIPTS + ('common.sh',)] + [os.path.join('.ci', 'run')]
    assert subprocess.call(['shellcheck', '-x'] + paths, cwd=ROOT) == 0


def _dataset(folder):
    """Six pictures in VOC's layout, each with a bright square."""
    for name in ('JPEGImages', 'Annotations', 'SegmentationClass', os.path.join('ImageSets', 'Main')):
        os.makedirs(os.path.join(folder, name))
    for split in ('train', 'val'):
        with open(os.path.join(folder, 'ImageSets', 'Main', split + '.txt'), 'w') as file:
            file.write('\n'.join('%d' % number for number in range(6)) + '\n')
    with open(os.path.join(folder, 'classes.txt'), 'w') as file:
        file.write('square\n')
    for number in range(6):
        image, mask = np.full((64, 64, 3), 40, np.uint8), np.zeros((64, 64), np.uint8)
        image[10:40, 5 * number:5 * number + 30], mask[10:40, 5 * number:5 * number + 30] = 220, 1
        cv2.imwrite(os.path.join(folder, 'JPEGImages', '%d.jpg' % number), image)
        cv2.imwrite(os.path.join(folder, 'SegmentationClass', '%d.png' % number), mask)
        with open(os.path.join(folder, 'Annotations', '%d.xml' % number), 'w') as file:
            file.write('<annotation><size><width>64</width><height>64</height><depth>3</depth></size><object><name>square</name><bndbox>'
                       '<xmin>%d</xmin><ymin>11</ymin><xmax>%d</xmax><ymax>40</ymax></bndbox></object></annotation>'
                       % (5 * number + 1, 5 * number + 30))


ON_CPU = ('--platform=cpu', '--preset=tiny', '--image_size=64', '--top_fm=16', '--dataset=folder', '--batch_size=2', '--train_steps=6',
          '--save_every=6', '--iterations_per_loop=2', '--summary_every=2', '--lr_decay=', '--noreport')


def _closing_lines(path):
    return dict(line.split(' = ') for line in path.read_text().splitlines())


@pytest.mark.slow
@pytest.mark.parametrize('case', ['full', pytest.param('performance', marks=pytest.mark.one_python)])
def test_a_real_acceptance_on_the_cpu(tmp_path, case):
    _dataset(str(tmp_path / 'data'))
    code, output = _run('train_%s_1p.sh' % case, '--data_path=%s' % (tmp_path / 'data'), '--output=%s' % (tmp_path / 'out'), *ON_CPU,
                        '--prepared_dir=%s' % (tmp_path / 'prepared'), env=dict(os.environ, PYTHON=sys.executable))
    assert code == 0, output
    values = _closing_lines(tmp_path / 'out' / '0' / ('BlitzNet_bs2_1p_%s.log' % {'full': 'acc', 'performance': 'perf'}[case]))
    assert float(values['ActualFPS']) == pytest.approx(2000 / float(values['TrainingTime']), rel=2e-3)  # two images a step; both are rounded
    assert float(values['ActualLoss']) > 0 and 0 <= float(values['TrainAccuracy']) <= 1


@pytest.mark.slow
@pytest.mark.one_python
@pytest.mark.parametrize('script', ['train_testcase.sh', 'modelarts.py'])
def test_a_real_run_on_the_cpu(tmp_path, script):
    data, result = str(tmp_path / 'data'), tmp_path / 'result'
    _dataset(data)
    arguments, model = {
        'train_testcase.sh': (['--code_url=' + ROOT, '--data_url=' + data, '--result_url=%s' % result], result / 'model'),
        'modelarts.py': (['--data_url=' + data, '--train_url=%s' % result], result)}[script]
    starter = [sys.executable] if script.endswith('.py') else []
    command = starter + [os.path.join(ROOT, 'tools', 'ascend', script)] + arguments + list(ON_CPU)
    process = subprocess.Popen(command + ['--prepared_dir=%s' % (tmp_path / 'prepared')], env=dict(os.environ, PYTHON=sys.executable),
                               cwd=str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert json.loads((model / 'metrics.json').read_text())['global_step'] == 6
    assert 'Run testcase success!' in output or script != 'train_testcase.sh'


def test_a_run_too_short_to_time(tmp_path):
    (tmp_path / 'run_summary.json').write_text(json.dumps(dict(SUMMARY, step_seconds=None)))
    with pytest.raises(UserError, match='too short'):
        acceptance.main(['--model_dir=%s' % tmp_path, '--case=perf', '--total_seconds=1'])


class _Moxing:
    def __init__(self, fail=False):
        self.copies, self.file = [], self

    def copy_parallel(self, source, target):
        self.copies.append((source, target))


@pytest.mark.parametrize('code', [0, 5])
def test_modelarts_copies_in_and_out(tmp_path, monkeypatch, code):
    moxing, started = _Moxing(), []
    monkeypatch.setitem(sys.modules, 'moxing', moxing)
    monkeypatch.setattr(modelarts.subprocess, 'call', lambda command: started.append(command) or code)
    data, model = str(tmp_path / 'data'), str(tmp_path / 'model')
    assert modelarts.main(['--data_url=obs://b/data', '--train_url=s3://b/out', '--modelarts_data_dir=' + data, '--modelarts_result_dir=' + model,
                           '--preset=blitznet300', '--cache=decoded']) == code  # --cache is one of main.py
    assert moxing.copies == [('obs://b/data', data), ('s3://b/out', model), (model, 's3://b/out')]
    assert started[0][1:] == [os.path.join(str(ROOT), 'main.py'), '--mode=train', '--platform=npu', '--data_dir=' + data, '--model_dir=' + model,
                              '--preset=blitznet300', '--cache=decoded']


def test_modelarts_with_local_folders(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(modelarts.subprocess, 'call', lambda command: started.append(command) or 0)
    assert modelarts.main(['--data_url=%s' % tmp_path, '--train_url=%s' % (tmp_path / 'out')]) == 0
    assert '--data_dir=%s' % tmp_path in started[0] and '--model_dir=%s' % (tmp_path / 'out') in started[0]
