"""A few kills at random moments. `python -m tests.reliability.kill train 100` makes many, and `export` is another of its commands."""
import pytest

from tests.reliability.kill import attack


@pytest.mark.slow
@pytest.mark.one_python
@pytest.mark.parametrize('name', ['prepare', 'train', 'watch', 'serve'])
def test_a_killed_command_ends_as_an_undisturbed_one(tmp_path, name):
    assert sum(attack(name, tmp_path, 2).values()) == 2
