"""What a benchmark found: as a table in the terminal, as JSON, and as a chart."""
import io

from blitznet_estimator import files, json_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.text_table import table


def read(path):
    """The report that a benchmark wrote to `path`; UserError for another file, or one without ratios."""
    found = json_files.read(path, 'the report of a benchmark')
    if not isinstance(found, dict) or not found.get('ratios'):
        raise UserError('%s holds no ratios: measure with --reference first.' % path)
    return found


def _result_rows(result):
    """A row a stage of one measured side."""
    for stage in sorted(result['stages'], key=lambda name: name != 'total'):
        values = result['stages'][stage]
        name = result['label'] if stage == 'total' else '  ' + stage
        limit = result.get('of_limit') if stage == 'total' else None
        yield [name, result['side'] if stage == 'total' else '', '%.2f' % (values['seconds'] * 1e3),
               '%.2f-%.2f' % (values['low'] * 1e3, values['high'] * 1e3), '%.1f' % values['images_per_second'],
               '%.0f %%' % (100 * limit) if limit else '', '%.0f' % result['peak_mb'] if stage == 'total' else '']


def format_table(report):
    """The report for the terminal: machine, limits, results, ratios."""
    parts = ['%s; TensorFlow %s; %s' % (report['machine']['processor'], report['machine']['tensorflow'],
                                        ', '.join('%s=%s' % item for item in sorted(report['settings'].items())))]
    if report['limits']:
        rows = [[name, '%.1f' % rate] for name, rate in sorted(report['limits'].items())]
        parts.append(table(['limit of this machine', 'rate'], rows))
    if report['results']:
        head = ['work', 'side', 'ms/image', '10-90 %', 'images/s', 'of limit', 'peak MB']
        parts.append(table(head, [row for result in report['results'] for row in _result_rows(result)]))
    if 'growth' in report:
        parts.append('resident memory after each cycle of training and evaluation, MB: %s; growth in the end: %.2f MB a cycle'
                     % (' '.join('%.0f' % size for size in report['growth']['resident_mb']), report['growth']['mb_a_cycle']))
    if report.get('shares'):
        rows = [[one['side'], one['peer'], '%.2f' % one['median'], '%.2f-%.2f' % (one['low'], one['high']),
                 '%.2f' % one['memory'] if 'memory' in one else ''] for one in report['shares']]
        parts.append(table(['ours', 'beside', 'share of its time', 'rounds', 'share of its memory'], rows))
    if report['ratios']:
        rows = [[ratio['label'], '%.2f' % ratio['median'], '%.2f-%.2f' % (ratio['low'], ratio['high']), '%.2f' % ratio['memory']]
                for ratio in report['ratios']]
        parts.append(table(['times as fast as the reference', 'median', 'rounds', 'memory'], rows))
    return '\n\n'.join(parts)


def draw_chart(path, reports):
    """Draw how many times faster than the reference each report's whole works are, as a PNG with a bar a work and report."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    works = [ratio['label'] for ratio in reports[0]['ratios'] if not ratio.get('part')]
    figure, axes = pyplot.subplots(figsize=(8, .5 + .75 * len(works)), dpi=150)
    _draw_bars(axes, works, reports)
    axes.axvline(1, color='#898781', linewidth=1)
    axes.set_yticks(range(len(works)))
    axes.set_yticklabels(works)
    axes.invert_yaxis()
    axes.set_xlabel('times as fast as the reference (1 = the reference)')
    for side in ('top', 'right', 'left'):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)
    axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    image = io.BytesIO()
    figure.savefig(image, format='png')
    pyplot.close(figure)
    files.write_bytes(path, image.getvalue())


def _draw_bars(axes, works, reports):
    """A row for each work, with a bar for each report that has it, and the bar's value at its end."""
    colours = ['#86b6ef', '#2a78d6', '#104281']  # one hue, light to dark: the reports are steps of the same thing
    height = .8 / len(reports)
    for i, report in enumerate(reports):
        ratios = {ratio['label']: ratio['median'] for ratio in report['ratios']}
        rows = [row for row, work in enumerate(works) if work in ratios]  # a report may lack some
        places = [row + height * (i - (len(reports) - 1) / 2) for row in rows]
        values = [ratios[works[row]] for row in rows]
        axes.barh(places, values, height * .9, color=colours[i % len(colours)], label=_series_name(report))
        for place, value in zip(places, values):
            axes.text(value, place, ' %.1f' % value, va='center', fontsize=8, color='#52514e')


def _series_name(report):
    return 'TensorFlow %s, %s' % ('.'.join(report['machine']['tensorflow'].split('.')[:2]), report['settings']['precision'])
