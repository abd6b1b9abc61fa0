import pytest

from blitznet_estimator.config import preset_config
from blitznet_estimator.drivers import dry_run
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from model_fn import model_fn


def _config(**sections):
    run = dict(platform='npu', model_dir='runs/x', iterations_per_loop=100, save_every=500, summary_every=100)
    run.update(sections.pop('run', {}))
    return preset_config('tiny', network=dict(num_classes=4), data=dict(batch_size=2), run=run, **sections)


def _shown(config, environ=None, **options):
    lines = []
    dry_run.run(config, options.get('model_fn', model_fn), environ=environ or {}, show=lines.append)
    return ''.join(lines)


def test_everything_is_shown_without_the_adapter():
    environ = {}
    text = _shown(_config(train=dict(precision='mixed'), npu={'npu_hcom_parallel': True, 'npu_hccl_exec_timeout': 7200}), environ)
    for part in ('iterations_per_loop=100', 'save_checkpoints_steps=500', "precision_mode='allow_mix_precision'", 'hcom_parallel=True',
                 'remapping off', 'JOB_ID=10086 (set by this program)', 'HCCL_EXEC_TIMEOUT=7200',
                 'tools.ascend.launch --devices=8 -- --mode=train',
                 'NPULossScaleOptimizer: loss_scale dynamic', '--input_shape=input:1,128,128,3', 'nothing found'):
        assert part in text, part
    assert environ == {}


def test_a_forbidden_operation_is_found():
    def model_with_rows(features, labels, mode, params):
        spec = model_fn(features, labels, mode, params)
        rows = tf.boolean_mask(features['image'], tf.ones([2], tf.bool))
        return spec._replace(loss=spec.loss + tf.reduce_sum(rows)) if spec.loss is not None else spec

    with pytest.raises(UserError, match='boolean_mask'):
        _shown(_config(), model_fn=model_with_rows)


@pytest.mark.parametrize('config, environ, problem', [
    (_config(run=dict(save_every=150)), {}, '--save_every=150'),
    (_config(npu={'npu_dump_step': '1'}), {}, 'npu_dump_path'),
    (_config(), {'RANK_SIZE': '8'}, 'lacks JOB_ID'),
])
def test_what_is_wrong_stops_it(config, environ, problem):
    with pytest.raises(UserError, match=problem):
        _shown(config, environ)


def test_the_input_pipeline_is_scanned_too():
    config = _config()

    def input_fn(drop_remainder=True):
        batch = tuple({key: tf.zeros(tensor.shape, tensor.dtype) for key, tensor in part.items()}
                      for part in dry_run._placeholders(config))
        examples = tf.data.Dataset.from_tensors(batch).apply(tf.data.experimental.unbatch())
        return examples.batch(2, drop_remainder=drop_remainder)

    assert dry_run.scan_training(config, model_fn, input_fn) == []
    with pytest.raises(UserError, match='unknown size'):
        dry_run.scan_training(config, model_fn, lambda: input_fn(drop_remainder=False))
