"""What a soak calls flat, and a short one. `python -m tests.reliability.soak` takes two hours."""
import csv

import pytest

from tests.reliability import soak


def _rows(curve):
    return [dict(process='training', minutes=minute, resident_mb=curve(minute), open_files=9, threads=4) for minute in range(120)]


def test_a_start_is_not_growth_and_a_slope_is():
    grown = soak.rises(_rows(lambda minute: 1000 if minute > 10 else 100 * minute))
    assert set(grown.values()) == {0}
    grown = soak.rises(_rows(lambda minute: 500 + minute))
    assert grown['training', 'resident_mb'] == pytest.approx(78)  # from the middle of minutes 30 to 41 to that of 108 to 119
    assert grown['training', 'resident_mb'] > soak.ALLOWED['resident_mb']


@pytest.mark.slow
@pytest.mark.one_python
def test_a_short_soak(tmp_path):
    rows, answers, errors, versions, codes = soak.run(str(tmp_path / 'soak'), minutes=.5, eval_every=20, export_minutes=.1, look_s=2)
    assert answers > 5 and not errors and versions > 1 and codes == [0, 143]
    assert {row['process'] for row in rows} == {'training', 'server'} and all(row['resident_mb'] > 50 for row in rows)
    with open(str(tmp_path / 'soak' / 'soak.csv'), newline='', encoding='utf-8') as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    soak.draw(rows, str(tmp_path / 'soak.png'))
    assert (tmp_path / 'soak.png').stat().st_size > 1000
