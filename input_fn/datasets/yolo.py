"""The dataset `yolo`: images with label files in YOLO layout, as a `data.yaml` in --data_dir describes them.

Boxes train detection. Where a split has polygons, they also paint its masks, in the order of the lines and by the rule of COCO's polygons.
An image without a label file has nothing in it. A split is prepared when it is first asked for, and anew when one of its files has changed.
"""
from blitznet_estimator.errors import UserError
from input_fn.datasets import labelled, yolo_files, yolo_labels
from input_fn.datasets.names import labels_by_name
from input_fn.datasets.plan import SplitPlan
from input_fn.datasets.prepared import open_files


def class_names(data_config):
    """Names in the data.yaml, or in the classes.txt."""
    return yolo_files.layout(data_config.data_dir).class_names


def split_names(data_config):
    """The splits that the data.yaml names: train, val and test."""
    return yolo_files.split_names(yolo_files.layout(data_config.data_dir))


def open_split(data_config, split):
    """The Source of a split."""
    layout = yolo_files.layout(data_config.data_dir)
    labels = labels_by_name(layout.class_names, data_config.class_names, layout.path)
    listed = yolo_files.listed(layout, split)
    files = yolo_files.part(layout, listed, split)
    paths = [layout.path] + [path for item in files for path in (item.image, item.label) if path]

    def make_plan():
        plan = _work(layout, split, files, labels, data_config.on_bad_record)
        strays = yolo_files.strays(layout, listed, split)
        plan.notes.add({'label files belong to no image of the split; the first: %s' % (strays or [''])[0]: len(strays)})
        return plan

    return open_files(data_config, 'yolo', layout.path, split, paths, make_plan)


def _work(layout, split, files, labels, on_bad_record):
    """The SplitPlan of a split. All of its label files are read for it once, as one outline anywhere means that there are masks."""
    if not any(item.label for item in files):
        raise UserError('No image of the split %s of %s has a label file; the first image: %s. Label files are in a folder `labels` beside '
                        '`images`, or beside the images.' % (split, layout.path, files[0].image))
    outlined = any(_has_outlines(item, len(labels)) for item in files)
    plan = SplitPlan(files, lambda item: _make_example(item, labels, outlined), on_bad_record)
    plan.notes.add({'images have no label file, which means that nothing is in them': sum(not item.label for item in files)})
    return plan


def _has_outlines(item, num_labels):
    """Whether a label file has polygons. What is wrong with one is said when its image is made."""
    try:
        return bool(item.label) and any(map(yolo_labels.is_polygon, yolo_labels.read(item.label, num_labels)))
    except UserError:
        return False


def _make_example(item, labels, outlined):
    """(Example, notes) of the yolo_files.Files of one image. labels: {class of the files: index into the class names}."""
    picture = labelled.read_picture(item.image, item.name)
    lines = [line._replace(label=labels[line.label]) for line in (yolo_labels.read(item.label, len(labels)) if item.label else ())]
    return labelled.make_example(picture, yolo_labels.objects(lines, picture.height, picture.width, outlined), outlined)
