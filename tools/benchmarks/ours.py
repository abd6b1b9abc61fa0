"""The near end of this project's side: the worker that does one work with one configuration."""
import json
import os
import sys
import zlib

from tools.benchmarks.rounds import Worker


def benchmark_config(config, workspace):
    """`config` with the workspace's records as its data."""
    records = (workspace.records,)
    return config.replace(
        network=dict(num_classes=len(workspace.class_names) + 1),
        data=dict(dataset='records', train_files=records, eval_files=records, class_names=workspace.class_names, data_dir=workspace.folder),
        run=dict(model_dir=os.path.join(workspace.folder, 'model')))


def starter(work, config, workspace, batch_size, seconds, checkpoint='', file='', python=''):
    """() -> Worker that does `work` (a key of `runner.WORKS`) here, in a process of its own; by another Python where one is named."""
    config = config.replace(data=dict(batch_size=batch_size, eval_batch_size=batch_size))
    order = dict(work=work, config=config.to_json(), seconds=seconds, images=workspace.images, checkpoint=checkpoint,
                 folder=workspace.folder, file=file)
    env = dict(os.environ, PYTHONPATH=os.getcwd())
    if config.run.threads:
        env['OMP_NUM_THREADS'] = str(config.run.threads)
    command = [python or sys.executable, '-m', 'tools.benchmarks.runner', json.dumps(order)]
    log = 'ours-%s-%08x.log' % (work, zlib.crc32(' '.join(command).encode('utf-8')))  # several of one work may run
    return lambda: Worker('ours', command, os.path.join(workspace.folder, log), env=env)
