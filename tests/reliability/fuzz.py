"""Damages what the product reads, case after case, and counts what each reader makes of it.

  python -m tests.reliability.fuzz 100000

The cases are shared among the readers of `readers.py`. Each reader runs in a process of its own, and prints a row: how many cases it read, how
many it refused by one sentence, the slowest case, and how much memory the process took on top of what it had before the first case. A case that
is neither read nor refused, that takes over LONGEST seconds, or that kills the process ends the reader; its bytes stay in the folder that is named.
Put them into the folder `found`, under the name of the reader's file: they are the first cases of every later run.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

from blitznet_estimator import text_table
from blitznet_estimator.errors import UserError
from tests.paths import ROOT
from tests.reliability.damage import damaged_bytes, damaged_json

LONGEST = 10  # seconds of a case
MOST_MEMORY = 1024  # MB
FOUND = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'found')

# name: of the file. seeds: sound contents, bytes. read: a function of the path. names_file: whether an error has to name the file.
# share: of how many cases it reads one, where each takes long.
Reader = collections.namedtuple('Reader', 'name seeds read names_file share')
Reader.__new__.__defaults__ = (True, 1)


def cases(seeds, dice):
    """Yield damaged bytes without an end; every second case of JSON is damaged in a value."""
    as_json = [_parsed(seed) for seed in seeds]
    while True:
        for seed, value in zip(seeds, as_json):
            yield damaged_bytes(seed, dice)
            if value is not None:
                yield damaged_json(value, dice)


def _parsed(seed):
    try:
        value = json.loads(seed.decode('utf-8'))
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def run(reader, tries, folder, seed=0):
    """{read, refused, slowest (seconds), memory (MB)} of a Reader and so many cases, in this process; what it must not do is an error."""
    path = os.path.join(str(folder), *reader.name.split('/'))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for sound in reader.seeds:
        _write(path, sound)
        reader.read(path)
    for data in found_before(reader):
        _write(path, data)
        _is_refused(reader, path)
    counts, slowest, before, stream = [0, 0], 0., _memory(), cases(reader.seeds, random.Random(seed))
    for _ in range(tries):
        _write(path, next(stream))
        start = time.monotonic()
        refused = _is_refused(reader, path)
        counts[refused] += 1
        slowest = max(slowest, time.monotonic() - start)
        if slowest > LONGEST or _memory() - before > MOST_MEMORY:
            raise AssertionError('a case took %.1f s, and the process has grown by %d MB' % (slowest, _memory() - before))
    return {'read': counts[0], 'refused': counts[1], 'slowest': slowest, 'memory': _memory() - before}


def ask_all(*questions):
    """Call each of `questions`, and raise the first UserError afterwards: one refusal does not keep the others from the same content."""
    refusals = []
    for question in questions:
        try:
            question()
        except UserError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def found_before(reader):
    """Contents that a reader once did not stand, bytes: all files of its folder in `found`."""
    for path in sorted(glob.glob(os.path.join(FOUND, reader.name.replace('/', '_'), '*'))):
        with open(path, 'rb') as file:
            yield file.read()


def _is_refused(reader, path):
    try:
        reader.read(path)
    except UserError as error:
        text = str(error)
        assert text.strip() and 'Traceback' not in text, text
        assert not reader.names_file or os.path.basename(path) in text, text
        return True
    return False


def _write(path, data):
    with open(path, 'wb') as file:
        file.write(data)


def _memory():
    """Most memory that this process took so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_process(name, tries, seed):
    """What `run` gives, of a process of its own; or {'failure': why, with the folder of the case}."""
    folder = tempfile.mkdtemp(prefix='fuzz-')
    words = [sys.executable, '-m', 'tests.reliability.fuzz', str(tries), '--seed=%d' % seed, '--reader=%s' % name, '--folder=%s' % folder]
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=60 + LONGEST + tries, text=True)
    except subprocess.TimeoutExpired:
        return {'failure': 'it did not end; see %s' % folder}
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [''])[-1]
        return {'failure': 'code %d, %s; see %s' % (done.returncode, said, folder)}
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Run the readers, and print a row for each; the exit code is 1 where one failed."""
    from tests.reliability.readers import readers
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tries', type=int, help='cases, of all readers together')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--reader', help='this one alone, in this process; its result is printed as JSON')
    parser.add_argument('--folder')
    parser.add_argument('--processes', type=int, default=os.cpu_count(), help='readers at once')
    args = parser.parse_args()
    if args.reader:
        print(json.dumps(run(readers()[args.reader], args.tries, args.folder or tempfile.mkdtemp(prefix='fuzz-'), args.seed)))
        return 0
    each, rows, failures = -(-args.tries // len(readers())), [], []
    with concurrent.futures.ThreadPoolExecutor(args.processes) as pool:
        outcomes = {name: pool.submit(_in_process, name, each // reader.share, args.seed) for name, reader in readers().items()}
    for name, outcome in outcomes.items():
        found = outcome.result()
        if 'failure' in found:
            failures.append(name)
            print('%s: %s' % (name, found['failure']), flush=True)
            continue
        rows.append([name, found['read'], found['refused'], '%.2f' % found['slowest'], '%d' % found['memory']])
        print('%s: %d read, %d refused' % tuple(rows[-1][:3]), flush=True)
    print(text_table.table(['what is read', 'read', 'refused', 'slowest (s)', 'memory (MB)'], rows))
    print('%d cases, %d readers failed' % (sum(row[1] + row[2] for row in rows), len(failures)))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
