"""What TensorBoard shows beside the summaries of training: scalars, pictures and tables, as values of summaries."""
import os

import cv2

from blitznet_estimator.runtime import tf

FOLDER = 'eval'  # in model_dir: the curves of evaluation beside those of training
METRICS, DETAILS = 'metrics/', 'z_details/'  # TensorBoard sorts charts by name: what may be hundreds, as of every class, is last
QUALITY = 90  # of the pictures' JPEG


def scalars(metrics):
    """{tag: number} of an evaluation's metrics; counts, and what is undefined (None), are left out."""
    values = {METRICS + name: value for name, value in metrics.items() if name != 'global_step'}
    values.update(('%scoco/%s' % (DETAILS, name), value) for name, value in metrics.get('coco', {}).items())
    for name, row in metrics.get('per_class', {}).items():
        values.update(('%s%s/%s' % (DETAILS, metric, name), value) for metric, value in row.items())
    return {tag: value for tag, value in values.items() if isinstance(value, float)}


def picture(tag, pixels):
    """A picture, RGB uint8 [H, W, 3], as a summary's value."""
    encoded = cv2.imencode('.jpg', pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    image = tf.Summary.Image(height=pixels.shape[0], width=pixels.shape[1], colorspace=3, encoded_image_string=encoded)
    return tf.Summary.Value(tag=tag, image=image)


def table(tag, rows):
    """Pairs of a name and a value, as a table among TensorBoard's texts; a value that is empty is a dash."""
    cells = [[str(name), '–' if value in ('', (), None) else '`%s`' % str(value).replace('`', "'")] for name, value in rows]
    metadata = tf.SummaryMetadata(plugin_data=tf.SummaryMetadata.PluginData(plugin_name='text'))
    return tf.Summary.Value(tag=tag, metadata=metadata, tensor=tf.make_tensor_proto(cells, dtype=tf.string, shape=[len(cells), 2]))


def write(model_dir, step, metrics, more=(), run=''):
    """Write an evaluation's metrics, and `more` summary values (pictures, curves), of global step `step`.

    run: added to the folder's name, for what must not share curves with the evaluations of training.
    """
    values = [tf.Summary.Value(tag=tag, simple_value=value) for tag, value in sorted(scalars(metrics).items())]
    write_values(os.path.join(model_dir, '-'.join(filter(None, [FOLDER, run]))), step, values + list(more))


def write_values(folder, step, values):
    """Write the values of a summary of global step `step` into an event file of its own in a folder."""
    writer = tf.summary.FileWriter(folder)
    writer.add_summary(tf.Summary(value=values), step)
    writer.close()
