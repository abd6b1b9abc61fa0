"""Flags of the first TensorFlow code and of its first port to Ascend, which are no flags here: what to write instead."""
import re

FORMER = {
    'run_name': '--model_dir=runs/NAME names the whole folder',
    'obs_dir': 'tools/ascend/modelarts.py copies from and to OBS, by --data_url and --train_url',
    'data_url': 'tools/ascend/modelarts.py takes it; main.py reads --data_dir',
    'train_url': 'tools/ascend/modelarts.py takes it; main.py writes to --model_dir',
    'weights_path': '--warm_start_from=PATH',
    'weights_dir': '--warm_start_from=PATH',
    'result_dir': '--model_dir, where metrics.json and metrics.csv are written; --output_dir for pictures',
    'ckpt': '--checkpoint_path=PATH, or --checkpoints=STEP with --mode=eval',
    'batch_eval': '--mode=eval --checkpoints=all',
    'min_ckpt': '--mode=eval --checkpoints=FIRST..LAST:EVERY',
    'max_ckpt': '--mode=eval --checkpoints=FIRST..LAST:EVERY',
    'step': '--mode=eval --checkpoints=FIRST..LAST:EVERY',
    'split': '--train_split and --eval_split',
    'random_trunk_init': 'leave out --warm_start_from',
    'no_seg_gt': 'leave it out: images without masks are told by their records',
    'eval_min_conf': '--conf_thresh; --min_score is for drawn boxes',
    'voc_iou_thresh': '--metrics=voc07,voc12 count boxes from IoU 0.5, and coco from 0.5 to 0.95',
    'save_first_n': '--max_pictures=N, or --mode=predict',
}
_WORD = re.compile(r'--?(\w+)')


def instead(name):
    """What to write instead of the flag `name`, as a sentence; '' where it is no former flag."""
    return 'Here: %s.' % FORMER[name] if name in FORMER else ''


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
