"""The table of an evaluation: one row per class, for terminals."""
from blitznet_estimator import text_table
from blitznet_estimator.evaluation.metrics import columns as known_columns


def format_table(result):
    """Text of Scorer.result(): classes, their mean, then what has no class. '-' where a metric is undefined."""
    rows = result['per_class']
    columns = [column for column in known_columns() if any(column.key in row for row in rows.values())]
    head = ['class'] + [column.heading for column in columns]
    cells = [[name] + [_cell(row, key, form) for _, key, _, form in columns] for name, row in rows.items()]
    last = ['mean, sum'] + [_cell(result, mean, form) if mean else _total(rows, key, form) for _, key, mean, form in columns]
    return '\n'.join([text_table.table(head, cells, [last])] + _footer(result))


def _cell(row, key, form):
    if key not in row:
        return ''
    return '-' if row[key] is None else form % row[key]


def _total(rows, key, form):
    return form % sum(row[key] for row in rows.values() if key in row)


def _footer(result):
    coco = ['%s %.3f' % item for item in result.get('coco', {}).items() if item[1] is not None]
    parts = ['%d images' % result['num_images']] if 'num_images' in result else []
    if result.get('pixel_accuracy') is not None:
        parts.append('pixel accuracy %.3f' % result['pixel_accuracy'])
    return ([', '.join(parts)] if parts else []) + [', '.join(coco[i:i + 6]) for i in range(0, len(coco), 6)]
