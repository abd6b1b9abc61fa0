"""The datasets by name, for help and hints before TensorFlow is there."""
MODULES = {  # a module of input_fn.datasets -> the names that it answers to
    'shapes': ('shapes', 'shapes_small'),
    'folder': ('folder',),
    'yolo': ('yolo',),
    'labelme': ('labelme',),
    'cityscapes': ('cityscapes', 'datumaro:cityscapes'),  # which datumaro reads without its objects
    'records': ('records',),
    'voc': (
        'voc07-trainval', 'voc07-test', 'voc12-train', 'voc12-val', 'voc12-trainval', 'voc12-train-seg', 'voc12-val-seg',
        'voc12-train-seg-aug', 'voc12-val-boxes', 'voc12-trainval-boxes', 'voc07+12', 'voc07+12-seg', 'voc07+12-segfull'),
    'coco': ('coco', 'coco-train', 'coco-minival', 'coco-valminusminival', 'coco-train2017', 'coco-trainval35k'),
}
NAMES = tuple(name for names in MODULES.values() for name in names)  # all that --dataset takes, besides AUTO, and CATALOGUE or DATUMARO and a name
CATALOGUE = 'tfds:'  # what the names of TensorFlow Datasets' catalogue begin with
DATUMARO = 'datumaro:'  # what the formats that the package datumaro reads begin with
AUTO = 'auto'  # what the data in --data_dir are, by their layout
