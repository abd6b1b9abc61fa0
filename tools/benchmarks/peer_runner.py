"""The far end of the peers: one network of another project, from decoded pictures to boxes, or to a mask of each picture's own size.

The weights are random, as none can be loaded without a network; boxes below a score of .25 are left out, so that what comes after the
network has next to nothing to do. It needs PyTorch, and the packages that `peers.PACKAGES` names.
"""
import itertools
import json
import os
import sys

import cv2
import numpy as np
import torch

from blitznet_estimator.machine import available_cores
from tools.benchmarks.rounds import serve, timed

LEAST_SCORE = .25


def torchvision_detection(order):
    """SSDLite320 with MobileNetV3: (RGB pictures) -> [{boxes, scores, labels}]. Its own code scales the pictures and the boxes."""
    import torchvision
    model = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, score_thresh=LEAST_SCORE)
    model = model.eval().requires_grad_(False)
    side = order['image_size']
    model.transform.fixed_size = (side, side)
    _settle(model, lambda images: model.head(list(model.backbone(images).values())), side)
    if order['openvino']:
        def features(image):
            maps = list(model.backbone(image).values())
            return tuple(maps) + tuple(model.head(maps)[key] for key in ('bbox_regression', 'cls_logits'))
        compiled = _compiled(features, order)
        model.backbone = _Function(lambda image: dict(enumerate(compiled(image)[:-2])))
        model.head = _Function(lambda maps: dict(zip(('bbox_regression', 'cls_logits'), compiled.last[-2:])))
    return lambda pictures: model([_planes(picture) for picture in pictures])


def torchvision_segmentation(order):
    """LR-ASPP with MobileNetV3: (RGB pictures) -> [mask of each picture's size]."""
    import torchvision
    model = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21)
    model = model.eval().requires_grad_(False)
    side = order['image_size']
    _settle(model, model, side)

    def network(images):
        return model(images)['out']
    run = network if not order['openvino'] else _first(_compiled(network, order))

    def masks(pictures):
        batch = torch.stack([_planes(cv2.resize(picture, (side, side))) for picture in pictures])
        scores = run((batch - .45) / .225)
        return [torch.nn.functional.interpolate(one[None], size=picture.shape[:2], mode='bilinear', align_corners=False)[0].argmax(0)
                for one, picture in zip(scores, pictures)]
    return masks


def ultralytics_detection(order):
    """The smallest detector: (RGB pictures) -> its Results. Its own code scales the pictures and the boxes."""
    return _ultralytics(order, 'yolo11n.yaml')


def ultralytics_segmentation(order):
    """The smallest segmenter: (RGB pictures) -> its Results, with a mask of each object."""
    return _ultralytics(order, 'yolo11n-seg.yaml')


def _ultralytics(order, name):
    from ultralytics import YOLO
    model, side = YOLO(name, verbose=False), order['image_size']
    if order['openvino']:
        os.chdir(order['folder'])  # where its export goes
        torch.save({'model': model.model}, name.replace('.yaml', '.pt'))
        model.ckpt_path = model.model.pt_path = os.path.join(order['folder'], name.replace('.yaml', '.pt'))
        exported = model.export(format='openvino', imgsz=side, batch=order['batch_size'], dynamic=False, verbose=False)
        model = YOLO(exported, task='segment' if 'seg' in name else 'detect', verbose=False)
    return lambda pictures: model.predict([picture[..., ::-1] for picture in pictures], imgsz=side, conf=LEAST_SCORE, retina_masks=True,
                                          verbose=False, device='cpu')


def _settle(model, network, side):
    """Give batch norm the statistics of a random batch. With those of no batch, the numbers of a random network become so small that a
    processor takes a hundred times as long."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train().momentum = 1.
    network(torch.rand(4, 3, side, side) * 2 - 1)
    for norm in norms:
        norm.eval()


class _Function(torch.nn.Module):
    """A function in the place of a module."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def forward(self, *values):
        """What the function returns."""
        return self._function(*values)


class _Compiled:
    """A network compiled by OpenVINO: called with a tensor, it gives its outputs as tensors. Attribute: last, the latest of them."""

    def __init__(self, model, cores):
        import openvino
        self._model = openvino.Core().compile_model(model, 'CPU', {'INFERENCE_NUM_THREADS': cores, 'PERFORMANCE_HINT': 'LATENCY'})
        self.last = []

    def __call__(self, image):
        self.last = [torch.from_numpy(value) for value in self._model(image.numpy()).values()]
        return self.last


def _compiled(function, order):
    """The _Compiled of a function of a batch of images."""
    import openvino
    example = torch.zeros(order['batch_size'], 3, order['image_size'], order['image_size'])
    return _Compiled(openvino.convert_model(torch.jit.trace(_Function(function), example, check_trace=False), example_input=example),
                     order['cores'] or available_cores())


def _first(compiled):
    return lambda images: compiled(images)[0]


def _planes(picture):
    """A picture [h, w, 3] uint8 as a tensor [3, h, w] of 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).float() / 255


NETWORKS = {('torchvision', 'detection'): torchvision_detection, ('torchvision', 'segmentation'): torchvision_segmentation,
            ('ultralytics', 'detection'): ultralytics_detection, ('ultralytics', 'segmentation'): ultralytics_segmentation}


def main(text):
    """Serve the order that `text` (JSON) holds."""
    order = json.loads(text)
    count = order['batch_size']

    def make_work():
        torch.set_num_threads(order['cores'] or available_cores())
        run = NETWORKS[order['peer'], order['half']](order)
        pictures = [cv2.imread(path)[..., ::-1] for path in order['images'][:4 * count]]
        batches = itertools.cycle([[pictures[(start + i) % len(pictures)] for i in range(count)] for start in range(0, len(pictures), count)])

        def one_round():
            with torch.inference_mode():
                return {'total': timed(lambda: run(next(batches)), count, order['seconds'])}
        return one_round, {'torch': torch.__version__}
    serve(make_work, order['cores'])


if __name__ == '__main__':
    main(sys.argv[1])
