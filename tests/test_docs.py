"""The pages: their flags and commands exist, their links lead somewhere, their sentences are short, and they say what the code says."""
import ast
import glob
import os
import re
import shlex

import cv2
import numpy as np
import pytest
from absl import flags as absl_flags

import flags
from blitznet_estimator import batch, other_flags
from tests.paths import ROOT
from tools import document_flags

ENGLISH, CHINESE = 'docs/ascend.md', 'docs/ascend.zh-CN.md'
PAGES = sorted(os.path.relpath(path, ROOT) for pattern in ('*.md', 'docs/**/*.md') for path in glob.glob(os.path.join(ROOT, pattern), recursive=True))
FLAG_FILES = sorted(glob.glob(os.path.join(ROOT, 'docs', 'flagfiles', '*.txt')))
FOREIGN = {'logdir', 'model', 'input', 'output', 'outfmt', 'dist', 'no',  # of TensorBoard, msame, pytest, and pip's --no-deps
           'prefix'}  # of npm
FOREIGN_MESSAGES = (  # of pip, of the system, of other packages, and of CANN
    'No matching distribution', 'Illegal instruction', 'No space left', "module 'ml_dtypes'", 'Conv2D supports', 'EI0002',
    'No supported Ops', 'nvidia-smi')
OF_ABSL = {'help', 'helpfull', 'flagfile'}
TAKE_MAIN_FLAGS = ('freeze', 'make_inputs', 'evaluate_om', 'modelarts')  # of tools.ascend; the shell scripts do too
MOST_WORDS, MOST_NUMBERS = 32, 4  # of a sentence
MOST_LINES = 150  # of the README


def _text(*names):
    with open(os.path.join(ROOT, *names), encoding='utf-8') as file:
        return file.read()


# Flags and commands

def _main_flags():
    if 'preset' not in absl_flags.FLAGS:
        flags.define_flags()
    names = {'preset', 'config', 'set', 'max_iterations'} | {setting.flag for setting in flags.SETTINGS} | set(flags.npu_options.BY_NAME)
    return names | {'no' + name for name in names} | OF_ABSL


def _own_options(*path):
    """Options that a tool's own source defines: of argparse, or of a shell script's case."""
    return set(re.findall(r"add_argument\('--(\w+)'", _text(*path))) | set(re.findall(r'--(\w+)=\*\)', _text(*path))) | {'help'}


def _tool_options(module):
    """Options of `python -m tools.NAME`, given as its words between the dots."""
    path = os.path.join(*module)
    source = path + '.py' if os.path.isfile(os.path.join(ROOT, path + '.py')) else os.path.join(path, '__main__.py')
    return _own_options(source) | _own_options('tools', 'arguments.py')


def _all_options():
    names = _main_flags() | FOREIGN
    for path in [path for top in ('tools', 'tests/reliability') for path in glob.glob(os.path.join(ROOT, top, '**', '*.*'), recursive=True)]:
        if path.endswith(('.py', '.sh')):
            names |= _own_options(path)
    return names


def _commands(page):
    """Commands of a page's code blocks, as words: continued lines joined, comments left out, those behind && apart."""
    for line in _text(page).replace('\\\n', ' ').splitlines():
        for command in line.strip().split(' && '):
            if re.match(r'(python3? |tools/ascend/)', command) and ' -c ' not in command:
                yield shlex.split(command, comments=True)


def _options(words):
    return {word[2:].split('=')[0] for word in words if word.startswith('--') and len(word) > 2}


@pytest.mark.parametrize('page', [page for page in PAGES if page != 'CHANGELOG.md'])  # which names flags of the past
def test_every_flag_that_a_page_names_exists(page):
    named = set(re.findall(r'(?<![\w-])--(\w+)', _text(page))) - set(other_flags.INSTEAD)  # a table says what they are called now
    assert named <= _all_options(), sorted(named - _all_options())


@pytest.mark.parametrize('page', PAGES)
def test_every_flag_is_one_of_its_command(page):
    for words in _commands(page):
        if words[1] == '-m':
            module = words[2].split('.')
            if module[0] not in ('tools', 'tests'):
                continue
            before, after = words, []
            if module[-1] == 'launch' and '--' in words:
                before, after = words[:words.index('--')], words[words.index('--') + 1:]
            allowed = _tool_options(module) | (_main_flags() if module[-1] in TAKE_MAIN_FLAGS else set())
            assert _options(before) <= allowed and _options(after) <= _main_flags(), words
        elif words[0].startswith('tools/ascend/'):
            assert _options(words) <= _main_flags() | _own_options(words[0]) | _own_options('tools', 'ascend', 'common.sh'), words
        else:
            assert words[1] == 'main.py' and _options(words) <= _main_flags(), words


