"""The sections of a report, from what was computed."""
from blitznet_estimator.colors import class_color
from blitznet_estimator.evaluation.metrics import METRICS, columns
from blitznet_estimator.presets import preset_config
from tools.report import data_charts, error_charts, history_charts, score_charts
from tools.report.page import class_table, settings
from tools.report.pictures import draw_pairs, extremes

EXTRA_COLUMNS = (('best F1', 'best_f1', None, '%.3f'), ('precision there', 'best_precision', None, '%.3f'),
                 ('recall there', 'best_recall', None, '%.3f'), ('at score', 'best_threshold', None, '%.2f'))
TILES = tuple(pair for metric in METRICS.values() for pair in metric.best)  # (value of the result, title)


def add_figures(page, analysis):
    """The metrics of the whole split, at the top."""
    for key, title in TILES:
        if analysis.result.get(key) is not None:
            page.add_tile(title, '%.3f' % analysis.result[key])
    page.add_tile('images', analysis.result['num_images'])


def add_history(page, history, speed, class_names):
    """Curves over the steps, and the speed of training in images per second, None where it is not known."""
    if speed is not None:
        page.add_tile('training, images/s', '%.1f' % speed)
    page.add_section('Training', 'Scalars of the event files. Long curves are thinned, and smoothed on top.', images=[
        _curve(page, name, history) for name in history_charts.training_names(history)])
    groups = history_charts.class_groups(history)
    page.add_section('Evaluations', 'The metrics of each evaluation over the steps.', legend=legend(class_names) if groups else (), images=[
        _curve(page, name, history) for name in history_charts.metric_names(history)] + [
        page.chart('curve_' + metric, history_charts.class_chart(metric, curves, class_names)) for metric, curves in groups.items()])


def _curve(page, name, history):
    return page.chart('curve_' + name.replace('/', '_'), history_charts.curve_chart(name, history[name]))


def add_classes(page, source, analysis):
    """The metrics of each class."""
    table = class_table(analysis.result, tuple(columns()) + EXTRA_COLUMNS, dict(legend(source.class_names)))
    page.add_section('Classes', 'Split %s of %s. F1 at the score from which it is best.' % (source.split, source.name), table)


def add_scores(page, analysis):
    """Precision, recall and F1 over the threshold, and the precision-recall curves, where boxes were scored."""
    if not analysis.curves:
        return
    names = [name for name, (_, count, _) in analysis.curves.items() if count]
    page.add_section('Scores', 'F1, precision and recall of the boxes from each score on. The thick line is the mean of the classes; the dot '
                     'is where its F1 is best.', legend=[pair for pair in legend(analysis.curves) if pair[0] in names],
                     images=[page.chart('threshold_' + name.lower(), chart) for name, chart in score_charts.threshold_charts(analysis.curves)])
    charts = score_charts.precision_recall_charts(analysis.curves, analysis.result)
    page.add_section('Precision and recall', 'The dot is where F1 is best.', images=[
        page.chart('precision_recall_%d' % number, chart, 'precision over recall of ' + name)
        for number, (name, chart) in enumerate(charts.items(), 1)])


def add_errors(page, analysis, class_names):
    """The error analysis, and the confusion matrices of both tasks."""
    if analysis.errors:
        _add_causes(page, analysis.errors, class_names)
    images = []
    if analysis.errors:
        images.append(page.chart('confusion_boxes', error_charts.confusion_chart(
            analysis.errors['confusion'], ('nothing',) + class_names, 'objects, % of the true class')))
    if analysis.pixel_confusion is not None:
        images.append(page.chart('confusion_pixels', error_charts.confusion_chart(
            analysis.pixel_confusion, ('background',) + class_names, 'pixels, % of the true class')))
    page.add_section('Confusion', 'A row is a true class; "nothing" is a missed object, or a detection of no object.', images=images)


def _add_causes(page, errors, class_names):
    causes = {name: dict(right=errors['right'][name], **errors['false_positives'][name]) for name in class_names}
    page.add_section(
        'Errors of detection',
        'The best detections of each class, as many as it has objects (Hoiem et al., 2012). Localisation: IoU of 0.1 to 0.5, or a second '
        'hit. Similar and other class: IoU of at least 0.1 with such an object. At the end of a bar: its count.',
        images=[page.chart('errors_by_class', error_charts.causes_chart(causes, 'best detections of each class')),
                page.chart('errors_by_size', error_charts.causes_chart(errors['false_positives_by_size'], 'wrong ones by size of the box')),
                page.chart('objects', error_charts.causes_chart(errors['objects'], 'objects by size, and difficult ones'))])


def add_data(page, source, analysis):
    """What the split holds: objects and pixels of each class, and the sizes of boxes."""
    objects = {name: int((analysis.boxes.classes == number).sum()) for number, name in enumerate(source.class_names, 1)}
    pixels = {name: row['num_pixels'] for name, row in analysis.result['per_class'].items() if row.get('num_pixels')}
    page.add_section('Data', 'Ground truth of split %s of %s.' % (source.split, source.name), images=[
        page.chart('data_objects', data_charts.class_bars(objects, source.class_names, 'objects of each class')),
        page.chart('data_pixels', data_charts.class_bars(pixels, source.class_names, 'pixels of each class')),
        page.chart('data_box_shapes', data_charts.box_shapes(analysis.boxes)),
        page.chart('data_box_sides', data_charts.box_sides(analysis.boxes))])


def add_pictures(page, source, predictions, analysis, count):
    """The worst and the best images, predictions beside ground truth."""
    worst, best = extremes(analysis.image_scores, count)
    pairs = draw_pairs(source, predictions, analysis, set(worst + best))
    text = "Ranked by the mean of F1 of the boxes and mean IoU of the pixels. Boxes from each class's score of best F1 on."
    for title, chosen in (('Worst images', worst), ('Best images', best)):
        page.add_section(title, text, layout='pairs', images=[
            page.picture('%s_%d' % (title.split()[0].lower(), rank), pairs[image][1],
                         '%s (image %d): %.3f' % (pairs[image][0], image, analysis.image_scores[image]))
            for rank, image in enumerate(chosen, 1)])


def add_configuration(page, config):
    """Every setting."""
    page.add_section('Configuration', "Marked: settings that differ from the preset's.",
                     settings=settings(config, preset_config(config.network.preset)))


def legend(class_names):
    """[(name, '#rrggbb')] of the classes."""
    return [(name, class_color(number)) for number, name in enumerate(class_names, 1)]
