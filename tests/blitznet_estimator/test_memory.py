import os
import subprocess
import sys

import pytest

COUNT = '''
import ctypes, re, sys, tempfile, threading
from blitznet_estimator import memory
if sys.argv[1] == 'few':
    memory.limit_malloc_arenas()
barrier = threading.Barrier(40)
def work():
    kept = bytearray(5000)
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(40)]
[t.start() for t in threads], [t.join() for t in threads]
libc, path = ctypes.CDLL(None), sys.argv[2]
libc.fopen.restype, libc.malloc_info.argtypes, libc.fclose.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p), (ctypes.c_void_p,)
stream = libc.fopen(path.encode(), b'w')
libc.malloc_info(0, stream), libc.fclose(stream)
print(len(re.findall('<heap nr=', open(path).read())))
'''


@pytest.mark.skipif(not sys.platform.startswith('linux') or not hasattr(os, 'confstr') or 'glibc' not in (os.confstr('CS_GNU_LIBC_VERSION') or ''),
                    reason='only the GNU C library has heaps by the thread')
def test_threads_share_a_heap_a_core(tmp_path):
    def heaps(which):
        return int(subprocess.run([sys.executable, '-c', COUNT, which, str(tmp_path / 'info')], stdout=subprocess.PIPE, check=True).stdout)

    assert heaps('few') <= (os.cpu_count() or 1) + 1 < heaps('many')
