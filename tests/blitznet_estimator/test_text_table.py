from blitznet_estimator import text_table


def test_a_table():
    assert text_table.table(('class', 'n'), [('cat', 1), ('sheep', 123)], [('sum', 124)]).splitlines() == [
        'class    n', '----------', 'cat      1', 'sheep  123', '----------', 'sum    124']


def test_without_rows_or_with_empty_cells():
    assert text_table.table(('a', 'b'), []).splitlines() == ['a  b', '----']
    assert text_table.align([('a', ''), ('b', 'c')]) == ['a', 'b  c']


def test_millions():
    assert text_table.millions(1234567) == '1.235'
