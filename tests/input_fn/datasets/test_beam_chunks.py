"""Preparation by Apache Beam: its direct runner makes the same records as this process, on drawn shapes and on photographs in VOC layout."""
import glob
import logging
import os

import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import beam_chunks, chunks, shapes
from input_fn.datasets.plan import SplitPlan
from input_fn.datasets.registry import open_dataset
from tests.input_fn.datasets import trees


def config(folder, dataset='shapes_small', runner='DirectRunner', options=(), **fields):
    return DataConfig(dataset=dataset, prepared_dir=str(folder), beam_runner=runner, beam_options=tuple(options), **fields)


def files(folder):
    """{path below a folder: bytes}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(str(folder)), '**', '*'), recursive=True)):
        if os.path.isfile(path):
            with open(path, 'rb') as file:
                found[os.path.relpath(path, str(folder))] = file.read()
    return found


@pytest.fixture(name='voc')
def voc_folder(tmp_path):
    return trees.voc_tree(tmp_path / 'pets', count=3)


@pytest.mark.parametrize('dataset', ['shapes_small', 'folder'])
@pytest.mark.parametrize('options', [(), ('direct_num_workers=2', 'direct_running_mode=multi_processing')])
def test_it_prepares_the_same_records(tmp_path, voc, dataset, options):
    pytest.importorskip('apache_beam')
    data_dir = str(voc) if dataset == 'folder' else ''
    for name, runner in (('alone', ''), ('beam', 'DirectRunner')):
        open_dataset(config(tmp_path / name, dataset, runner, options, data_dir=data_dir), 'train')
    alone = {path: data for path, data in files(tmp_path / 'alone').items() if '.tfrecord' in path}
    beam = {path: data for path, data in files(tmp_path / 'beam').items() if '.tfrecord' in path}
    assert alone == beam and len(alone) >= 1


def test_only_missing_chunks_are_made_and_an_item_that_is_bad_is_met_by_the_reader(tmp_path):
    pytest.importorskip('apache_beam')
    plan = SplitPlan(range(10), bad_at_seven)
    kept = tmp_path / 'train' / '000000000'
    for _ in chunks.make(plan, 0, 4, str(kept)):
        pass
    before = os.stat(str(kept)).st_mtime_ns
    beam_chunks.make({'train': plan}, str(tmp_path), config(tmp_path), chunk=4)
    assert sorted(os.listdir(str(tmp_path / 'train'))) == ['000000000', '000000008'] and os.stat(str(kept)).st_mtime_ns == before
    with pytest.raises(UserError, match='the seventh is bad'):
        list(chunks.examples(plan, str(tmp_path / 'train'), chunk=4))


def bad_at_seven(index):
    if index == 7:
        raise UserError('the seventh is bad')
    return shapes._draw('train', index)


@pytest.mark.parametrize('runner, options, message', [
    ('NoRunner', (), '--beam_runner=NoRunner failed'), ('DirectRunner', ('direct_num_workers=many',), '--beam_options=direct_num_workers=many')])
def test_what_is_wrong_is_said(tmp_path, caplog, runner, options, message):
    pytest.importorskip('apache_beam')
    caplog.set_level(logging.CRITICAL, 'apache_beam')
    with pytest.raises(UserError, match=message):
        open_dataset(config(tmp_path, runner=runner, options=options), 'train')


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'apache_beam', None)
    with pytest.raises(UserError, match='--beam_runner=DirectRunner needs the package apache-beam: pip install -r requirements-data.txt'):
        open_dataset(config(tmp_path), 'train')
