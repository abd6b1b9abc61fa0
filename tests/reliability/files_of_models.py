"""Readers of what a model comes in: checkpoints, exports, and weights of others; and of what describes a cluster that trains one."""
import functools
import json
import os
import pathlib
import shutil
import tarfile
import tempfile
import zipfile

import h5py
import numpy as np
from _pytest.monkeypatch import MonkeyPatch

from blitznet_estimator import checkpoint_path, model_location
from blitznet_estimator.engines import registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.exports import GRAPH
from blitznet_estimator.formats import description
from blitznet_estimator.formats.registry import Exported
from blitznet_estimator.platforms.cluster import read_cluster
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.datasets import unpacking
from model_fn.weights import hdf5, state_dict
from tests.model_fn.weights import torch_files
from tests.reliability.fuzz import Reader, ask_all
from tools.serving.saved_models import read_metadata

NAMES = ('cat', 'dog')
CONFIG = preset_config('tiny', network=dict(num_classes=3), data=dict(class_names=NAMES))
ARRAYS = {'conv.weight': np.arange(12, dtype='f').reshape(3, 2, 2, 1), 'conv.bias': np.ones(3, 'f'), 'count': np.array([7], 'i8')}
INSIDE = {'a.txt': b'text' * 99, 'folder/b.bin': bytes(range(256)) * 4}  # of the archives
PARTS = ('index', 'data-00000-of-00001')  # of a checkpoint


