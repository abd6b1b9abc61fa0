"""TF_CONFIG, by which TensorFlow's Estimator and Kubernetes (TFJob) describe a cluster of processes and this one's part in it."""
import contextlib
import dataclasses
import json
import os
import re
import reprlib
from typing import Tuple

from blitznet_estimator import json_files
from blitznet_estimator.errors import UserError

VARIABLE = 'TF_CONFIG'
CHIEF, WORKER, EVALUATOR, PS = 'chief', 'worker', 'evaluator', 'ps'
_OF_CLUSTERS = {'multi_worker': '', 'parameter_server': ' --ps=1'}  # --distribution: what tools.launch needs besides --workers
FOR_EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together, and which one this is. The first is the chief, which writes."""
    jobs: Tuple[Tuple[str, Tuple[str, ...]], ...]  # (type, addresses host:port): chief if there is one, then worker
    task_type: str
    task_index: int
    ps: Tuple[str, ...] = ()  # addresses of the parameter servers, which hold the weights; none where each training process does

    @property
    def all_jobs(self):
        """`jobs`, and the parameter servers where there are any."""
        return self.jobs + (((PS, self.ps),) if self.ps else ())

    @property
    def is_server(self):
        """Whether this process is a parameter server."""
        return self.task_type == PS

    @property
    def addresses(self):
        """host:port of each training process, the chief first."""
        return tuple(address for _, addresses in self.jobs for address in addresses)

    @property
    def is_evaluator(self):
        """Whether this process trains nothing, but evaluates each checkpoint that the others save."""
        return self.task_type == EVALUATOR

    @property
    def rank(self):
        """Number of this process among those that train."""
        return self.task_index if self.task_type == self.jobs[0][0] else len(self.jobs[0][1]) + self.task_index

    @property
    def size(self):
        """How many processes train."""
        return len(self.addresses)

    @property
    def address(self):
        """host:port of this process."""
        return self.ps[self.task_index] if self.is_server else self.addresses[self.rank]

    def describe(self):
        """What this process is, such as "worker 1"."""
        return '%s %d' % (self.task_type, self.task_index)


def read_cluster(environ=None):
    """The Cluster of TF_CONFIG; None where it describes none. UserError where it cannot be used.

    environ: the environment variables; by default those of this process.
    """
    described = _described(environ, 'or give the cluster as %s' % FOR_EXAMPLE)
    cluster, task = described.get('cluster') or {}, described.get('task') or {}
    if not cluster and not task:
        return None
    _require(isinstance(cluster, dict) and isinstance(task, dict), 'its cluster and its task are no objects')
    kind, index = task.get('type'), task.get('index', 0)
    _require(kind in (CHIEF, WORKER, EVALUATOR, PS), 'task.type is %s, which is none of chief, worker, evaluator, ps' % _shown(kind))
    jobs = {job: _addresses(job, cluster[job]) for job in (CHIEF, WORKER, PS) if cluster.get(job)}
    unknown = sorted(set(cluster) - {CHIEF, WORKER, EVALUATOR, PS})
    _require(not unknown, 'its cluster has %s, which is none of chief, worker, evaluator, ps' % ', '.join(unknown))
    _require(type(index) is int and index >= 0, 'task.index is %s' % _shown(index))
    _require(kind == EVALUATOR or index < len(jobs.get(kind, ())), 'its task is %s %d, whose address the cluster lacks' % (kind, index))
    _require(len(jobs.get(CHIEF, ())) < 2, 'its cluster has more than one chief')
    every = [address for addresses in jobs.values() for address in addresses]
    _require(len(set(every)) == len(every), 'its cluster names an address twice')
    ps = jobs.pop(PS, ())
    _require(jobs or not ps, 'its cluster has parameter servers (ps), but no chief and no worker, which train')
    return Cluster(tuple(jobs.items()), kind, index, ps)


def cluster_of(config):
    """The Cluster that a training is part of; None where it trains alone, and in the other modes, which one process runs.

    UserError where --distribution says otherwise.
    """
    asked, cluster = config.run.distribution, read_cluster()
    if config.run.mode != 'train':
        return None
    if asked in _OF_CLUSTERS and not cluster:
        raise UserError('--distribution=%s needs the environment variable TF_CONFIG in each process: start them all by python -m tools.launch '
                        '--workers=N%s, or set it.' % (asked, _OF_CLUSTERS[asked]))
    if cluster and asked in ('none', 'mirrored'):
        raise UserError('--distribution=%s, but TF_CONFIG describes a cluster: unset it, or use --distribution=%s.'
                        % (asked, 'parameter_server' if cluster.ps else 'multi_worker'))
    if cluster and not cluster.is_evaluator:
        _check_kind(asked, cluster)
    return cluster


def _check_kind(asked, cluster):
    """UserError where --distribution and the cluster disagree on who holds the weights."""
    if asked == 'multi_worker' and cluster.ps:
        raise UserError('--distribution=multi_worker, whose processes keep a copy of the weights each, but TF_CONFIG has parameter servers (ps): '
                        'leave them out, or use --distribution=parameter_server.')
    if asked == 'parameter_server' and not cluster.ps:
        raise UserError('--distribution=parameter_server, but the cluster of TF_CONFIG has no ps: name at least one, as tools.launch --ps=1 does, '
                        'or use --distribution=multi_worker.')


def _addresses(job, found):
    """The addresses of a job. TensorFlow takes a list, or {index: address}, of which those of a partial cluster are no use here."""
    good = isinstance(found, list) and all(isinstance(one, str) and re.match(r'[^\s/]+:\d+$', one) for one in found)
    _require(good, 'cluster.%s is no list of addresses HOST:PORT' % job)
    return tuple(found)


def _shown(value):
    """A value for a message: as JSON has it, but for lists and objects, which may be nested deeply."""
    return reprlib.repr(value) if isinstance(value, (list, dict)) else json.dumps(value)


def _require(condition, problem):
    if not condition:
        raise UserError('TF_CONFIG: %s. It looks like %s' % (problem, FOR_EXAMPLE))


def _described(environ, instead):
    """TF_CONFIG as a dict. UserError, which ends with `instead`, where it is none."""
    text = (os.environ if environ is None else environ).get(VARIABLE) or '{}'
    try:
        described = json.loads(text)
    except json_files.ERRORS as error:
        raise UserError('TF_CONFIG is not JSON (%s): unset it, %s.' % (error, instead))
    if not isinstance(described, dict):
        raise UserError('TF_CONFIG=%s is no JSON object: unset it, %s.' % (reprlib.repr(described), instead))
    return described


def refuse_cluster(instead, environ=None):
    """UserError where TF_CONFIG holds a cluster or cannot be read, which would make a run configuration wait or fail.

    Args:
      instead: what to do, the end of a sentence.
      environ: as of `read_cluster`.
    """
    described = _described(environ, instead)
    if described.get('cluster') or described.get('task'):
        raise UserError('TF_CONFIG describes a cluster, which is not used: unset it, %s.' % instead)


@contextlib.contextmanager
def hidden():
    """No TF_CONFIG meanwhile: TensorFlow reads it in several places, and takes each for a part of its own way to train on a cluster."""
    text = os.environ.pop(VARIABLE, None)
    try:
        yield
    finally:
        if text is not None:
            os.environ[VARIABLE] = text
