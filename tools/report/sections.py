"""The sections of a report, from what was computed."""
from blitznet_estimator.evaluation.metrics import METRICS, columns
from blitznet_estimator.presets import preset_config
from tools.report import charts
from tools.report.page import class_table, settings
from tools.report.pictures import draw_pairs, extremes

EXTRA_COLUMNS = (('best F1', 'best_f1', None, '%.3f'), ('precision there', 'best_precision', None, '%.3f'),
                 ('recall there', 'best_recall', None, '%.3f'), ('at score', 'best_threshold', None, '%.2f'))
TILES = tuple(pair for metric in METRICS.values() for pair in metric.best)  # (value of the result, title)


def add_metrics(page, source, analysis):
    """The metrics of the whole split, of each class, and the precision-recall curves."""
    for key, title in TILES:
        if analysis.result.get(key) is not None:
            page.add_tile(title, '%.3f' % analysis.result[key])
    page.add_tile('images', analysis.result['num_images'])
    page.add_section('Classes', 'Split %s of %s. F1 at the score from which it is best.' % (source.split, source.name),
                     class_table(analysis.result, tuple(columns()) + EXTRA_COLUMNS))
    if analysis.curves:
        page.add_section('Precision and recall', 'The dot is where F1 is best.', layout='wide', images=[
            page.chart('precision_recall', charts.precision_recall_chart(analysis.curves, analysis.result))])


def add_errors(page, analysis, class_names):
    """The error analysis, and the confusion matrices of both tasks."""
    if analysis.errors:
        _add_causes(page, analysis.errors, class_names)
    images = []
    if analysis.errors:
        images.append(page.chart('confusion_boxes', charts.confusion_chart(
            analysis.errors['confusion'], ('nothing',) + class_names, 'objects, % of the true class')))
    if analysis.pixel_confusion is not None:
        images.append(page.chart('confusion_pixels', charts.confusion_chart(
            analysis.pixel_confusion, ('background',) + class_names, 'pixels, % of the true class')))
    page.add_section('Confusion', 'A row is a true class; "nothing" is a missed object, or a detection of no object.', images=images)


def _add_causes(page, errors, class_names):
    causes = {name: dict(right=errors['right'][name], **errors['false_positives'][name]) for name in class_names}
    page.add_section(
        'Errors of detection',
        'The best detections of each class, as many as it has objects (Hoiem et al., 2012). Localisation: IoU of 0.1 to 0.5, or a second '
        'hit. Similar and other class: IoU of at least 0.1 with such an object. At the end of a bar: its count.',
        images=[page.chart('errors_by_class', charts.causes_chart(causes, 'best detections of each class')),
                page.chart('errors_by_size', charts.causes_chart(errors['false_positives_by_size'], 'wrong ones by size of the box')),
                page.chart('objects', charts.causes_chart(errors['objects'], 'objects by size, and difficult ones'))])


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


def add_history(page, history, speed):
    """Curves over the steps, and the speed of training in images per second, None where it is not known."""
    if speed is not None:
        page.add_tile('training, images/s', '%.1f' % speed)
    images = [page.chart('curve_' + title.replace('/', '_'), charts.history_chart(title, {name: history[name] for name in names}))
              for title, names in charts.history_groups(history).items()]
    page.add_section('Curves', 'Scalars of the event files and of metrics.csv; long ones are thinned, and smoothed on top.', images=images)


def add_configuration(page, config):
    """Every setting."""
    page.add_section('Configuration', "Marked: settings that differ from the preset's.",
                     settings=settings(config, preset_config(config.network.preset)))
