"""Checks: each wrong setting is refused with a sentence that names its flag and what would do."""
import re

import pytest

from blitznet_estimator import checks
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import PRESETS, preset_config

SSD = dict(trunk='vgg16', x4=False, segment=False, image_size=300)


def _complaint(config):
    """What `check_config` raises, '' for nothing."""
    try:
        checks.check_config(config)
    except UserError as error:
        return str(error)
    return ''


@pytest.mark.parametrize('preset', sorted(PRESETS))
def test_presets_pass(preset):
    assert _complaint(preset_config(preset)) == ''


@pytest.mark.parametrize('sections, said', [
    # the network
    (dict(network=dict(detect=False, segment=False)), '--nodetect.*--nosegment'),
    (dict(network=dict(image_size=15)), '--image_size=15.*16'),
    (dict(network=dict(top_fm=3)), '--top_fm=3'),
    (dict(network=dict(n_base_channels=0)), '--n_base_channels=0.*1'),
    (dict(network=dict(num_classes=-1)), '--num_classes=-1.*0'),
    (dict(network=dict(num_classes=1)), '--num_classes=1.*background'),
    (dict(network=dict(det_kernel=2)), '--det_kernel=2.*1 or 3'),
    (dict(network=dict(seg_filter_size=5)), '--seg_filter_size=5.*1 or 3'),
    (dict(network=dict(bn_decay=1.)), r'--bn_decay=1\.0.*\[0, 1\)'),
    (dict(network=dict(SSD, segment=True)), 'vgg16.*--nosegment'),
    (dict(network=dict(SSD, x4=True)), 'vgg16.*--nox4'),
    (dict(network=dict(SSD, head='shared')), 'vgg16.*--head=shared'),
    (dict(network=dict(SSD, image_size=128)), '--image_size.*128'),
    # the data
    (dict(data=dict(batch_size=0)), '--batch_size=0.*1'),
    (dict(data=dict(eval_batch_size=0)), '--eval_batch_size=0.*1'),
    (dict(data=dict(max_boxes=0)), '--max_boxes=0.*1'),
    (dict(data=dict(max_boxes=40000)), '--max_boxes=40000.*32768'),
    (dict(data=dict(shuffle_buffer=0)), '--shuffle_buffer=0.*1'),
    (dict(data=dict(zoomout_prob=1.5)), r'--zoomout_prob=1\.5.*\[0, 1\]'),
    (dict(data=dict(scale_jitter=(.5,))), r'--scale_jitter=0\.5.*two numbers'),
    (dict(data=dict(scale_jitter=(2., .5))), r'--scale_jitter=2,0\.5.*smaller one first'),
    (dict(data=dict(scale_jitter=(0., 1.))), r'--scale_jitter=0,1.*above 0'),
    (dict(data=dict(scale_jitter=(.5, 2.), augment=False)), '--scale_jitter.*--noaugment'),
    (dict(data=dict(mosaic=2.)), r'--mosaic=2\.0.*\[0, 1\]'),
    (dict(data=dict(mosaic=.5, augment=False)), '--mosaic.*--noaugment'),
    (dict(data=dict(mosaic=.5, batch_size=3)), r'--mosaic=0\.5 joins four.*--batch_size=3'),
    (dict(data=dict(train_files=('a',))), '--train_files.*--dataset=records.*shapes'),
    (dict(data=dict(eval_files=('a',))), '--eval_files.*--dataset=records.*shapes'),
    (dict(data=dict(class_file='no/such.txt')), '--class_file=no/such.txt.*no such file'),
    # training
    (dict(train=dict(train_steps=0)), '--train_steps=0.*1'),
    (dict(train=dict(warmup_step=-1)), '--warmup_step=-1'),
    (dict(train=dict(weight_decay=-.1)), r'--weight_decay=-0\.1'),
    (dict(train=dict(learning_rate=0.)), '--learning_rate'),
    (dict(train=dict(warmup_lr=0.)), '--warmup_lr'),
    (dict(train=dict(ema_decay=1.)), r'--ema_decay=1\.0.*\[0, 1\)'),
    (dict(train=dict(train_minutes=-1.)), '--train_minutes=-1'),
    (dict(train=dict(train_minutes=5., lr_schedule='cosine', lr_decay=())), '--train_minutes=5.*--lr_schedule=cosine.*--train_steps'),
    (dict(train=dict(class_weights='heavy')), '--class_weights=heavy.*balanced, median'),
    (dict(train=dict(class_weights='1,-1')), '--class_weights=1,-1.*0 or more'),
    (dict(network=dict(segment=False), train=dict(class_weights='median')), '--class_weights=median.*--nosegment'),
    (dict(train=dict(on_nan='rollback')), '--on_nan=rollback.*rollback:3'),
    (dict(train=dict(freeze=('decoder',))), '--freeze=decoder.*trunk'),
    (dict(network=dict(detect=False), train=dict(freeze=('trunk', 'detection'))), '--freeze=trunk,detection.*no detection head'),
    (dict(train=dict(lr_decay=(200, 100))), '--lr_decay=200,100.*grow'),
    (dict(train=dict(lr_decay=(100, 100))), '--lr_decay=100,100.*grow'),
    (dict(train=dict(lr_decay=(100,), warmup_step=100)), '--lr_decay=100.*--warmup_step=100'),
    (dict(train=dict(loss_scale='large')), 'loss_scale.*large'),
    # detections
    (dict(run=dict(mode='eval', tta=('mirror',))), '"mirror" is neither flip'),
    (dict(run=dict(mode='eval', tta=('scales:4',))), '--tta: at the scale 4 .*another number of maps'),
    (dict(run=dict(tta=('flip',))), '--tta.*a training evaluates without it'),
    (dict(run=dict(mode='export', tta=('flip',))), '--tta.*exports do not have it'),
    (dict(run=dict(mode='eval', model='out', tta=('flip',))), '--tta.*exports do not have it'),
    (dict(run=dict(mode='eval', platform='npu', tta=('flip',))), '--tta.*NPU.*--platform=cpu'),
    (dict(detection=dict(soft_nms_sigma=0.)), r'--soft_nms_sigma=0\.0.*above 0'),
    (dict(detection=dict(nms='soft'), run=dict(mode='export', export_formats=('saved_model', 'onnx'))), '--nms=soft.*Leave onnx out.*--nms=hard'),
    (dict(detection=dict(nms='soft'), run=dict(mode='export', export_formats=('openvino', 'tflite'))), '--nms=soft.*Leave openvino out.*--nms=hard'),
    (dict(detection=dict(conf_thresh=-.1)), r'--conf_thresh=-0\.1.*\[0, 1\]'),
    (dict(detection=dict(nms_thresh=2.)), r'--nms_thresh=2\.0.*\[0, 1\]'),
    (dict(detection=dict(top_k_nms=0)), '--top_k_nms=0.*1'),
    (dict(detection=dict(top_k_after_nms=0)), '--top_k_after_nms=0.*1'),
    (dict(detection=dict(top_k_post_nms=0)), '--top_k_post_nms=0.*1'),
    # the run
    (dict(run=dict(iterations_per_loop=0)), '--iterations_per_loop=0.*1'),
    (dict(run=dict(save_every=-1)), '--save_every=-1'),
    (dict(run=dict(summary_every=0)), '--summary_every=0.*1'),
    (dict(run=dict(eval_every=-2)), '--eval_every=-2'), (dict(run=dict(patience=-1)), '--patience=-1'),
    (dict(run=dict(patience=2, eval_every=0)), '--patience=2 needs evaluations'), (dict(train=dict(epochs=-1.)), '--epochs=-1'),
    (dict(train=dict(epochs=float('nan'))), '--epochs=nan'), (dict(run=dict(eval_limit=-1)), '--eval_limit=-1'),
    (dict(run=dict(keep_checkpoint_max=0)), '--keep_checkpoint_max=0.*1'),
    (dict(run=dict(threads=-1)), '--threads=-1'),
    (dict(run=dict(gpus=-1)), '--gpus=-1'),
    (dict(run=dict(gpus=2, platform='cpu')), '--gpus=2.*--platform=gpu.*--platform=cpu'),
    (dict(run=dict(max_pictures=-1)), '--max_pictures=-1'),
    (dict(run=dict(min_score=1.1)), r'--min_score=1\.1.*\[0, 1\]'),
    (dict(run=dict(profile_steps=(5,))), '--profile_steps=5.*100,110'),
    (dict(run=dict(profile_steps=(9, 5))), '--profile_steps=9,5'),
    (dict(run=dict(iterations_per_loop=100, save_every=150)), '--save_every=150.*100 or 200'),
    (dict(run=dict(mode='predict')), '--mode=predict.*--input'),
    (dict(run=dict(input_paths=('a.jpg',))), '--input.*--mode=predict.*--mode=train'),
    # evaluation
    (dict(run=dict(watch_timeout=-1.)), '--watch_timeout=-1'),
    (dict(run=dict(watch_poll=0.)), '--watch_poll=0'),
    (dict(run=dict(keep_best=-1)), '--keep_best=-1'),
    (dict(run=dict(metrics=())), '--metrics.*voc12'),
    (dict(run=dict(watch=True)), '--watch.*--mode=eval'),
    (dict(run=dict(checkpoints='all')), '--checkpoints.*--mode=eval'),
    (dict(run=dict(mode='eval', checkpoints='all', watch=True)), '--checkpoints.*--watch'),
    (dict(run=dict(mode='eval', checkpoints='5..1')), '5..1'),
    (dict(network=dict(detect=False), run=dict(metrics=('voc12',))), '--metrics=voc12.*--nodetect'),
    (dict(network=dict(segment=False), run=dict(best_metric='mIoU')), '--best_metric=mIoU.*--nosegment'),
    (dict(run=dict(best_metric='mAP_coco')), '--best_metric=mAP_coco.*coco.*--metrics'),
])
def test_what_is_refused(sections, said):
    with pytest.raises(UserError, match=said):
        checks.check_config(preset_config('tiny', **sections))


