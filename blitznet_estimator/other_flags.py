"""Flags of other command lines, which are no flags here: what to write instead."""
import re

from blitznet_estimator.errors import like

INSTEAD = {
    # of the first TensorFlow code, and of its first port to Ascend
    'run_name': '--model_dir=runs/NAME names the whole folder',
    'obs_dir': 'tools/ascend/modelarts.py copies from and to OBS, by --data_url and --train_url',
    'data_url': 'tools/ascend/modelarts.py takes it; main.py reads --data_dir',
    'train_url': 'tools/ascend/modelarts.py takes it; main.py writes to --model_dir',
    'weights_path': '--warm_start_from=PATH',
    'result_dir': '--model_dir, where metrics.json and metrics.csv are written; --output_dir for pictures',
    'ckpt': '--checkpoint_path=PATH, or --checkpoints=STEP with --mode=eval',
    'batch_eval': '--mode=eval --checkpoints=all',
    'min_ckpt': '--mode=eval --checkpoints=FIRST..LAST:EVERY',
    'max_ckpt': '--mode=eval --checkpoints=FIRST..LAST:EVERY',
    'step': '--mode=eval --checkpoints=FIRST..LAST:EVERY',
    'split': '--train_split and --eval_split',
    'random_trunk_init': 'leave out --warm_start_from',
    'no_seg_gt': 'leave it out: images without masks are told by their records',
    'eval_min_conf': '--conf_thresh; --min_score is for what predict keeps',
    'voc_iou_thresh': '--metrics=voc07,voc12 count boxes from IoU 0.5, and coco from 0.5 to 0.95',
    'save_first_n': '--max_pictures=N, or --mode=predict',
    # of other detectors
    'lr': '--learning_rate',
    'imgsz': '--image_size',
    'source': '--input',
    'vid_stride': '--video_stride',
    'device': '--platform=cpu, gpu or npu, and --gpus for several',
    'workers': '--threads',
    'weights': '--checkpoint_path, or --warm_start_from in a training',
    'conf': '--min_score',
    'iou': '--nms_thresh',
    'format': '--mode=export with --export_formats; tools.ascend.freeze makes a graph for Ascend',
    'resume': 'the same command resumes from the last checkpoint in --model_dir',
    'name': '--model_dir',
    'project': '--model_dir',
    'batch': '--batch_size',
    'data': '--dataset and --data_dir',
}
_WORD = re.compile(r'--?(\w+)')


def answer(name, known):
    """What to say of `name`, which is no flag. known: the names that are."""
    plain = name.strip('-').replace('-', '_')
    ours = re.sub('^no_', 'no', plain)
    if plain != name and plain in known or plain != ours and ours[2:] in known:
        return '--%s is no flag: it is written --%s.' % (name, plain if plain in known else ours)
    name = plain
    if name in INSTEAD:
        return '--%s is no flag. Here: %s.' % (name, INSTEAD[name])
    near = like(name, known, least=.6)
    return '--%s is no flag. %s--help lists them.' % (name, 'Nearest: --%s. ' % ', --'.join(near) if near else '')


def with_commas(words):
    """The words of a command line with each list of numbers that follows a flag joined to it: `--lr_decay 1 2` -> `--lr_decay=1,2`."""
    joined = []
    for word in words:
        follows = joined and _WORD.match(joined[-1])
        if follows and re.match(r'-?\d[\d.]*$', word):
            joined[-1] += (',' if '=' in joined[-1] else '=') + word
        else:
            joined.append(word)
    return joined
