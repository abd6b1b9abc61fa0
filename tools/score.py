"""Scores files of detections and masks, of whatever system, against a dataset: the metrics of main.py --mode=eval, without a model.

  python -m tools.score --dataset=folder --data_dir=DIR --detections=results.json --masks=results/masks
  python -m tools.score --dataset=coco-minival --data_dir=coco --detections=results.json --annotations=instances_minival2014.json
  python -m tools.score --dataset=voc07-test --data_dir=VOCdevkit --detections=FOLDER_OF_comp4_det_FILES --metrics=voc07
"""
from blitznet_estimator import files
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import prediction_formats
from blitznet_estimator.evaluation.image_names import Stems
from blitznet_estimator.evaluation.metrics import METRICS
from blitznet_estimator.evaluation.scorer import Scorer, check_metrics
from blitznet_estimator.evaluation.table import format_table
from tools import arguments


def score(source, predictions, metrics):
    """Scorer.result() of Predictions for every image of a Source."""
    from input_fn.datasets.reader import read_samples
    scorer = Scorer(source.class_names, metrics, predictions.heads)
    for sample in read_samples(source):
        scorer.update(predictions.of(sample), sample)
    predictions.check_used(scorer.num_images)
    return scorer.result()


def write_voc(source, predictions, folder):
    """Write the boxes of Predictions as VOC's comp4_det files."""
    from input_fn.datasets.reader import read_samples
    stems = Stems()
    found = {stems.of(sample): predictions.detections(sample) for sample in read_samples(source)}
    prediction_formats.write_voc_detections(folder, source.split, source.class_names, found)


def parse(argv):
    """Parsed and checked arguments."""
    parser = arguments.Parser('python -m tools.score', description=__doc__)
    parser.add_argument('--detections', help='COCO results (json: a list of image_id, category_id, bbox, score), '
                        'or a folder of comp4_det_<split>_<class>.txt; boxes in pixels')
    parser.add_argument('--masks', help='folder of <image>.png, in folders as the images of the dataset; '
                        'indexed or grey, a pixel holding its class (0 = background)')
    parser.add_argument('--annotations', help='COCO instances file that the ids of --detections refer to (default: annotations.json beside '
                        'it; without one, image ids count the images of the split from 0, categories the classes from 1)')
    parser.add_argument('--metrics', default='voc07,voc12,miou', help='of %s (default: %%(default)s)' % ', '.join(METRICS))
    parser.add_argument('--write_voc', metavar='FOLDER', help='also write --detections there as comp4_det_<split>_<class>.txt')
    parser.add_argument('--output', help='write the metrics there as JSON')
    return arguments.parse_with_data(parser, argv, detections='there', masks='there', annotations='file', write_voc='place')


def main(argv):
    """Print the table; returns the metrics."""
    args = parse(argv)
    if not args.detections and not args.masks:
        raise UserError('Nothing to score: name files with --detections, --masks or both.')
    metrics = tuple(args.metrics.split(','))
    check_metrics(metrics)
    from input_fn.datasets.registry import open_dataset
    from tools.predictions import Predictions
    source = open_dataset(arguments.data_config(args), 'eval')
    predictions = Predictions(source.class_names, args.detections, args.masks, args.annotations)
    result = score(source, predictions, metrics)
    if args.write_voc:
        write_voc(source, predictions, args.write_voc)
    if args.output:
        files.write_json(args.output, result)
    print('%s, split %s' % (source.name, source.split))  # last: nobody may be there to read it
    print(format_table(result))
    return result


if __name__ == '__main__':
    arguments.run(main)
