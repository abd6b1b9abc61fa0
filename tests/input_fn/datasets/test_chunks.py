"""Chunks of a preparation: what is kept comes back as it was, and a damaged chunk is made anew."""
import collections
import dataclasses
import os
import pickle

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets import chunks
from input_fn.datasets.images import encode_png
from input_fn.datasets.plan import Example, SplitPlan

MASK = encode_png(np.zeros((3, 4), np.uint8))
ODD = [
    Example(b'image', 3, 4, 'Fu\u00df.jpg', np.array([[.1, .2, .3, .4], [0, 0, 1, 1]], np.float32), (1, 0), (1, 0), (0, 1), MASK),
    Example(b'', 1, 2, b'\xff.jpg'.decode('utf-8', 'surrogateescape'), has_boxes=False),
    Example(b'\0' * 9, 5, 6, ''),
]
NOTE = collections.Counter({'boxes mended': 2})


def split_plan(made, skip=True):
    def make(index):
        made.append(index)
        if index == len(ODD):
            raise UserError('4.jpg: no image')
        return ODD[index], NOTE
    return SplitPlan(range(len(ODD) + 1), make, 'skip' if skip else 'error')


def fields(example):
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in dataclasses.asdict(example).items()}


def read(folder, made):
    plan = split_plan(made)
    found = [fields(example) for example in chunks.examples(plan, str(folder), chunk=2)]
    return found, plan.notes.skipped, plan.notes._counts


def test_what_is_kept_comes_back_as_it_was(tmp_path):
    made = []
    first, second = read(tmp_path, made), read(tmp_path, made)
    assert first == second == ([fields(example) for example in ODD], ('4.jpg: no image',), {'boxes mended': 6})
    assert sorted(made) == [0, 1, 2, 3]


@pytest.mark.parametrize('damage', ['empty', 'cut at an item', 'cut in an item', 'a flipped bit', 'a pickle'])
def test_a_damaged_chunk_is_made_anew(tmp_path, damage):
    made = []
    whole = read(tmp_path, made)
    path = os.path.join(str(tmp_path), '%09d' % 0)
    with open(path, 'rb') as file:
        data = file.read()
    half = 16 + int.from_bytes(data[:8], 'little')  # the first item with its length and checksums
    data = {'empty': b'', 'cut at an item': data[:half], 'cut in an item': data[:-3], 'a pickle': pickle.dumps((None, 'no')),
            'a flipped bit': data[:40] + bytes([data[40] ^ 1]) + data[41:]}[damage]
    with open(path, 'wb') as file:
        file.write(data)
    assert read(tmp_path, made) == whole
    assert sorted(made) == [0, 0, 1, 1, 2, 3]