@pytest.mark.parametrize('sections', [
    dict(network=SSD), dict(network=dict(num_classes=2)), dict(train=dict(lr_decay=(101,), warmup_step=100)),
    dict(run=dict(iterations_per_loop=100, save_every=200)), dict(run=dict(gpus=2, platform='gpu')), dict(run=dict(profile_steps=(0, 1))),
    dict(run=dict(mode='eval', checkpoints='100..500:100')), dict(data=dict(dataset='records', train_files=('a',))),
    dict(detection=dict(nms='soft'), run=dict(mode='export', export_formats=('saved_model', 'frozen', 'tflite'))),
    dict(detection=dict(nms='soft'), network=dict(detect=False), run=dict(mode='export', export_formats=('onnx', 'openvino')))])
def test_what_is_taken(sections):
    assert _complaint(preset_config('tiny', **sections)) == ''


def test_an_unknown_choice_is_answered_with_the_nearest():
    assert checks.require_one_of('--trunk', 'tiny', ('tiny', 'vgg16')) == 'tiny'
    with pytest.raises(UserError, match='--trunk=vgg is unknown.*Nearest: vgg16.*tiny, vgg16'):
        checks.require_one_of('--trunk', 'vgg', ('tiny', 'vgg16'))
    with pytest.raises(UserError) as raised:
        checks.require_one_of('--trunk', '???', ('tiny', 'vgg16'))
    assert 'Nearest' not in str(raised.value)


def test_whole_numbers():
    assert checks.integer('--lr_decay', '100') == 100
    with pytest.raises(UserError, match='--lr_decay.*"1e3".*whole number'):
        checks.integer('--lr_decay', '1e3')


def test_a_trained_model_keeps_its_network():
    saved = preset_config('tiny').network
    checks.same_network({'image_size': saved.image_size}, saved, 'runs/x')
    with pytest.raises(UserError, match='--image_size=96.*runs/x.*--image_size=128'):
        checks.same_network({'image_size': 96}, saved, 'runs/x')


@pytest.mark.parametrize('run, said', [
    (dict(save=('crops',)), r'--save=crops is for images; of a video there are pictures, masks, json'), (dict(video_stride=0), '--video_stride=0'),
    (dict(platform='npu'), 'a video is predicted on a CPU or a GPU')])
def test_what_a_video_cannot_have(run, said):
    assert re.search(said, _complaint(preset_config('tiny', run=dict(run, mode='predict', input_paths=('street.mp4',)))))
