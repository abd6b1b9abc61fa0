"""The far end of the reference: this runs in its Python, imports the checkout's modules, and times their functions.

Everything that is timed is the checkout's own; here are only the calls. What it imports but doesn't use while timing may be absent.
"""
import json
import os
import sys
import types

from tools.benchmarks.rounds import serve, some_of, sustained, timed

OPTIONAL = {'skimage.transform': 'resize', 'tabulate': 'tabulate', 'progressbar': 'ProgressBar'}


def _provide_optional_modules():
    """Empty stand-ins for drawing and printing packages that are not installed."""
    for name, function in OPTIONAL.items():
        try:
            __import__(name)
        except ImportError:
            parts = name.split('.')
            for depth in range(1, len(parts) + 1):
                sys.modules.setdefault('.'.join(parts[:depth]), types.ModuleType(parts[depth - 1]))
            setattr(sys.modules[name], function, None)


def _quiet():
    import warnings
    warnings.filterwarnings('ignore')
    import tensorflow as tf
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    return tf


def _session(tf):
    return tf.Session(config=tf.ConfigProto(allow_soft_placement=True))


def _fixed(tf, arrays):
    """Tensors that give the same arrays at every step, and the op that starts them: no input work in the step."""
    holders = [tf.placeholder(array.dtype, array.shape) for array in arrays]
    iterator = tf.data.Dataset.from_tensors(tuple(holders)).repeat().make_initializable_iterator()
    return iterator.get_next(), lambda session: session.run(iterator.initializer, dict(zip(holders, arrays)))


class Reference:
    """The checkout's network, input and loss, wired as its own scripts wire them."""

    def __init__(self, order):
        self.order, self.batch_size = order, order['batch_size']
        sys.argv = ['benchmark'] + order['arguments']
        _provide_optional_modules()
        self.tf = _quiet()
        import training
        self.training, self.config = training, training.net_config
        import voc_loader
        voc_loader.VOC_CATS[1:] = order['class_names']

    def network(self, image, training):
        """Outputs of the network for image [B, S, S, 3]."""
        net = self.training.ResNet(config=self.config, depth=50, training=training)
        net.create_trunk(image)
        net.create_multibox_head(21)
        net.create_segmentation_head(21)
        return net.outputs

    def batch(self):
        """Tensors of its input pipeline: image, positives, offsets, classes, mask."""
        self.dataset = self.training.get_dataset('voc12-train-segmentation')
        return self.training.extract_batch(self.dataset, self.config)

    def start_queues(self, session):
        """Its reader and augmentation threads."""
        self.tf.train.start_queue_runners(sess=session, coord=self.tf.train.Coordinator())

    def one_batch(self):
        """A batch of its pipeline as arrays."""
        with self.tf.Graph().as_default(), _session(self.tf) as session:
            batch = self.batch()
            coordinator = self.tf.train.Coordinator()
            threads = self.tf.train.start_queue_runners(sess=session, coord=coordinator)
            arrays = session.run(batch)
            coordinator.request_stop()
            session.run(self.tf.no_op())
            session.close()
            coordinator.join(threads, ignore_live_threads=True, stop_grace_period_secs=10)
        return arrays

    def train_op(self, batch):
        """Its whole step: loss, gradients, update, batch-norm averages."""
        tf, training = self.tf, self.training
        image, positives, offsets, classes, mask = batch
        outputs = self.network(image, training=True)
        loss = training.objective(outputs['location'], outputs['confidence'], offsets, classes, positives, outputs['segmentation'],
                                  mask, self.dataset, self.config)[0]
        optimizer = {'adam': tf.train.AdamOptimizer, 'nesterov': lambda rate: tf.train.MomentumOptimizer(rate, .9, use_nesterov=True)}
        step = training.slim.get_or_create_global_step()
        return training.slim.learning.create_train_op(
            loss, optimizer[training.args.optimizer](training.args.learning_rate), global_step=step, summarize_gradients=True)

    def initialised(self):
        """A session with initial weights."""
        session = _session(self.tf)
        session.run([self.tf.global_variables_initializer(), self.tf.local_variables_initializer()])
        return session

    def session_rounds(self, session, fetches, clock):
        """The round that runs `fetches`, a batch a time, by `clock` (timed or sustained)."""
        return lambda: {'total': clock(lambda: session.run(fetches), self.batch_size, self.order['seconds'])}


