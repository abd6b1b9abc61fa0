"""Writes docs/configuration.md from the flags: python -m tools.document_flags"""
import os

import flags
from blitznet_estimator import files
from tools import arguments

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'docs', 'configuration.md')
INTRODUCTION = """# Configuration

`python -m tools.document_flags` writes this page from `blitznet_estimator/settings.py`. A test keeps it current.

A value comes from the first of these that gives one: the flag, the preset with the recipe for the dataset, the default. The modes other than `train`
start from the `config.json` beside the checkpoint, which training wrote into `--model_dir`.

A flag file holds flags, one per line: `python main.py --flagfile=docs/flagfiles/own_pictures.txt`. A flag after it wins.
"""


def page():
    """The text of docs/configuration.md."""
    if 'preset' not in flags.FLAGS:
        flags.define_flags()
    parts = [INTRODUCTION]
    for title, entries in flags.help_groups(full=True):
        rows = ['| `%s` | %s |' % (name, text.replace('|', '\\|').replace('<', '&lt;')) for name, text in entries]
        parts.append('\n'.join(['## ' + title, '', '| flag | meaning |', '|---|---|'] + rows) + '\n')
    return '\n'.join(parts)


def main(argv):
    """Write the page."""
    arguments.Parser('python -m tools.document_flags', description=__doc__).parse_args(argv)
    files.write_text(PAGE, page())


if __name__ == '__main__':
    arguments.run(main)
