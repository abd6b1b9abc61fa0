"""What is replaced in TFDS is there, and comes back."""
import glob
import inspect
import os

import pytest

from input_fn.datasets import tfds_privates
from tests.paths import ROOT


@pytest.mark.parametrize('attribute', tfds_privates.ALL, ids='{0.module}.{0.owner}.{0.name}'.format)
def test_the_installed_release_has_it(attribute):
    assert inspect.getattr_static(tfds_privates.owner_of(attribute), attribute.name) is not None


def test_one_that_is_gone_is_an_error():
    with pytest.raises(AttributeError), tfds_privates.replaced(tfds_privates.BARS._replace(name='_gone'), False):
        pass


def test_everything_is_put_back_after_an_error():
    def now():
        return [inspect.getattr_static(tfds_privates.owner_of(attribute), attribute.name) for attribute in tfds_privates.ALL]

    before = now()
    with pytest.raises(KeyError), tfds_privates.quiet_and_in_order(), tfds_privates.fail_fast():
        assert [one is other for one, other in zip(now(), before)] == [False] * len(before)
        raise KeyError
    assert [one is other for one, other in zip(now(), before)] == [True] * len(before)


def test_no_other_module_replaces_anything():
    paths = [path for folder in ('blitznet_estimator', 'input_fn', 'model_fn', 'hooks', 'tools')
             for path in glob.glob(os.path.join(ROOT, folder, '**', '*.py'), recursive=True)]
    assert paths and [path for path in paths if 'mock' in open(path).read()] == []