def forward(reference):
    """The raw outputs of a batch of prepared images."""
    session, raw = _raw_outputs(reference)
    return reference.session_rounds(session, [output.op for output in raw.values()], timed), {}


def outputs(reference):
    """Some of the raw outputs of `forward` with the checkpoint's weights, in the facts, for both sides to be compared."""
    session, raw = _raw_outputs(reference)
    reference.tf.train.Saver(reference.tf.global_variables()).restore(session, reference.order['checkpoint'])
    return lambda: {'total': [0.]}, {'outputs': {name: some_of(values) for name, values in session.run(raw).items()}}


def _raw_outputs(reference):
    """(session, {name: raw output}) of a batch of random images: the same as on the other side."""
    import numpy as np
    side = reference.order['image_size']
    images = np.random.RandomState(0).rand(reference.batch_size, side, side, 3).astype(np.float32)
    (image,), start = _fixed(reference.tf, [images])
    raw = reference.network(image, training=False)
    session = reference.initialised()
    start(session)
    return session, {name: raw[name] for name in ('confidence', 'location', 'segmentation')}


def input_pipeline(reference):
    """Batches of augmented, matched images."""
    batch = reference.batch()
    session = reference.initialised()
    reference.start_queues(session)
    return reference.session_rounds(session, [tensor.op for tensor in batch], sustained), {}


def train(reference):
    """The training step on one batch, without input."""
    batch, start = _fixed(reference.tf, reference.one_batch())
    train_op = reference.train_op(batch)
    session = reference.initialised()
    start(session)
    return reference.session_rounds(session, train_op, timed), {}


def train_with_input(reference):
    """The training step fed by its input pipeline."""
    train_op = reference.train_op(reference.batch())
    session = reference.initialised()
    reference.start_queues(session)
    return reference.session_rounds(session, train_op, sustained), {}


def _detector(reference, no_gt):
    from detector import Detector
    from voc_loader import VOCLoader
    session = _session(reference.tf)
    loader = VOCLoader('12', 'val', segmentation=True)
    net = reference.training.ResNet(config=reference.config, depth=50, training=False)
    detector = Detector(session, net, loader, reference.config, no_gt=no_gt, folder=os.getcwd())
    session.run([reference.tf.global_variables_initializer(), reference.tf.local_variables_initializer()])
    if reference.order['checkpoint']:
        reference.tf.train.Saver(reference.tf.global_variables()).restore(session, reference.order['checkpoint'])
    return detector, loader


def predict(reference):
    """From a JPEG file to boxes and a full-size mask, one picture at a time."""
    import itertools
    detector, loader = _detector(reference, no_gt=True)
    names = itertools.cycle(loader.get_filenames())
    images = {}

    def decode():
        name = next(names)
        images['last'] = name, loader.load_image(name)

    def network():
        name, image = images['last']
        detector.feed_forward(image, None, image.shape[1], image.shape[0], name, None, None)

    def both():
        decode()
        network()

    seconds = reference.order['seconds']
    return lambda: {'total': timed(both, 1, seconds), 'decode': timed(decode, 1, seconds / 4),
                    'network + post-processing': timed(network, 1, seconds / 4)}, {}


def evaluate(reference):
    """Evaluation of as many pictures as a batch holds, with the table."""
    from evaluation import Evaluation
    detector, loader = _detector(reference, no_gt=False)
    tester = Evaluation(detector, loader)
    names = loader.get_filenames()

    def run():
        tester.gt = {label: {} for label in range(1, loader.num_classes)}
        tester.dets = {label: [] for label in range(1, loader.num_classes)}
        for i in range(reference.batch_size):
            tester.process_image(names[i % len(names)], i)
        for label in range(1, loader.num_classes):
            tester.eval_category(label)
        detector.get_mean_iou()

    return lambda: {'total': timed(run, reference.batch_size, reference.order['seconds'])}, {}


WORKS = {'forward': forward, 'outputs': outputs, 'input': input_pipeline, 'train': train, 'train_with_input': train_with_input,
         'predict': predict, 'eval': evaluate}  # each gives (round, facts)


def main(order):
    """Serve the work that `order` (see `reference.starter`) names."""
    def make_work():
        reference = Reference(order)
        run_round, facts = WORKS[order['work']](reference)
        return run_round, dict(facts, tensorflow=reference.tf.__version__)
    serve(make_work, order['cores'])


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
