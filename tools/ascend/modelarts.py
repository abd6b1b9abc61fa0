"""Boot file for ModelArts: copies the data in, trains, and copies the results out, also when training fails.

ModelArts starts it with --data_url and --train_url, paths in OBS; every other argument goes to main.py. Outside ModelArts both may be
local folders. It stands alone, as ModelArts starts it from anywhere.
"""
import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REMOTE = ('obs://', 's3://')


def is_remote(url):
    """Whether `url` is in OBS."""
    return url.startswith(REMOTE)


def copy(source, target):
    """Copy a folder from or to OBS."""
    import moxing  # only ModelArts has it
    print('Copying %s to %s' % (source, target), flush=True)
    moxing.file.copy_parallel(source, target)


def train(data_dir, model_dir, words):
    """Run main.py; returns its exit code. Words given later win."""
    command = [sys.executable, os.path.join(ROOT, 'main.py'), '--mode=train', '--platform=npu', '--data_dir=' + data_dir,
               '--model_dir=' + model_dir] + words
    print(' '.join(command), flush=True)
    return subprocess.call(command)


def main(argv):
    """Entry point; returns the exit code of the training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument('--data_url', required=True, help='the dataset: in OBS, or a folder')
    parser.add_argument('--train_url', required=True, help='where the results go: in OBS, or a folder. Checkpoints there are resumed from')
    parser.add_argument('--cache', default=os.path.join(tempfile.gettempdir(), 'blitznet'), help='local folder for what is in OBS')
    args, words = parser.parse_known_args(argv)
    args.data_url, args.train_url, args.cache = map(os.path.expanduser, (args.data_url, args.train_url, args.cache))
    data_dir, model_dir = (os.path.join(args.cache, name) if is_remote(url) else os.path.abspath(url)
                           for name, url in (('data', args.data_url), ('model', args.train_url)))
    if is_remote(args.data_url):
        copy(args.data_url, data_dir)
    if is_remote(args.train_url):
        copy(args.train_url, model_dir)
    try:
        return train(data_dir, model_dir, words)
    finally:
        if is_remote(args.train_url):
            copy(model_dir, args.train_url)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
