"""The notebook of docs: its cells run one after the other, from a folder of pictures to a report and to predictions that are right.

They are run here as Jupyter would, but without it: Python as it stands, and lines that begin with ! as commands of a shell.
"""
import json
import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

NOTEBOOK = os.path.join(ROOT, 'docs', 'own_pictures.ipynb')
WORK = "work = 'runs/own_pictures'"


def code_cells():
    """Sources of the cells with code."""
    with open(NOTEBOOK, encoding='utf-8') as file:
        content = json.load(file)
    assert content['nbformat'] == 4
    return [''.join(cell['source']) for cell in content['cells'] if cell['cell_type'] == 'code']


def run_cells(cells):
    """Run cells in one namespace, which is returned."""
    names = {}
    for cell in cells:
        lines = [_command(line[1:]) if line.startswith('!') else line for line in cell.splitlines()]
        exec(compile('\n'.join(lines), 'a cell of the notebook', 'exec'), names)
    return names


def _command(line):
    """Python that runs a line of a shell with this Python; {name} stands for a variable, as in Jupyter."""
    return 'import subprocess; subprocess.run(%r.format(**globals()), shell=True, check=True)' % line


def test_commands_are_those_of_the_project():
    commands = [line for cell in code_cells() for line in cell.splitlines() if line.startswith('!')]
    assert len(commands) == 4 and all(line.startswith(('!python main.py ', '!python -m tools.')) for line in commands)


@pytest.mark.slow
@pytest.mark.one_python
def test_it_goes_from_a_folder_of_pictures_to_a_report(tmp_path):
    """In a process of its own, whose folder and environment the cells change."""
    first, *rest = code_cells()
    assert WORK in first
    cells = [first.replace(WORK, 'work = %r' % str(tmp_path))] + rest
    program = 'import json, sys; from tests.test_notebook import run_cells, check; check(run_cells(json.load(sys.stdin)))'
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get('PATH', '')])
    subprocess.run([sys.executable, '-c', program], input=json.dumps(cells).encode(), cwd=ROOT, check=True,
                   env=dict(os.environ, PATH=path, MPLBACKEND='Agg'))
    assert (tmp_path / 'model' / 'report' / 'report.html').exists()
    with open(str(tmp_path / 'found' / 'annotations.json'), encoding='utf-8') as file:
        assert len(json.load(file)['images']) == 12
    with open(str(tmp_path / 'model' / 'metrics.json'), encoding='utf-8') as file:
        assert json.load(file)['mAP_voc12'] > .3


def check(names):
    """What the cells leave behind is right: most of the 24 objects are found, and not twice as many."""
    assert 12 <= sum(map(len, names['results'])) < 48