@pytest.fixture(name='values')
def flag_values(monkeypatch):
    """The flags of main.py, as other tests find them again; the names of files are those of the repository's root."""
    monkeypatch.chdir(ROOT)
    _main_flags()
    yield absl_flags.FLAGS
    absl_flags.FLAGS.unparse_flags()
    for name in absl_flags.FLAGS:
        absl_flags.FLAGS[name].unparse()


def _config(values, arguments):
    for name in values:
        values[name].unparse()
    rest = values(['main.py'] + arguments)
    flags.refuse_positional(rest[1:])
    return flags.make_config(values)


def _main_arguments(words):
    """The arguments of main.py in a command, also behind the launcher and run_1p.sh; None where there are none."""
    if words[1:2] == ['main.py']:
        return words[2:]
    if words[0].startswith('tools/ascend/run_1p'):
        return words[1:]
    return words[words.index('--') + 1:] if '--' in words else None


@pytest.mark.parametrize('page', PAGES)
def test_commands_of_main_parse(page, values):
    """A command with three dots is no whole one."""
    found = [_main_arguments(words) for words in _commands(page) if not any('...' in word for word in words)]
    for arguments in filter(None, found):
        assert _config(values, arguments + ['--dry_run']).run.model_dir  # which asks for none of the files that it names
    assert any(found) or page not in ('README.md', ENGLISH, CHINESE)


@pytest.mark.parametrize('path', FLAG_FILES, ids=os.path.basename)
def test_every_flag_file_parses(path, values):
    """Each is for a dataset, or for the one that --data_dir holds."""
    config = _config(values, ['--flagfile=%s' % path, '--dry_run'])
    assert config.run.mode == 'train' and (config.data.dataset != 'shapes' or '--data_dir=DIR' in _text(path))


def test_the_page_of_all_flags_is_made_of_them():
    assert _text('docs', 'configuration.md') == document_flags.page(), 'python -m tools.document_flags writes it anew'


# Links, pictures and what two places say

def _links(page):
    """(path from the root, anchor) of the links to files of the repository."""
    found = re.findall(r'\]\(([^)\s]+)\)', _text(page)) + re.findall(r'src="([^"]+)"', _text(page))
    for link in found:
        if not re.match(r'\w+:', link):
            path, _, anchor = link.partition('#')
            yield os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page, anchor


def _anchors(page):
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.*)$', _text(page), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('page', PAGES)
def test_links_lead_somewhere(page):
    for path, anchor in _links(page):
        assert os.path.exists(os.path.join(ROOT, path)), path
        assert not anchor or anchor in _anchors(path), '%s#%s' % (path, anchor)


def test_every_picture_and_page_is_linked():
    linked = {path for page in PAGES for path, _ in _links(page)}
    files = {os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, 'docs', '**', '*.*'), recursive=True)}
    assert 'docs/flagfiles' in linked
    assert not {path for path in files - linked if not path.startswith('docs/flagfiles')}


@pytest.mark.parametrize('page', PAGES)
def test_files_that_a_page_names_exist(page):
    """In backquotes, with a folder of the repository before them."""
    named = re.findall(r'`((?:blitznet_estimator|input_fn|model_fn|hooks|tools|tests|docs)/[\w/.-]*)`', _text(page))
    assert not [path for path in named if not os.path.exists(os.path.join(ROOT, path))]


def test_the_pages_of_ascend_have_the_same_commands_and_rows():
    """The English table of problems is in the page of all problems."""
    english = _text(ENGLISH) + _text('docs', 'troubleshooting.md').split('\n## Ascend\n')[1]
    assert list(_commands(ENGLISH)) == list(_commands(CHINESE))
    rows = [sum(line.startswith('|') for line in text.splitlines()) for text in (english, _text(CHINESE))]
    assert rows[0] == rows[1] > 20


