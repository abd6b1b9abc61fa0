"""The configuration: what every part of the pipeline is told, in frozen sections.

`flags.py` makes one `Config` from the command line; nothing below it reads flags. A section is handed to the parts that need it.
A Config is saved as JSON beside the checkpoints, and read back by the modes that use a trained model.
"""
import dataclasses
import json
import typing
from typing import Optional, Tuple, Union

from blitznet_estimator.heads import LOSSES
from blitznet_estimator.json_files import is_number
from blitznet_estimator.published_weights import WEIGHTS_DIR
from blitznet_estimator.trunks import TRUNKS
from blitznet_estimator.version import VERSION

IGNORE_LABEL = 255  # of a mask's pixel: no label there
OWN_SCORES = -1.  # as a min_score: those of the model, as thresholds.py has them
# What fields may hold whose choices stand in no other registry
HEAD_SHARINGS = ('nonshared', 'shared')
RESIZINGS = ('bilinear', 'nearest')
OPTIMIZERS = ('adam', 'nesterov')
LR_SCHEDULES = ('steps', 'cosine')
CLASS_LOSSES = ('hard_negatives', 'focal')
BOX_LOSSES = ('smooth_l1', 'giou')
NMS_KINDS = ('hard', 'soft')
PRECISIONS = ('auto', 'fp32', 'mixed')
CACHES = ('none', 'memory', 'disk')
BAD_RECORD_ACTIONS = ('error', 'skip')
MODES = ('train', 'eval', 'predict', 'export')
SAVED_FORMS = ('pictures', 'masks', 'json', 'coco', 'txt', 'crops')  # of what mode predict finds
VIDEO_FORMS = SAVED_FORMS[:3]  # of these, what it can write of a video
PLATFORMS = ('auto', 'cpu', 'gpu', 'npu')
DISTRIBUTIONS = ('auto', 'none', 'mirrored', 'multi_worker', 'parameter_server')


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """What determines the graph and its variables."""
    preset: str = 'tiny'
    trunk: str = 'tiny'  # a name of trunks.TRUNKS
    image_size: int = 128  # S, pixels per side of the square input
    x4: bool = True  # a last decoder block at stride 4
    detect: bool = True
    segment: bool = True
    num_classes: int = 0  # with the background, which is class 0; 0 = not known yet
    head: str = 'nonshared'  # detection convolutions: own ones per map, or the same for all maps
    resize: str = 'bilinear'  # between decoder blocks
    top_fm: int = 512  # depth of the decoder's maps
    det_kernel: int = 3
    n_base_channels: int = 64  # per map, in the segmentation head
    seg_filter_size: int = 1
    bn_decay: float = .9
    sync_batch_norm: bool = False  # by the statistics of all devices that train together

    @property
    def detection_maps(self):
        """Names of the maps that detect, in the order of the raw outputs."""
        return tuple(name for name, _ in TRUNKS[self.trunk].maps(self))

    @property
    def grids(self):
        """(height, width) of each detection map."""
        return tuple((side, side) for _, side in TRUNKS[self.trunk].maps(self))

    @property
    def segmentation_size(self):
        """s, pixels per side of the segmentation output and of the training mask."""
        return self.grids[0][0]

    @property
    def scales(self):
        """(smallest, min, max) anchor scales, fractions of the image side."""
        return TRUNKS[self.trunk].scales(self)

    @property
    def aspect_ratios(self):
        """Aspect ratios of each detection map's anchors."""
        return TRUNKS[self.trunk].aspect_ratios(self)

    @property
    def anchors_per_cell(self):
        """Anchors per cell of each detection map."""
        return tuple(2 * len(ratios) + 2 for ratios in self.aspect_ratios)

    @property
    def num_anchors(self):
        """A, anchors of the whole image."""
        return sum(h * w * k for (h, w), k in zip(self.grids, self.anchors_per_cell))


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
    class_file: str = ''  # one name per line, without background
    class_names: Tuple[str, ...] = ()  # resolved; without background
    batch_size: int = 16
    eval_batch_size: int = 16
    max_boxes: int = 100  # padded ground-truth boxes per image
    zoomout_prob: float = .5
    scale_jitter: Tuple[float, ...] = ()  # (least, most) scale of large-scale jitter, in the place of zoom-out and crop; () = none
    mosaic: float = 0.  # share of the pictures that are mosaics of four images
    augment: bool = True
    cache: str = 'none'  # of decoded images
    on_bad_record: str = 'error'
    max_pixels: int = 50 * 10 ** 6  # of an image or mask that is decoded
    beam_runner: str = ''  # of Apache Beam, which prepares the data; '' = this process does
    beam_options: Tuple[str, ...] = ()  # name=value, of that runner
    shuffle_buffer: int = 2048  # encoded examples
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Weights of the losses, optimizer, schedule and precision."""
    recipe: str = 'published'  # of presets.RECIPES
    train_steps: int = 2000
    epochs: float = 0.  # passes over the training data, which train_steps is made of once their number is known; 0 = train_steps decides
    train_minutes: float = 0.  # after which training ends, even before train_steps; 0 = none
    loss_weights: Tuple[Tuple[str, float], ...] = ()  # (name of heads.LOSSES, weight); another loss has the weight that stands there
    freeze: Tuple[str, ...] = ()  # parts of the network that stay as they are, of freezing.FREEZABLE
    class_loss: str = 'hard_negatives'
    box_loss: str = 'smooth_l1'
    class_weights: str = 'none'  # of the segmentation's pixels: none, one of class_weights.COUNTED, or numbers with commas
    pixel_weights: Tuple[float, ...] = ()  # those that class_weights stand for, the background's first
    label_smoothing: float = 0.  # share of a label that is spread over all classes, of detection and of segmentation
    optimizer: str = 'adam'
    accumulate_steps: int = 1  # parts that a step's batch is computed in, one after the other
    recompute: bool = False  # for the gradients what is cheap, in the place of keeping it
    clip_gradients: float = 0.  # largest norm of all gradients together; 0 = any
    ema_decay: float = 0.  # of the moving averages of the weights; 0 = none
    learning_rate: float = 1e-4
    lr_schedule: str = 'steps'
    lr_decay: Tuple[int, ...] = ()  # steps after which the rate is divided by 10, of the schedule `steps`
    warmup_step: int = 0
    warmup_lr: float = 1e-5
    scale_schedule: bool = False  # the numbers of steps were converted from the preset's batch size to that of the data
    weight_decay: float = 5e-5
    precision: str = 'auto'  # as platforms.precision resolves it; where nothing does, it is fp32
    loss_scale: str = 'dynamic'  # dynamic or a number, for mixed precision where the device needs one
    on_nan: str = 'stop'  # where a loss is not finite, or rollback:N
    scale_learning_rate: bool = False  # multiply by the number of workers
    warm_start_from: str = ''
    weights_dir: str = WEIGHTS_DIR  # of published files

    def weight_of(self, loss):
        """Weight of a loss in the total, by its name."""
        return dict(self.loss_weights).get(loss, LOSSES[loss].weight)


@dataclasses.dataclass(frozen=True)
class DetectionConfig:
    """Post-processing of the detection outputs."""
    conf_thresh: float = .01
    nms_thresh: float = .45
    nms: str = 'hard'
    soft_nms_sigma: float = .5
    top_k_nms: int = 400  # boxes per class before NMS
    top_k_after_nms: int = 50  # boxes per class after NMS
    top_k_post_nms: int = 200  # boxes per image


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """The process: device, cadences, folders."""
    mode: str = 'train'
    platform: str = 'auto'
    model_dir: str = ''
    iterations_per_loop: int = 1
    save_every: int = 0  # steps; 0 = eval_every where that is above 0, else about 1000 or less
    summary_every: int = 100
    histograms: bool = False  # of raw outputs and weights, beside the scalars
    eval_every: int = -1  # steps; 0 = only at the end, -1 = a fifth of training
    eval_limit: int = 0  # images of the split that are evaluated; 0 = all
    patience: int = 0  # evaluations without a better one, after which training ends; 0 = none
    report: bool = True  # written at the end of training
    keep_checkpoint_max: int = 5
    threads: int = 0  # 0 = as many as cores
    gpus: int = 1  # that train together, 0 = every visible one
    distribution: str = 'auto'  # how devices train together
    xla: bool = False
    seed: int = 0
    deterministic: bool = False  # two runs with one seed are equal to the last bit
    checkpoint_path: str = ''
    input_paths: Tuple[str, ...] = ()  # of mode predict: files, folders, globs
    engine: str = ''  # that runs an export's files; '' = TensorFlow, or that of the file that `model` names
    output_dir: str = ''  # of predict and export
    export_formats: Tuple[str, ...] = ('saved_model',)  # names of formats.registry.FORMATS
    quantize: str = 'none'  # of the formats that have it
    export_pictures: int = 4  # of the evaluation split, that each exported file is compared with the checkpoint on
    export_max_pixels: int = 50 * 10 ** 6  # of a picture that an exported graph decodes
    min_score: float = OWN_SCORES  # lowest score of a box that is kept
    tta: Tuple[str, ...] = ()  # words of tta.parse: the views of test-time augmentation; () = none
    classes: Tuple[str, ...] = ()  # names of the classes that predict keeps; () = all
    save: Tuple[str, ...] = ('pictures', 'masks', 'json')  # of SAVED_FORMS
    video_codec: str = 'vp8'  # of annotated videos, a name of video.codecs.CODECS
    video_stride: int = 1  # every which frame of a video is predicted
    legend: bool = True  # under pictures
    line_width: int = 0  # of boxes in pixels; 0 = by the picture's size
    text_size: int = 0  # of labels in pixels; 0 = by the picture's size
    progress: bool = True
    dry_run: bool = False
    max_pictures: int = 16  # training and evaluated images drawn for TensorBoard
    profile_steps: Tuple[int, ...] = ()  # (first, end) of the training steps that are profiled
    metrics: Tuple[str, ...] = ('voc07', 'voc12', 'miou')  # of an evaluation
    model: str = ''  # of eval and predict: an export, or one of its files, instead of a checkpoint
    checkpoints: str = ''  # of mode eval: a selection of steps; '' = the checkpoint that checkpoint_path says
    watch: bool = False  # in mode eval: evaluate new checkpoints until training ends
    watch_poll: float = 30.  # seconds between two looks for a checkpoint
    watch_timeout: float = 0.  # seconds without a new checkpoint after which watching ends; 0 = none
    reevaluate: bool = False  # evaluate also what metrics.csv has
    keep_best: int = 3  # checkpoints in model_dir/best
    best_metric: str = ''  # value that chooses them; '' = the first of metrics.BEST_METRICS that is there
    write_predictions: bool = True  # of an evaluation, into model_dir/evaluation

    def num_evaluated(self, num_examples):
        """How many of the images of a split are evaluated: the first ones."""
        return min(self.eval_limit or num_examples, num_examples)


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

    def with_batches_of(self, num_images):
        """A copy whose batches of evaluation and prediction are no larger than there are images: one image is no batch of 16."""
        return self.replace(data=dict(eval_batch_size=max(min(self.data.eval_batch_size, num_images), 1)))

    def to_json(self):
        """The whole configuration as indented JSON text, with the version of this project."""
        return json.dumps(dict(dataclasses.asdict(self), version=VERSION), indent=2, sort_keys=True) + '\n'

    @classmethod
    def from_json(cls, text):
        """The Config that `to_json` wrote; fields that this version does not know are left out.

        Raises ValueError, which names the field, where it is no such text.
        """
        values, sections = json.loads(text), {}
        _require_type('the whole', values, dict)
        _require_type('npu', values.get('npu'), Optional[dict])
        for field in dataclasses.fields(cls):
            if field.name == 'npu' or field.name not in values:
                continue
            kind, found = type(field.default), values[field.name]
            _require_type(field.name, found, dict)
            known = typing.get_type_hints(kind)
            sections[field.name] = kind(**{name: _tuples(value) for name, value in found.items() if name in known})
            for name, hint in known.items():
                _require_type('%s.%s' % (field.name, name), getattr(sections[field.name], name), hint)
        network = sections.get('network', NetworkConfig())
        for name, choices in (('trunk', TRUNKS), ('head', HEAD_SHARINGS), ('resize', RESIZINGS)):
            if getattr(network, name) not in choices:
                raise ValueError('network.%s is "%s", which is none of %s' % (name, getattr(network, name), ', '.join(choices)))
        return cls(npu=values.get('npu'), **sections)


def _require_type(name, value, hint):
    if not _fits(value, hint):
        raise ValueError('%s is %s' % (name, json.dumps(value)[:100]))


def _fits(value, hint):
    """Whether a value is of a type, as the annotations above write types."""
    inner = getattr(hint, '__args__', None)
    if hint is float:
        return is_number(value)
    if not inner:
        return type(value) is hint or hint is dict and isinstance(value, dict)
    if hint.__origin__ is Union:
        return any(_fits(value, one) for one in inner)
    if not isinstance(value, tuple):
        return False
    return all(_fits(one, inner[0]) for one in value) if inner[-1] is Ellipsis else len(value) == len(inner) and all(map(_fits, value, inner))


def _tuples(value):
    """JSON's lists as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
