"""A model of keras.applications with random weights: python keras_model.py NAME SIDE TOP STEM, in a process of its own, as Keras 3 needs eager mode.

Writes STEM.h5, and STEM.npz with `images` [1, SIDE, SIDE, 3] (as normalised ones are) and the outputs of the layers that end stages.
"""
import os
import sys

import numpy as np

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
ENDS = {'ResNet50': ['conv2_block3_out', 'conv3_block4_out', 'conv4_block6_out', 'conv5_block3_out'],
        'ResNet101': ['conv2_block3_out', 'conv3_block4_out', 'conv4_block23_out', 'conv5_block3_out'],
        'VGG16': ['block3_conv3', 'block4_conv3', 'block5_conv3'],
        'MobileNetV2': ['block_2_add', 'block_5_add', 'block_12_add', 'block_16_project_BN']}


def random_values(names, shapes):
    """Values that keep maps of a size that says something, also in the statistics of batch norm."""
    random = np.random.RandomState(0)
    for name, shape in zip(names, shapes):
        x = random.standard_normal(shape)
        if len(shape) > 1:
            x *= np.sqrt(2. / np.prod(shape[:-1])) / (64 if shape[-2] == 3 else 1)
        elif 'gamma' in name:
            x = (.3 if '_3_bn' in name else 1) * (1 + .1 * x)
        elif 'variance' in name:
            x = .1 + np.abs(x)
        else:
            x *= .1
        yield x.astype(np.float32)


def main(name, side, top, stem):
    """Write the files."""
    import tensorflow as tf
    keras = tf.keras
    model = getattr(keras.applications, name)(weights=None, include_top=top == 'top', input_shape=(int(side), int(side), 3))
    model.set_weights(list(random_values([getattr(weight, 'path', weight.name) for weight in model.weights],
                                         [tuple(weight.shape) if not hasattr(weight.shape, 'as_list') else tuple(weight.shape.as_list())
                                          for weight in model.weights])))
    model.save(stem + '.h5')
    images = np.random.RandomState(1).uniform(-120, 120, (1, int(side), int(side), 3)).astype(np.float32)
    outputs = keras.Model(model.input, [model.get_layer(layer).output for layer in ENDS[name]]).predict(images)
    np.savez(stem + '.npz', images=images, **dict(zip(ENDS[name], outputs)))


if __name__ == '__main__':
    main(*sys.argv[1:])
