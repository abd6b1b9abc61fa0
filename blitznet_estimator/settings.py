"""The settings that have a flag: the field of the configuration that each one sets, its help, its choices, and the modes that it is for.

`flags.py` makes the flags of them. A new flag is a field in `config.py` and an entry here. TensorFlow is not needed here.
"""
import collections

from blitznet_estimator import heads
from blitznet_estimator.config import (
    BAD_RECORD_ACTIONS,
    BOX_LOSSES,
    CACHES,
    CLASS_LOSSES,
    DISTRIBUTIONS,
    HEAD_SHARINGS,
    LR_SCHEDULES,
    MODES,
    NMS_KINDS,
    OPTIMIZERS,
    PLATFORMS,
    PRECISIONS,
    RESIZINGS,
    SAVED_FORMS,
)
from blitznet_estimator.engines.registry import ENGINES
from blitznet_estimator.evaluation.metrics import BEST_METRICS, METRICS
from blitznet_estimator.formats.registry import FORMATS, QUANTIZATIONS
from blitznet_estimator.freezing import FREEZABLE
from blitznet_estimator.presets import RECIPES
from blitznet_estimator.trunks import TRUNKS
from blitznet_estimator.video.codecs import CODECS

TRAIN, EVAL, PREDICT, TRAINED = ('train',), ('eval',), ('predict',), ('eval', 'predict', 'export')
MEASURING = 'train', 'eval'  # a training evaluates, too
# modes: those that a setting is for; in the others it is warned about. path: what it names, a kind of given_paths.CHECKS, or None.
Setting = collections.namedtuple('Setting', 'section field help choices flag modes path')


def _setting(section, field, text, choices=None, flag=None, modes=(), path=None):
    return Setting(section, field, text, choices, flag or field, modes, path)


def _for(modes, *settings):
    """Settings for `modes`, but for those that name their own."""
    return tuple(setting._replace(modes=setting.modes or modes) for setting in settings)