def _made(make):
    """{path: bytes} of the files that make(folder) leaves in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        found = {}
        for base, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(base, name), 'rb') as file:
                    found[os.path.relpath(os.path.join(base, name), folder)] = file.read()
        return found


def _write(folder, name, data):
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)


def _checkpoint(folder):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable('a', initializer=np.arange(9, dtype='f'))
        tf.get_variable('b', initializer=np.ones([3, 4], 'f'))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, os.path.join(folder, 'model.ckpt-1'), write_meta_graph=False)


def _reader_of_checkpoints(sound, part):
    """A damaged file beside the others of a checkpoint: what passes for whole has the values that were written."""
    def read(path):
        folder = os.path.dirname(path)
        for other in PARTS:
            if other != part:
                _write(folder, 'model.ckpt-1.' + other, sound['model.ckpt-1.' + other])
        prefix = os.path.join(folder, 'model.ckpt-1')
        checkpoint_path._damage.cache_clear()  # two cases may have one size and one time
        problem = checkpoint_path.damage(prefix)
        if problem:
            raise UserError(problem)
        reader = tf.train.load_checkpoint(prefix)
        assert reader.get_tensor('a').tolist() == list(range(9)) and (reader.get_tensor('b') == 1).all()
    return Reader('model.ckpt-1.' + part, [sound['model.ckpt-1.' + part]], read, False)


def _saved_model(folder):
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 4, 4, 3], 'input')
        info = {'input': tf.saved_model.build_tensor_info(images)}, {'confidence': tf.saved_model.build_tensor_info(2 * images)}
        builder = tf.saved_model.Builder(os.path.join(folder, 'made'))
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], {
            'raw': tf.saved_model.build_signature_def(*info, method_name='tensorflow/serving/predict')})
        builder.save()


def _frozen(folder):
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [None, 4, 4, 3], 'input')
        for name in ('confidence', 'location', 'segmentation'):
            tf.multiply(images, 2., name=name)
        _write(folder, 'frozen.pb', graph.as_graph_def().SerializeToString())


def _engine(form):
    def read(path):
        registry.open_file(os.path.dirname(path), Exported(os.path.basename(path), form, 'raw', 'float32'), CONFIG).close()
    return read


def _export(path):
    """All that is asked of export.json."""
    folder = os.path.dirname(path)

    def files():
        for exported in description.files_of(folder):
            inside = os.path.abspath(os.path.join(folder, exported.file))
            assert inside.startswith(os.path.abspath(folder) + os.sep) and registry.of_format(exported.format)

    def scores():
        assert all(0 <= score <= 1 for score in description.min_scores_of(folder).values())

    asked = description.config_of, description.class_names_of, description.origin_of, description.weights_of, description.times_of
    ask_all(files, scores, *[functools.partial(ask, folder) for ask in asked])


def _metadata(path):
    folder = os.path.dirname(os.path.dirname(path))
    _write(folder, GRAPH, b'')

    def names():
        assert all(isinstance(name, str) for name in model_location.locate(folder).config.data.class_names)
    ask_all(names, lambda: read_metadata(os.path.dirname(path)))


def _cluster(path):
    with open(path, 'rb') as file:
        text = file.read().decode('utf-8', 'surrogateescape').replace('\0', '')
    found = read_cluster({'TF_CONFIG': text})
    if found and not found.is_evaluator:
        assert found.address in found.addresses


def _tar(mode):
    def make(folder):
        source = os.path.join(folder, 'source')
        for name, data in INSIDE.items():
            os.makedirs(os.path.dirname(os.path.join(source, name)), exist_ok=True)
            _write(source, name, data)
        with tarfile.open(os.path.join(folder, 'a'), 'w:' + mode) as file:
            file.add(source, '.')
        shutil.rmtree(source)
    return _made(make)['a']


def _zip(folder):
    with zipfile.ZipFile(os.path.join(folder, 'a'), 'w', zipfile.ZIP_DEFLATED) as file:
        for name, data in INSIDE.items():
            file.writestr(name, data)


def _archive(path):
    """What is extracted holds what was packed, in files of its names; a plain tar has no checksum of it."""
    folder = path + '.extracted'
    shutil.rmtree(folder, ignore_errors=True)
    unpacking.extract(path, folder)
    for name, data in INSIDE.items() if not path.endswith('.tar') else ():
        with open(os.path.join(folder, name), 'rb') as file:
            assert file.read() == data


def _h5(folder):
    with h5py.File(os.path.join(folder, 'a.h5'), 'w') as file:
        file.attrs['layer_names'] = [b'conv']
        group = file.create_group('conv')
        group.attrs['weight_names'] = [b'conv/kernel:0', b'conv/bias:0']
        group.create_dataset('conv/kernel:0', data=np.ones([1, 1, 2, 3], 'f'))
        group.create_dataset('conv/bias:0', data=np.arange(3, dtype='f'))


def _pth(zipped):
    patch = MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'a.pth'
        try:
            torch_files.save(path, ARRAYS, zipped, patch)
        finally:
            patch.undo()
        return path.read_bytes()


def readers():
    """{what is read: Reader}"""
    config = json.loads(CONFIG.to_json())
    rows = [dict(file='frozen.pb', format='frozen', outputs='raw', precision='float32', milliseconds=9.5)]
    export = dict(config=config, files=rows, class_names=('background',) + NAMES, min_scores={'cat': .3}, checkpoint='a/model.ckpt-7',
                  global_step=7, weights='ab12')
    metadata = dict(class_names=('background',) + NAMES, min_scores={'cat': .3}, statuses=['ok', 'bad'], max_pixels=9 * 10 ** 6)
    cluster = {'cluster': {'chief': ['a:1'], 'worker': ['b:2', 'c:3']}, 'task': {'type': 'worker', 'index': 1}}
    sound = _made(_checkpoint)
    found = {
        'index of a checkpoint': _reader_of_checkpoints(sound, 'index'),
        'data of a checkpoint': _reader_of_checkpoints(sound, 'data-00000-of-00001'),
        'description of an export': Reader('export.json', [json.dumps(export).encode()], _export),
        'metadata of an export': Reader('assets.extra/metadata.json', [json.dumps(metadata).encode()], _metadata),
        'SavedModel': Reader('saved_model.pb', [_made(_saved_model)['made/saved_model.pb']], _engine('saved_model'), False),
        'frozen graph': Reader('frozen.pb', [_made(_frozen)['frozen.pb']], _engine('frozen'), False),
        'TF_CONFIG': Reader('tf_config.json', [json.dumps(cluster).encode()], _cluster, False),
        'weights of Keras': Reader('a.h5', [_made(_h5)['a.h5']], hdf5.read, share=10),
        'weights of PyTorch': Reader('a.pth', [_pth(True)], state_dict.read),
        'weights of PyTorch, older form': Reader('b.pth', [_pth(False)], state_dict.read),
        'archive: zip': Reader('a.zip', [_made(_zip)['a']], _archive)}
    found.update({'archive: ' + name: Reader('a.' + name, [_tar(mode)], _archive)
                  for name, mode in (('tar', ''), ('tgz', 'gz'), ('tar.bz2', 'bz2'), ('tar.xz', 'xz'))})
    return found
