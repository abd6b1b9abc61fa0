"""The configuration: what every part of the pipeline is told, in frozen sections, with the presets that set them together.

`flags.py` makes one `Config` from the command line; nothing below it reads flags. A section is handed to the parts that need it.
A Config is saved as JSON beside the checkpoints, and read back by the modes that use a trained model.
"""
import dataclasses
import json
from typing import Optional, Tuple

IGNORE_LABEL = 255  # of a mask's pixel: no label there
METRICS = ('voc07', 'voc12', 'coco', 'miou')  # that an evaluation can compute
# Figures that can choose the best checkpoint, those to be preferred first, and the metric that each is of
BEST_METRICS = {'mAP_voc12': 'voc12', 'mAP_coco': 'coco', 'mAP_voc07': 'voc07', 'mIoU': 'miou', 'pixel_accuracy': 'miou'}


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """What determines the graph and its variables."""
    preset: str = 'tiny'
    trunk: str = 'tiny'  # tiny, resnet50, resnet101 or vgg16
    image_size: int = 128  # S, pixels a side of the square input
    x4: bool = True  # a last decoder block at stride 4
    detect: bool = True
    segment: bool = True
    num_classes: int = 0  # with the background, which is class 0; 0 = not known yet
    head: str = 'nonshared'  # nonshared or shared detection convolutions
    resize: str = 'bilinear'  # between decoder blocks: bilinear or nearest
    top_fm: int = 512  # depth of the decoder's maps
    det_kernel: int = 3
    n_base_channels: int = 64  # a map, in the segmentation head
    seg_filter_size: int = 1
    bn_decay: float = .9

    @property
    def sides(self):
        """{block: side of its map in pixels}, block1 to the last trunk block; strides as TF's SAME rule makes them."""
        side = -(-self.image_size // 4)  # conv1 and the max pool, each of stride 2
        sides = {1: side}
        while len(sides) < 3 or sides[len(sides) - 1] > 3:  # the last block is the one after a map of at most 3 x 3
            side = -(-side // 2)
            sides[len(sides) + 1] = side
        return sides

    @property
    def last_block(self):
        """Number of the deepest trunk block: 7 for S = 300, 8 for S = 512."""
        return len(self.sides)

    @property
    def detection_maps(self):
        """Names of the maps that detect, in the order of the raw outputs."""
        if self.trunk == 'vgg16':
            return ('conv4_3', 'fc7', 'conv6_2', 'conv7_2', 'conv8_2', 'conv9_2')
        first = 1 if self.x4 else 2
        return tuple('rev%d' % i for i in range(first, self.last_block)) + ('pool6',)

    @property
    def grids(self):
        """(height, width) of each detection map."""
        if self.trunk == 'vgg16':
            return tuple((side, side) for side in _vgg_sides(self.image_size))
        first = 1 if self.x4 else 2
        return tuple((self.sides[i], self.sides[i]) for i in range(first, self.last_block)) + ((1, 1),)

    @property
    def segmentation_size(self):
        """s, pixels a side of the segmentation output and of the training mask."""
        return self.grids[0][0]

    @property
    def scales(self):
        """(smallest, min, max) anchor scales, fractions of the image side (BlitzNet's published tables)."""
        if self.trunk == 'vgg16':
            return .10, .20, .90
        if self.image_size >= 400:
            return (.02, .08, .95) if self.x4 else (.04, .10, .95)
        return (.04, .10, .95) if self.x4 else (.10, .20, .95)

    @property
    def aspect_ratios(self):
        """Aspect ratios of each detection map's anchors."""
        if self.trunk == 'vgg16':
            return ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
        return ((2, 3),) * len(self.grids)

    @property
    def anchors_per_cell(self):
        """Anchors a cell of each detection map."""
        return tuple(2 * len(ratios) + 2 for ratios in self.aspect_ratios)

    @property
    def num_anchors(self):
        """A, anchors of the whole image."""
        return sum(h * w * k for (h, w), k in zip(self.grids, self.anchors_per_cell))


def _vgg_sides(image_size):
    """Sides of SSD's six maps: 37, 18, 9, 5, 3, 1 for S = 300 (pools are VALID, conv6 and conv7 SAME, conv8 and conv9 VALID)."""
    conv4 = image_size // 8
    fc7 = conv4 // 2
    conv6 = -(-fc7 // 2)
    conv7 = -(-conv6 // 2)
    return conv4, fc7, conv6, conv7, conv7 - 2, conv7 - 4


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the examples come from and what is done to them."""
    dataset: str = 'shapes'  # a name of input_fn.datasets.registry
    data_dir: str = 'data'  # prepared datasets; for `folder` and `records` where the user's files are
    prepared_dir: str = ''  # where prepared copies go; '' = `data` in the working directory
    train_split: str = ''  # '' = the dataset's own default
    eval_split: str = ''
    train_files: Tuple[str, ...] = ()  # TFRecord globs, instead of data_dir, for `records`
    eval_files: Tuple[str, ...] = ()
    class_file: str = ''  # one name a line, without background
    class_names: Tuple[str, ...] = ()  # resolved; without background
    batch_size: int = 16
    eval_batch_size: int = 16
    max_boxes: int = 100  # padded ground-truth boxes an image
    zoomout_prob: float = .5
    augment: bool = True
    cache: str = 'none'  # none, memory or disk
    on_bad_record: str = 'error'  # error or skip
    shuffle_buffer: int = 2048  # encoded examples
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Optimizer, its schedule, precision, and the first weights."""
    train_steps: int = 2000
    optimizer: str = 'adam'  # adam or nesterov
    learning_rate: float = 1e-4
    lr_decay: Tuple[int, ...] = ()  # steps after which the rate is divided by 10
    warmup_step: int = 0
    warmup_lr: float = 1e-5
    weight_decay: float = 5e-5
    precision: str = 'fp32'  # fp32 or mixed
    loss_scale: str = 'dynamic'  # dynamic or a number, for mixed precision where the device needs one
    scale_learning_rate: bool = False  # multiply by the number of workers
    warm_start_from: str = ''


@dataclasses.dataclass(frozen=True)
class DetectionConfig:
    """Post-processing of the detection outputs."""
    conf_thresh: float = .01
    nms_thresh: float = .45
    top_k_nms: int = 400  # a class, before NMS
    top_k_after_nms: int = 50  # a class, after it
    top_k_post_nms: int = 200  # all classes


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """The process: device, cadences, folders."""
    mode: str = 'train'
    platform: str = 'auto'
    model_dir: str = ''
    iterations_per_loop: int = 1
    save_every: int = 0  # steps; 0 = eval_every, or about 1000 where that is 0 too
    summary_every: int = 100
    histograms: bool = False  # of raw outputs and weights, beside the scalars
    eval_every: int = 0  # steps; 0 = only at the end
    keep_checkpoint_max: int = 5
    threads: int = 0  # 0 = as many as cores
    gpus: int = 1  # that train together, 0 = every visible one
    xla: bool = False
    seed: int = 0
    checkpoint_path: str = ''
    input_paths: Tuple[str, ...] = ()  # of mode predict: files, folders, globs
    output_dir: str = ''  # of predict and export
    min_score: float = .5  # of a drawn box
    progress: bool = True
    dry_run: bool = False
    max_pictures: int = 16  # training and evaluated images drawn for TensorBoard
    profile_steps: Tuple[int, ...] = ()  # (first, end) of the training steps that are profiled
    metrics: Tuple[str, ...] = ('voc07', 'voc12', 'miou')  # of an evaluation
    checkpoints: str = ''  # of mode eval: a selection of steps; '' = the checkpoint that checkpoint_path says
    watch: bool = False  # in mode eval: evaluate new checkpoints until training ends
    watch_poll: float = 30.  # seconds between two looks for a checkpoint
    watch_timeout: float = 0.  # seconds without a new checkpoint after which watching ends; 0 = none
    reevaluate: bool = False  # evaluate also what metrics.csv has
    keep_best: int = 3  # checkpoints in model_dir/best
    best_metric: str = ''  # by which they are chosen; '' = the first of BEST_METRICS that is there
    write_predictions: bool = True  # of an evaluation, into model_dir/evaluation


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything, by section."""
    network: NetworkConfig = NetworkConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    detection: DetectionConfig = DetectionConfig()
    run: RunConfig = RunConfig()
    npu: Optional[dict] = None  # options of platforms/npu.py, by flag name

    def replace(self, **sections):
        """A copy with fields of sections changed: replace(network=dict(num_classes=21), run={...})."""
        return dataclasses.replace(self, **{
            name: dataclasses.replace(getattr(self, name), **fields) if name != 'npu' else fields
            for name, fields in sections.items()})

    def to_json(self):
        """The whole configuration as indented JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + '\n'

    @classmethod
    def from_json(cls, text):
        """The Config that `to_json` wrote; fields that this version does not know are left out."""
        values = json.loads(text)
        sections = {}
        for field in dataclasses.fields(cls):
            if field.name == 'npu' or field.name not in values:
                continue
            kind = type(field.default)
            known = {f.name for f in dataclasses.fields(kind)}
            sections[field.name] = kind(**{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values[field.name].items() if name in known})
        return cls(npu=values.get('npu'), **sections)


# What a preset sets; an explicit flag wins. Keys are fields of the sections.
PRESETS = {
    'tiny': dict(network=dict(trunk='tiny', image_size=128, x4=True, top_fm=128, det_kernel=1, n_base_channels=48),
                 data=dict(zoomout_prob=0.),  # objects would be a few pixels
                 train=dict(train_steps=2400, learning_rate=2e-3, lr_decay=(1700, 2200))),
    'blitznet300': dict(network=dict(trunk='resnet50', image_size=300, x4=True)),
    'blitznet512': dict(network=dict(trunk='resnet50', image_size=512, x4=False)),
    'ssd300': dict(network=dict(trunk='vgg16', image_size=300, x4=False, segment=False)),
}


def preset_config(name, **sections):
    """The Config of preset `name`, with `sections` as in Config.replace."""
    config = Config().replace(**PRESETS[name]).replace(network=dict(preset=name))
    return config.replace(**sections)
