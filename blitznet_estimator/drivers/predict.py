"""Mode predict: for each image a picture with boxes and mask, the mask as an indexed PNG, and all detections in detections.json."""
import os

from blitznet_estimator import drawing, files
from blitznet_estimator.drivers import checkpoints, input_images
from blitznet_estimator.drivers.predictions import predict
from blitznet_estimator.logs import log
from blitznet_estimator.progress import Progress

PICTURE, MASK = '.png', '_mask.png'  # endings of the files of an image


def run(config, platform, input_fn, model_fn, read):
    """Predict config.run.input_paths; returns what detections.json holds.

    Args:
      input_fn: paths of images -> an Estimator's input_fn of features, source_id the index of the path.
      read: path of an image -> its pixels as the network sees them, RGB uint8 [H, W, 3], upright.
    """
    paths = input_images.find(config.run.input_paths)
    checkpoint = checkpoints.find(config)
    folder = config.run.output_dir or os.path.join(config.run.model_dir, 'predictions')
    names = input_images.unique_names(paths, (PICTURE, MASK))
    entries = []
    with Progress('Predicting', len(paths), enabled=config.run.progress) as progress:
        def consume(prediction):
            index = prediction['source_id']
            entries.append(_write(config, folder, names[index], paths[index], read(paths[index]), prediction))
            progress.advance()
        predict(config, platform, input_fn(paths), model_fn, checkpoint, consume)
    return _finish(config, folder, checkpoint, entries)


def _write(config, folder, name, path, image, prediction):
    """Write the files of one image; returns its entry in detections.json."""
    class_names, mask = config.data.class_names, prediction.get('segmentation')
    entry = {'file': path, 'height': prediction['size'][0], 'width': prediction['size'][1], 'picture': name + PICTURE}
    picture = drawing.draw(image, prediction.get('boxes'), prediction.get('classes'), prediction.get('scores'), mask,
                           class_names, min_score=config.run.min_score)
    os.makedirs(folder, exist_ok=True)
    drawing.save_picture(os.path.join(folder, name + PICTURE), picture)
    if mask is not None:
        entry['mask'] = name + MASK
        drawing.save_indexed_png(os.path.join(folder, name + MASK), mask, drawing.palette(len(class_names) + 1))
    if 'boxes' in prediction:
        entry['detections'] = detections(prediction, class_names)
    return entry


def detections(prediction, class_names):
    """The boxes of an image for detections.json, best first, none left out by its score."""
    height, width = prediction['size']
    rows = []
    for box, score, number in zip(prediction['boxes'].tolist(), prediction['scores'].tolist(), prediction['classes'].tolist()):
        ymin, xmin, ymax, xmax = box
        rows.append({'class': number, 'name': class_names[number - 1], 'score': score, 'box_yxyx': box,
                     'box_xyxy_pixels': [xmin * width, ymin * height, xmax * width, ymax * height]})
    return rows


def _finish(config, folder, checkpoint, entries):
    result = {'checkpoint': checkpoint, 'global_step': checkpoints.step_of(checkpoint), 'class_names': list(config.data.class_names),
              'min_score_of_pictures': config.run.min_score, 'images': entries}
    files.write_json(os.path.join(folder, 'detections.json'), result)
    log.info('Wrote pictures, masks and detections.json of %d images to %s', len(entries), folder)
    return result
