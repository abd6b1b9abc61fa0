"""The names that --dataset takes, for help and hints before TensorFlow is there. A test keeps them those of input_fn.datasets.registry."""
NAMES = (
    'shapes', 'shapes_small', 'folder', 'records',
    'voc07-trainval', 'voc07-test', 'voc12-train', 'voc12-val', 'voc12-trainval', 'voc12-train-seg', 'voc12-val-seg', 'voc12-train-seg-aug',
    'voc12-val-boxes', 'voc12-trainval-boxes', 'voc07+12', 'voc07+12-seg', 'voc07+12-segfull',
    'coco', 'coco-train', 'coco-minival', 'coco-valminusminival', 'coco-train2017', 'coco-trainval35k')
CATALOGUE = 'tfds:'  # what the names of TensorFlow Datasets' catalogue begin with
