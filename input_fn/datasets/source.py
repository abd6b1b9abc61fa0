"""A source: the TFRecord files of one split, ready to read, and what they hold."""
import dataclasses
from typing import Tuple

from input_fn.datasets.formats import RecordFormat


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of one dataset. The index of an example over `files`, in order, is its source_id."""
    name: str  # of the dataset
    split: str
    files: Tuple[str, ...]
    format: RecordFormat
    class_names: Tuple[str, ...]  # without background: class i is class_names[i - 1]
    num_examples: int
    lengths: Tuple[int, ...] = dataclasses.field(default=(), compare=False)  # records of each file when it was written, where that is known
    check_report: str = dataclasses.field(default='', compare=False)  # folder of the report (`record_checks.py`) on what was left out

    @property
    def num_classes(self):
        """With the background."""
        return len(self.class_names) + 1

    def of_format(self, record_format):
        """This Source with another RecordFormat."""
        return dataclasses.replace(self, format=record_format)


def named_for(role, names):
    """The split of a user's own dataset for a role, 'train' or 'eval', of the `names` that are there: others call val `valid`."""
    usual = ('train',) if role == 'train' else ('val', 'valid', 'validation')
    return next((name for name in usual if name in names), usual[0])


def join(name, sources):
    """The Source `name` of several, one after the other; they must have one format and the same classes."""
    if len(sources) == 1:
        return dataclasses.replace(sources[0], name=name, split=name)
    first = sources[0]
    assert all((source.format, source.class_names) == (first.format, first.class_names) for source in sources)
    return dataclasses.replace(first, name=name, split=name, files=sum((source.files for source in sources), ()),
                               lengths=sum((source.lengths for source in sources), ()), num_examples=sum(source.num_examples for source in sources))