@pytest.mark.parametrize('page', [ENGLISH, CHINESE])
def test_every_flag_of_the_first_code_has_a_row(page):
    named = set(re.findall(r'(?<![\w-])--(\w+)', _text(page).split('\n## 8.')[1].split('\n## 9.')[0]))
    assert set(other_flags.OF_THE_FIRST_CODE) - named <= {'max_ckpt'}  # which neither of them has


def _messages():
    """What the page of problems quotes in its first columns, less what stands for a value."""
    for line in _text('docs', 'troubleshooting.md').splitlines():
        for quoted in re.findall('`([^`]+)`', line.split(' | ')[0]) if line.startswith('| ') else ():
            parts = re.split(r'\.\.\.|=\S*|--\w+|config\.json|[?;:,.]|\b[nm]\b|\d+', quoted)
            yield quoted, max((part.strip() for part in parts), key=len)


def test_messages_of_the_page_of_problems_are_those_of_the_code():
    texts = []
    for path in glob.glob(os.path.join(ROOT, '**', '*.py'), recursive=True):
        if not os.path.relpath(path, ROOT).startswith('tests'):
            nodes = ast.walk(ast.parse(_text(path)))
            values = [node.value if hasattr(node, 'value') else getattr(node, 's', None) for node in nodes]  # .s: on Python 3.7
            texts += [re.sub(r'\s+', ' ', value) for value in values if isinstance(value, str)]
    found = [(quoted, part) for quoted, part in _messages() if len(part) > 5 and not quoted.startswith(FOREIGN_MESSAGES)]
    assert len(found) > 40
    assert not [quoted for quoted, part in found if not any(part in text for text in texts)]


def test_the_batch_is_told_as_in_the_code():
    rows = re.findall(r'^ +(\w+) +\[([^\]]*)\] +(\w+)', batch.__doc__, re.MULTILINE)
    told = re.findall(r'\| `(\w+)` \| `\[([^\]]*)\]` \| (\w+) \|', _text('docs', 'architecture.md'))
    assert len(rows) > 10 and set(rows) <= set(told), sorted(set(rows) - set(told))


# Words

def _paragraphs(page):
    """The prose of a page: text of paragraphs and list items, without code, tables, headings and pictures."""
    text = re.sub(r'^```.*?^```', '', _text(page), flags=re.MULTILINE | re.DOTALL)
    lines = []
    for line in text.splitlines() + ['']:
        ends = not line.strip() or re.match(r'[|#<!]| {4}|\s*[-*] |\[\d+\] ', line)
        if ends and lines:
            yield ' '.join(lines)
            lines = []
        if line.strip() and not re.match(r'[|#<!]| {4}', line):
            lines.append(line.strip().lstrip('- '))


def _sentences(page):
    for paragraph in _paragraphs(page):
        plain = re.sub(r'`[^`]*`', 'X', paragraph)  # a piece of code counts as a word
        plain = re.sub(r'!?\[([^\]]*)\]\([^)]*\)', r'\1', plain).replace('*', '')
        yield from re.split(r'(?<=[.!?])\s+|(?<=[。！？])', plain)


@pytest.mark.parametrize('page', PAGES)
def test_sentences_are_short(page):
    for sentence in _sentences(page):
        assert len(sentence.split()) <= MOST_WORDS, sentence
        assert len(re.findall(r'(?<![\w.-])\d[\d.,-]*', sentence)) <= MOST_NUMBERS, sentence


def test_the_readme_is_short():
    assert len(_text('README.md').splitlines()) < MOST_LINES


def test_the_dataset_of_the_page_on_extending_is_read(tmp_path):
    module = re.search(r'```python\n(\"{3}The dataset `plates`.*?)```', _text('docs', 'extending.md'), re.DOTALL).group(1)
    plates = {}
    exec(compile(module, 'plates', 'exec'), plates)  # the code of the page
    path = str(tmp_path / '1.jpg')
    assert cv2.imwrite(path, np.zeros((20, 40, 3), np.uint8))
    (tmp_path / '1.txt').write_text('.1 .2 .5 .6\n.3 .3 .4 .4\n')
    example, mended = plates['_make_example'](path)
    assert (example.height, example.width, example.labels, dict(mended)) == (20, 40, (0, 0), {})
    np.testing.assert_allclose(example.boxes, [[.1, .2, .5, .6], [.3, .3, .4, .4]])