GROUPS = (  # (title, settings), in the order of the help
    ('What to do', _for(MODES,
        _setting('run', 'mode', 'Train, evaluate, predict or export.', MODES),
        _setting('run', 'platform', 'Where: auto takes an NPU if there is one, else a GPU, else the CPU.', PLATFORMS),
        _setting('run', 'gpus', 'GPUs that train together, each with a batch of its own; 0 takes every visible one.', modes=TRAIN),
        _setting('run', 'distribution', 'How devices train together: the GPUs of one process (mirrored), or the processes of TF_CONFIG, on one '
                 'machine or many: all at each step (multi_worker), or each at its own pace, around processes that hold the weights '
                 '(parameter_server). auto takes what --gpus and TF_CONFIG say.', DISTRIBUTIONS, modes=TRAIN),
        _setting('run', 'model_dir', 'Folder of checkpoints, metrics and TensorBoard events. Default: runs/<preset>-<dataset>.', path='place'),
        _setting('run', 'seed', 'Seed of weights, data order and augmentation.', modes=TRAIN),
        _setting('run', 'deterministic', 'Make two trainings with one --seed on one machine equal to the last bit. It costs speed.', modes=TRAIN),
    )),
    ('Network', _for(MODES,
        _setting('network', 'trunk', 'Backbone.', tuple(TRUNKS)),
        _setting('network', 'image_size', 'Side of the square input in pixels.'),
        _setting('network', 'x4', 'Add the last decoder block, at stride 4.'),
        _setting('network', 'detect', 'Have the detection head.'),
        _setting('network', 'segment', 'Have the segmentation head.'),
        _setting('network', 'num_classes', 'Classes with the background; 0 takes them from the dataset.'),
        _setting('network', 'head', 'One pair of detection convolutions per map, or one for all maps.', HEAD_SHARINGS),
        _setting('network', 'resize', 'How the decoder enlarges its maps.', RESIZINGS),
        _setting('network', 'top_fm', 'Depth of the decoder maps.'),
        _setting('network', 'det_kernel', 'Kernel of the detection convolutions, 1 or 3.'),
        _setting('network', 'n_base_channels', 'Channels per map in the segmentation head.'),
        _setting('network', 'seg_filter_size', 'Kernel of the first segmentation convolutions, 1 or 3.'),
        _setting('network', 'bn_decay', 'Decay of the batch-norm moving averages, in [0, 1).', modes=TRAIN),
        _setting('network', 'sync_batch_norm', 'Batch norm takes the statistics of all devices that train together, not of its own batch.',
                 modes=TRAIN),
    )),
    ('Data', _for(MODES,
        _setting('data', 'dataset', 'shapes (drawn here), folder (VOC layout), coco, yolo, labelme, voc12-train, records, datumaro:FORMAT, '
                 'tfds:NAME, ... tools.prepare_data --help lists all. With --data_dir, auto is the default: the layout of the data decides.'),
        _setting('data', 'data_dir', 'Folder of the data: what you have, and, for shapes, what is made.', path='data'),
        _setting('data', 'prepared_dir', 'Folder of the prepared TFRecords. Default: data.', path='place'),
        _setting('data', 'train_split', 'Split to train on. Default: the dataset\'s own.', modes=TRAIN),
        _setting('data', 'eval_split', 'Split to evaluate on. Default: the dataset\'s own.', modes=MEASURING),
        _setting('data', 'train_files', 'TFRecord files or globs to train on, comma-separated; for --dataset=records.', path='files'),
        _setting('data', 'eval_files', 'TFRecord files or globs to evaluate on, comma-separated; for --dataset=records.', path='files'),
        _setting('data', 'class_file', 'Text file with one class name per line, without the background.', path='file'),
        _setting('data', 'batch_size', 'Images per training step, on each device.', modes=TRAIN),
        _setting('data', 'eval_batch_size', 'Images at once in evaluation and prediction.', modes=('train', 'eval', 'predict')),
        _setting('data', 'max_boxes', 'Most ground-truth boxes per image. If an image has more, the largest stay.', modes=TRAIN),
        _setting('data', 'augment', 'Augment the training images.', modes=TRAIN),
        _setting('data', 'zoomout_prob', 'Share of the training images that are zoomed out.', modes=TRAIN),
        _setting('data', 'scale_jitter', 'Large-scale jitter in the place of zoom-out and crop, as LOW,HIGH: a training image is resized by a factor '
                 'between them, and cut, or padded as zoom-out does. 0.1,2 is common. Default: none.', modes=TRAIN),
        _setting('data', 'mosaic', 'Share of the training pictures that are mosaics of four images of the batch.', modes=TRAIN),
        _setting('data', 'cache', 'Keep decoded images after the first pass: memory while the session of training is open, '
                 'disk (about 10 times the size) for good.', CACHES, modes=TRAIN),
        _setting('data', 'on_bad_record', 'Stop at a bad record, or count, log and skip it. Default: error; predict skips.', BAD_RECORD_ACTIONS),
        _setting('data', 'max_pixels', 'Most pixels of an image or a mask. A larger one is a bad record: it is refused before it is decoded.'),
        _setting('data', 'beam_runner', 'Prepare the data by this runner of Apache Beam: DirectRunner for the cores of this machine, or one for many '
                 'machines that see the same folders. Default: without Beam.'),
        _setting('data', 'beam_options', 'Options of the Beam runner, as NAME=VALUE with commas: '
                 'direct_num_workers=4,direct_running_mode=multi_processing.'),
        _setting('data', 'shuffle_buffer', 'Encoded examples that are mixed at once, after the files are.', modes=TRAIN),
    )),
    ('Training', _for(TRAIN,
        _setting('train', 'recipe', 'How the preset is trained: as published, or with the options that were measured to help (modern).',
                 tuple(RECIPES)),
        _setting('train', 'train_steps', 'Steps to train altogether, resumed ones included.'),
        _setting('train', 'epochs', 'Passes over the training data, in the place of --train_steps; 0 = --train_steps decides.'),
        _setting('train', 'train_minutes', 'Minutes to train altogether, resumed ones and evaluations between included, if --train_steps are not '
                 'reached before; 0 = any. It does not go with a cosine, which needs to know its last step.'),
        _setting('train', 'loss_weights', 'Weights of the losses in the total, as NAME=WEIGHT with commas: class=1,bbox=2. '
                 'A loss that is not named keeps its own weight; one of weight 0 is not built. Names: %s.' % ', '.join(heads.LOSSES)),
        _setting('train', 'freeze', 'Parts of the network that are not trained, comma-separated. Their batch norm uses its moving averages and '
                 'leaves them. batch_norm is that of the whole network.', FREEZABLE),
        _setting('train', 'class_loss', 'Loss of the classes of boxes: cross-entropy of the positives and of the hardest negatives, as published, '
                 'or the focal loss of all anchors.', CLASS_LOSSES),
        _setting('train', 'box_loss', 'Loss of the places of boxes: smooth L1 of the offsets, as published, or the generalized IoU.', BOX_LOSSES),
        _setting('train', 'class_weights', 'Weights of the classes of pixels in the segmentation\'s loss: none, balanced, median (by the pixels of '
                 'the training split), or one number per class, the background first: 0.5,1,2.'),
        _setting('train', 'label_smoothing', 'Share of each label that is spread over all classes.'),
        _setting('train', 'optimizer', 'Adam, or Nesterov momentum 0.9.', OPTIMIZERS),
        _setting('train', 'accumulate_steps', 'Parts that the --batch_size images of a step are computed in, one after the other, in the memory of '
                 'one. Their gradients are added. A step is still one update.'),
        _setting('train', 'recompute', 'Compute again for the gradients what is cheap, such as batch norm and relu, so that it is not kept. A step '
                 'takes less memory and more time, and does the same to the last bit.'),
        _setting('train', 'clip_gradients', 'Largest norm of all gradients together, to which longer ones are shortened; 0 = none.'),
        _setting('train', 'ema_decay', 'Decay of moving averages of the weights, as .999, which are then evaluated, predicted with and exported; '
                 '0 = none. It is smaller in the first steps.'),
        _setting('train', 'learning_rate', 'Learning rate after the warm-up.'),
        _setting('train', 'lr_schedule', 'How the rate falls: at the steps of --lr_decay, or along half a cosine to 0.', LR_SCHEDULES),
        _setting('train', 'lr_decay', 'Steps after which the learning rate is divided by 10: 25000,35000.'),
        _setting('train', 'warmup_step', 'Steps at --warmup_lr first.'),
        _setting('train', 'warmup_lr', 'Learning rate of the warm-up.'),
        _setting('train', 'scale_schedule', 'Convert --train_steps, --lr_decay and --warmup_step from the batch size of the preset to '
                 '--batch_size, so that training sees as many images.'),
        _setting('train', 'weight_decay', 'Weight of half the squared convolution weights in the loss.'),
        _setting('train', 'precision', 'fp32, or mixed: bfloat16 on CPU (TensorFlow 2), float16 on GPU and NPU. auto is mixed for a training on a '
                 'CPU that a short test shows to be faster so, and else fp32.', PRECISIONS, modes=MODES),
        _setting('train', 'loss_scale', 'With mixed on GPU and NPU: dynamic, or a number of at least 1.'),
        _setting('train', 'on_nan', 'Where the loss is not finite: stop, or rollback:N, which goes back to the last checkpoint and on without the '
                 'data of the steps since then, at most N times.'),
        _setting('train', 'scale_learning_rate', 'Multiply the learning rate by the number of workers.'),
        _setting('train', 'warm_start_from', 'Weights to start from: imagenet for the published ones of the trunk, a file of them (.h5, .pth), '
                 'or a checkpoint of a trunk or of a whole BlitzNet. A checkpoint in --model_dir wins.', path='start'),
        _setting('train', 'weights_dir', 'Folder of published weights, where imagenet looks for them and puts what it downloads.', path='place'),
    )),
    ('Intervals, and what is written while training', _for(TRAIN,
        _setting('run', 'iterations_per_loop', 'Steps between two looks of the host; on the NPU they are one session run.'),
        _setting('run', 'save_every', 'Steps between checkpoints; 0 = a given --eval_every, else 1000, or less in a short training.'),
        _setting('run', 'summary_every', 'Steps between TensorBoard summaries.'),
        _setting('run', 'histograms', 'Summarise the distributions of raw outputs and weights as well.'),
        _setting('run', 'eval_every', 'Steps between evaluations while training; 0 = only at the end, -1 = a fifth of training.'),
        _setting('run', 'patience', 'Evaluations in a row without a better --best_metric, after which training ends; 0 = it goes to its last step.'),
        _setting('run', 'report', 'Write the report of tools.report at the end of training.'),
        _setting('run', 'keep_checkpoint_max', 'Latest checkpoints to keep.'),
        _setting('run', 'profile_steps', 'Training steps to profile, as FIRST,END: 100,110. For the NPU there is --npu_profiling.'),
    )),
    ('Evaluation', _for(MEASURING,
        _setting('run', 'metrics', 'What to compute, comma-separated.', tuple(METRICS)),
        _setting('run', 'eval_limit', 'Images of the split that are evaluated, the first ones; 0 = all.'),
        _setting('run', 'model', 'Export to evaluate or predict with instead of a checkpoint: its folder, or one file of it. eval makes a table of '
                 'all files of a folder.', modes=EVAL + PREDICT, path='there'),
        _setting('run', 'engine', 'What runs an export: --model, or for predict the export of the checkpoint in --model_dir. Default: TensorFlow, '
                 'or what runs the file that --model names; eval takes all.', tuple(ENGINES), modes=EVAL + PREDICT),
        _setting('run', 'checkpoints', 'Checkpoints to evaluate: all, last, STEP, FIRST..LAST or FIRST..LAST:EVERY as in 5000..40000:5000, or '
                 'several with commas. Default: see --checkpoint_path.', modes=EVAL),
        _setting('run', 'watch', 'Evaluate each new checkpoint in --model_dir until training ends, in a process of its own, '
                 'with the settings of that training.', modes=EVAL),
        _setting('run', 'watch_poll', 'Seconds between two looks for a new checkpoint, of --watch and of the evaluator of a job.'),
        _setting('run', 'watch_timeout', 'Seconds without a new checkpoint after which --watch ends; 0 = it waits for ever.'),
        _setting('run', 'reevaluate', 'Evaluate also what metrics.csv has already, with the same metrics, data and detection settings.', modes=EVAL),
        _setting('run', 'keep_best', 'Evaluated checkpoints to keep in best/ in --model_dir, those with the highest --best_metric; 0 = none.'),
        _setting('run', 'best_metric', 'Metric that chooses them. Default: the first that the evaluation has.', tuple(BEST_METRICS)),
        _setting('run', 'write_predictions', 'Write an evaluation\'s boxes and masks into evaluation/ in --model_dir, for tools.report.'),
    )),
    ('Boxes that are kept', _for(MODES,
        _setting('detection', 'conf_thresh', 'Lowest score of a box that reaches NMS.'),
        _setting('detection', 'nms_thresh', 'IoU above which NMS drops the lower-scored box.'),
        _setting('detection', 'nms', 'How boxes that overlap a better one are treated: hard NMS drops them, Soft-NMS lowers their scores by how far '
                 'they overlap. Each is of one class.', NMS_KINDS),
        _setting('detection', 'soft_nms_sigma', 'With --nms=soft: a score is multiplied by exp(-IoU^2 / sigma).'),
        _setting('detection', 'top_k_nms', 'Boxes per class before NMS.'),
        _setting('detection', 'top_k_after_nms', 'Boxes per class after NMS.'),
        _setting('detection', 'top_k_post_nms', 'Boxes per image.'),
    )),
    ('Predicting, exporting, and the process', _for(MODES,
        _setting('run', 'checkpoint_path', 'Checkpoint to evaluate, predict with or export: a path, best or latest. It is used with the config.json '
                 'beside it. Default: eval takes the latest in --model_dir, predict and export the best of its evaluations.',
                 modes=TRAINED, path='checkpoint'),
        _setting('run', 'input_paths', 'Images to predict: files, folders, globs or URLs, comma-separated; or a split of the model\'s own dataset: '
                 'val, train, ... Or videos: files, a camera\'s number, or a stream\'s address, rtsp://...',
                 flag='input', modes=PREDICT, path='images'),
        _setting('run', 'output_dir', 'Where predict and export write. Default: predictions or export in --model_dir.',
                 modes=('predict', 'export'), path='place'),
        _setting('run', 'export_formats', 'What to export, comma-separated. All but saved_model and frozen need more: '
                 'requirements-export.txt, or for tfjs Node.js and its converter.',
                 tuple(FORMATS), modes=('export',)),
        _setting('run', 'quantize', 'int8 adds files of 8 bits for openvino and tflite, calibrated on the training split.', QUANTIZATIONS,
                 modes=('export',)),
        _setting('run', 'export_pictures', 'Pictures of the evaluation split that each exported file is run on and compared with the checkpoint. '
                 '0 takes drawn ones, which need no data.', modes=('export',)),
        _setting('run', 'export_max_pixels', 'Most pixels of a picture that the exported SavedModel decodes. A larger one gets a status of its own.',
                 modes=('export',)),
        _setting('run', 'min_score', 'Lowest score of a box that is kept; 0 keeps all. Default: per class what the checkpoint\'s evaluation found '
                 'best, else 0.25.', modes=MEASURING + PREDICT),
        _setting('run', 'tta', 'Test-time augmentation: views of each image that are put together, mirrored and at other scales, as '
                 'flip,scales:0.75,1,1.25. Default: none.', modes=EVAL + PREDICT),
        _setting('run', 'classes', 'Names of the classes that predict keeps, comma-separated. Default: all.', modes=PREDICT),
        _setting('run', 'save', 'What predict writes, comma-separated.', SAVED_FORMS, modes=PREDICT),
        _setting('run', 'video_codec', 'Codec of annotated videos: vp8 in .webm, which browsers play; mp4v in .mp4; h264 in .mp4, which needs the '
                 'package imageio-ffmpeg.', tuple(CODECS), modes=PREDICT),
        _setting('run', 'video_stride', 'Every which frame of a video file is predicted. The new video lasts as long.', modes=PREDICT),
        _setting('run', 'legend', 'Put the colours\' names under pictures.', modes=PREDICT),
        _setting('run', 'line_width', 'Pixels of a box\'s line; 0 = by the picture\'s size.', modes=PREDICT),
        _setting('run', 'text_size', 'Pixels of a label\'s letters; 0 = by the picture\'s size.', modes=PREDICT),
        _setting('run', 'max_pictures', 'Training images, and evaluated images, that are drawn for TensorBoard.', modes=MEASURING),
        _setting('run', 'threads', 'Threads; 0 = as many as cores.'),
        _setting('run', 'xla', 'Compile the graph with XLA, on GPU and CPU.'),
        _setting('run', 'progress', 'Show progress bars.'),
        _setting('run', 'dry_run', 'Print every setting, variable and command that would be used, check the graphs, and stop.'),
    )),
)
SETTINGS = tuple(setting for _, settings in GROUPS for setting in settings)
COMMON = (  # (title, flags) of the help that is asked for first
    ('What to do', ('mode', 'preset', 'model_dir', 'platform', 'config')),
    ('Data', ('dataset', 'data_dir', 'class_file', 'batch_size')),
    ('Network', ('image_size', 'detect', 'segment')),
    ('Training', ('recipe', 'epochs', 'train_steps', 'learning_rate', 'lr_decay', 'warm_start_from', 'precision', 'eval_every', 'patience')),
    ('Evaluating, predicting, exporting', ('checkpoint_path', 'metrics', 'input', 'output_dir', 'min_score')),
)
