"""Flags of other command lines, which are no flags here: what to write instead."""
import re
import shlex

from blitznet_estimator.errors import like

OF_THE_FIRST_CODE = {  # and of its first port to Ascend
    'run_name': '--model_dir=runs/NAME names the whole folder',
    'obs_dir': 'tools/ascend/modelarts.py copies from and to OBS, by --data_url and --train_url',
    'data_url': 'tools/ascend/modelarts.py takes it; main.py reads --data_dir',
    'train_url': 'tools/ascend/modelarts.py takes it; main.py writes to --model_dir',
    'weights_path': '--warm_start_from=PATH',
    'result_dir': '--model_dir, where metrics.json and metrics.csv are written; --output_dir for pictures',
    'ckpt': '--checkpoint_path=PATH, or --checkpoints=STEP with --mode=eval, where STEP is no number of thousands',
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
}
OF_OTHER_DETECTORS = {
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
INSTEAD = dict(OF_THE_FIRST_CODE, **OF_OTHER_DETECTORS)
# What a flag of the first code, and of its port, becomes in a whole command line; '' where nothing takes its place
TRANSLATED = {'run_name': '--model_dir=runs/%s', 'weights_path': '--warm_start_from=%s', 'obs_dir': '', 'result_dir': '',
              'random_trunk_init': '--warm_start_from=', 'no_seg_gt': ''}
WITHOUT_VALUE = 'random_trunk_init', 'no_seg_gt'
WEIGHTS = 'resnet50_full.ckpt'  # in the folder that --weights_path names
OF_THE_PORT = 'obs_dir', 'result_dir', 'weights_path'  # flags that the port alone has
RECORDS = {'voc07': 'voc07-trainval', 'voc12-train': 'voc12-train-seg'}  # --dataset of the port -> the file that it reads
FIRST_PRESETS = {'resnet50': 'blitznet300', 'vgg16': 'ssd300'}  # --trunk -> the preset whose other settings are the first code's defaults
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


def answers(name, words, known):
    """What to say of `name`, which is no flag, of the other former flags among the words of a command line, and of that line as a whole."""
    former = [found.group(1) for found in map(_WORD.match, words) if found and found.group(1) in INSTEAD]
    names = [name] + [one for one in dict.fromkeys(former) if one != name]
    said = [answer(one, known) for one in names]
    if name in TRANSLATED and set(names) <= set(TRANSLATED):
        line = translated(words)
        said += ['The whole line is here: %s.' % ' '.join(map(shlex.quote, line))] if line else []
    return ' '.join(said)


def translated(words):
    """The words of a command line of the first code, as this project takes them."""
    found, waiting = [], list(with_commas(words))
    is_port = any(word.lstrip('-').partition('=')[0] in OF_THE_PORT for word in words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.lstrip('-').partition('=')
        if not word.startswith('-') or name not in TRANSLATED:
            found.append('--dataset=' + RECORDS[value] if is_port and name == 'dataset' and value in RECORDS else word)
            continue
        if not equals and name not in WITHOUT_VALUE and waiting and not waiting[0].startswith('-'):
            value = waiting.pop(0)
        if name == 'weights_path' and not value.endswith('.ckpt'):
            value = '%s/%s' % (value.rstrip('/'), WEIGHTS)
        form = TRANSLATED[name]
        found += [form % value if '%s' in form else form] if form else []
    return with_preset(found)


def with_preset(words):
    """The words of a command line, with the preset that its --trunk had in the first code where it names none."""
    given = dict(word.lstrip('-').partition('=')[::2] for word in words if word.startswith('-'))
    preset = FIRST_PRESETS.get(given.get('trunk')) if 'preset' not in given else None
    if preset == 'blitznet300' and given.get('image_size') == '512':
        preset = 'blitznet512'
    at = 0 if words and words[0].startswith('-') else 1
    return words[:at] + ['--preset=' + preset] + words[at:] if preset else words


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
