"""How fast an inference tool says that it was: its own report, beside the outputs that it left."""
import glob
import json
import os
import re

from blitznet_estimator import json_files

NUMBER = r'([\d.]+)'
_MSAME = (r'average time without first time:\s*%s\s*ms' % NUMBER, r'Inference average time\s*:\s*%s\s*ms' % NUMBER)  # the better one first
_BENCHMARK = r'\[infer\w*\] throughputRate:\s*%s, Interface throughputRate:\s*%s, moduleLatency:\s*%s' % (NUMBER, NUMBER, NUMBER)


def find(outputs, batch_size):
    """(milliseconds of a batch, images per second, path of the report), or None where there is none.

    Args:
      outputs: folder of the output files. msame prints its report, which a .log here or above keeps. benchmark writes perf_*.txt and
        ais_bench <folder>_summary.json, in the folder above.
    """
    outputs = os.path.abspath(outputs)
    above = os.path.dirname(outputs)
    for folder, pattern, read in ((above, os.path.basename(outputs) + '_summary.json', _ais_bench), (above, 'perf_*.txt', _benchmark),
                                  (outputs, '*.log', _msame), (above, '*.log', _msame)):
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), pattern)), key=os.path.getmtime, reverse=True):
            with open(path, encoding='utf-8-sig', errors='replace') as file:
                found = read(file.read(), batch_size)
            if found:
                return found + (path,)
    return None


def _ais_bench(text, batch_size):
    try:
        milliseconds = json.loads(text)['NPU_compute_time']['mean']
    except (KeyError, TypeError) + json_files.ERRORS:
        return None
    return (milliseconds, 1000. * batch_size / milliseconds) if json_files.is_number(milliseconds) and milliseconds > 0 else None


def _benchmark(text, batch_size):
    del batch_size  # it counts images
    found = re.search(_BENCHMARK, text)
    return found and (float(found.group(3)), float(found.group(2)))


def _msame(text, batch_size):
    for pattern in _MSAME:
        found = re.search(pattern, text)
        if found and float(found.group(1)):
            return float(found.group(1)), 1000. * batch_size / float(found.group(1))
    return None
