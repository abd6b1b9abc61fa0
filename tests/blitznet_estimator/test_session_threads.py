"""All sessions of a process compute on the threads of its first one: the settings decide how many, whatever was done before the training."""
import subprocess
import sys

import pytest

from blitznet_estimator.machine import available_cores
from tests.paths import ROOT

PROGRAM = """
import os, sys
from blitznet_estimator.config import Config
from blitznet_estimator.host_session import host_session
from blitznet_estimator.platforms.local import CpuPlatform
from blitznet_estimator.runtime import tf
from input_fn.datasets.graph_decoder import graph_size
from tests.input_fn.datasets import trees

def spent():
    # Seconds that each thread of this process has computed, but for the main one.
    seconds = []
    for task in set(os.listdir('/proc/self/task')) - {str(os.getpid())}:
        with open('/proc/self/task/%s/stat' % task) as stat:
            seconds.append(int(stat.read().rsplit(')', 1)[1].split()[11]) / os.sysconf('SC_CLK_TCK'))
    return seconds

platform_first, threads = sys.argv[1] == 'platform_first', int(sys.argv[2])
assert platform_first or graph_size(trees.jpeg(trees.picture())) == (20, 30)
platform = CpuPlatform(Config().replace(run=dict(platform='cpu', threads=threads)))
session = host_session() if platform_first else tf.Session(config=platform.session_config())
values = tf.random.normal([8, 64, 64, 64])
for _ in range(6):
    values = tf.nn.conv2d(values, tf.zeros([3, 3, 64, 64]), 1, 'SAME')
while sum(spent()) < 2:
    session.run(values.op)
print(sum(seconds > .2 for seconds in spent()))
"""


pytestmark = [pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc'),
              pytest.mark.skipif(available_cores() < 2, reason='needs two cores')]


def threads_at_work(*words):
    """How many threads a convolution takes."""
    done = subprocess.run([sys.executable, '-c', PROGRAM, *words], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return int(done.stdout)


def test_a_picture_that_was_checked_before_takes_no_thread_from_the_training():
    assert threads_at_work('picture_first', '0') >= 2


def test_a_session_that_names_no_number_has_the_threads_of_the_settings():
    assert threads_at_work('platform_first', '1') == 1
