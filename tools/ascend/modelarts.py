"""Boot file for ModelArts: copies the data in, trains, and copies the results out, also when training fails.

ModelArts starts it with --data_url and --train_url, paths in OBS; arguments that it does not know go to main.py. Outside ModelArts both may be
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


def place_of(url, folder):
    """Where the content of `url` is on this machine: in `folder`, where it is in OBS."""
    return os.path.expanduser(folder) if is_remote(url) else os.path.abspath(os.path.expanduser(url))


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
    local = os.path.join(tempfile.gettempdir(), 'blitznet')
    parser.add_argument('--modelarts_data_dir', default=os.path.join(local, 'data'), help='local folder for data in OBS')
    parser.add_argument('--modelarts_result_dir', default=os.path.join(local, 'model'), help='local folder for results that go to OBS')
    args, words = parser.parse_known_args(argv)
    data_dir, model_dir = place_of(args.data_url, args.modelarts_data_dir), place_of(args.train_url, args.modelarts_result_dir)
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
