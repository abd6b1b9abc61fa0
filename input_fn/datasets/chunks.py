"""Preparation that can be killed: finished examples are kept in chunks, which the next attempt takes over as they are.

A chunk holds the outcomes of consecutive items of a `plan.SplitPlan`. It is written beside its final name and renamed, and all chunks are
deleted when the dataset is whole. Their folder is named after the state of what they were made of.
"""
import os
import pickle

from blitznet_estimator import files

CHUNK = 256  # items


def examples(split_plan, folder, chunk=CHUNK):
    """Yield the Examples of a SplitPlan in order, through chunks of `chunk` items in `folder`."""
    os.makedirs(folder, exist_ok=True)
    for start in range(0, len(split_plan.items), chunk):
        for outcome in _chunk(split_plan, start, start + chunk, os.path.join(folder, '%09d' % start)):
            example = split_plan.example(outcome)
            if example is not None:
                yield example


def _chunk(split_plan, start, stop, path):
    """Yield the outcomes of items start to stop: from the file `path`, or made and written there."""
    if os.path.exists(path):
        with open(path, 'rb') as file:
            while True:
                try:
                    yield pickle.load(file)
                except EOFError:
                    return
    with files.replacing(path, alone=True) as temporary, open(temporary, 'wb') as file:
        for outcome in split_plan.outcomes(start, stop):
            pickle.dump(outcome, file)
            yield outcome
