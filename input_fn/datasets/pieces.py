"""Preparation that can be killed: finished examples are kept in pieces, which the next attempt takes over as they are.

A piece holds the outcomes of consecutive items of a `plan.Work`. It is written beside its final name and renamed, and all pieces are
deleted when the dataset is whole. Their folder is named after the state of what they were made of.
"""
import os
import pickle

from blitznet_estimator import files

PIECE = 256  # items


def examples(work, folder, piece=PIECE):
    """Yield the Examples of a Work in order, through pieces of `piece` items in `folder`."""
    os.makedirs(folder, exist_ok=True)
    for start in range(0, len(work.items), piece):
        for outcome in _piece(work, start, start + piece, os.path.join(folder, '%09d' % start)):
            example = work.example(outcome)
            if example is not None:
                yield example


def _piece(work, start, stop, path):
    """Yield the outcomes of items start to stop: from the file `path`, or made and written there."""
    if os.path.exists(path):
        with open(path, 'rb') as file:
            while True:
                try:
                    yield pickle.load(file)
                except EOFError:
                    return
    with files.replacing(path, alone=True) as temporary, open(temporary, 'wb') as file:
        for outcome in work.outcomes(start, stop):
            pickle.dump(outcome, file)
            yield outcome
