import pytest

from blitznet_estimator.drivers import dry_run
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import broadcast
from blitznet_estimator.platforms.rank_table import RankDevice, write_rank_table
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn import model_fn


def _config(**sections):
    run = dict(platform='npu', model_dir='runs/x', iterations_per_loop=100, save_every=500, summary_every=100)
    run.update(sections.pop('run', {}))
    return preset_config('tiny', network=dict(num_classes=4), data=dict(batch_size=2, eval_batch_size=2), run=run, **sections)


def _shown(config, environ=None, **options):
    lines = []
    dry_run.run(config, options.get('model_fn', model_fn), environ=environ or {}, words=options.get('words', ()),
                show=lines.append)
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


def test_the_commands_are_those_of_this_run():
    text = _shown(_config(train=dict(train_steps=3000)), words=['--preset=tiny', '--train_steps=3000'])
    for part in ('launch --devices=8 -- --preset=tiny --train_steps=3000\n', '3000 steps in 30 session runs of 100', 'all records',
                 'freeze --checkpoint_path=runs/x --output=om/blitznet.pb', 'atc --model=om/blitznet.pb', 'the adapter takes device 0'):
        assert part in text, part


def test_epochs_are_said_to_be_unknown(caplog):
    _shown(_config(train=dict(epochs=3, train_steps=2400)))
    assert '--epochs=3: how many steps that is depends on the data' in caplog.text and 'the 2400 steps of the recipe' in caplog.text


def test_a_rank_of_several(tmp_path):
    table = str(tmp_path / 'ranks.json')
    write_rank_table(table, [RankDevice(rank, 's', rank, '10.0.0.%d' % rank) for rank in range(8)])
    environ = {'JOB_ID': '1', 'RANK_TABLE_FILE': table, 'RANK_SIZE': '8', 'RANK_ID': '3', 'ASCEND_DEVICE_ID': '3'}
    text = _shown(_config(train=dict(scale_learning_rate=True, learning_rate=1e-4)), environ)
    for part in ('learning rate 0.0001 x 8 ranks', 'the mean of 8 ranks', 'rank 3 of 8 reads 1/8', 'save_checkpoints_steps=0', 'RANK_ID=3\n'):
        assert part in text, part
    assert 'launch' not in text and 'set by this program' not in text


def test_files_of_another_machine_do_not_stop_it(tmp_path):
    missing = str(tmp_path / 'resnet50_full.ckpt')
    text = _shown(_config(train=dict(warm_start_from=missing)))
    assert '--warm_start_from=%s: not on this machine' % missing in text and 'nothing found' in text


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
                      for part in dry_run._placeholders(config, 'train'))
        examples = tf.data.Dataset.from_tensors(batch).apply(tf.data.experimental.unbatch())
        return examples.batch(2, drop_remainder=drop_remainder)

    assert dry_run.scan_training(config, model_fn, input_fn) == []
    with pytest.raises(UserError, match='unknown size'):
        dry_run.scan_training(config, model_fn, lambda: input_fn(drop_remainder=False))


def _problems_of_one_weight(config, first):
    """What the scan of training says of a model of one weight. first: its first value, or what makes it."""
    def small_model(features, labels, mode, params):
        weight = tf.get_variable('weight', initializer=first)
        optimizer = params['platform'].wrap_optimizer(tf.train.AdamOptimizer(.1))
        step = optimizer.minimize(weight, tf.train.get_or_create_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=tf.reduce_sum(weight), train_op=step)
    return dry_run.scan_training(config, small_model)


def test_first_values_and_the_optimizer_are_looked_at():
    config = _config(train=dict(precision='mixed'))
    found = _problems_of_one_weight(config, lambda: tf.reshape(tf.random_uniform([]), [1]))
    assert any('RandomUniform' in problem for problem in found)
    assert _problems_of_one_weight(config, lambda: tf.constant([1.])) == []


def test_broadcasts_that_hccl_would_merge_are_found(monkeypatch):
    """One variable after the other is sent, so that merged ones make a loop; without fusion each stays for itself."""
    monkeypatch.setattr(broadcast, 'UNFUSED', {'fusion': 2, 'fusion_id': 0})
    found = _problems_of_one_weight(_config(train=dict(precision='mixed')), lambda: tf.constant([1.]))
    assert found and all('makes a loop' in problem for problem in found)
