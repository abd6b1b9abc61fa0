"""--patience: the end of a training whose evaluations get no better."""
from blitznet_estimator.drivers import best_checkpoints, metrics_table
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.metrics import BEST_METRICS


def check(config, platform):
    """UserError where several processes train: only the first evaluates, and the others would go on and wait for it."""
    if config.run.patience and platform.shard[1] > 1:
        raise UserError('--patience=%d does not go with %d processes that train together, of which one evaluates: leave it out, and end the '
                        'training by --train_steps.' % (config.run.patience, platform.shard[1]))


def exhausted(config, step):
    """One sentence where the last config.run.patience evaluations up to `step` were no better than one before them; '' where it goes on.

    It reads metrics.csv, so that a training that was stopped in between counts on.
    """
    run = config.run
    if not run.patience:
        return ''
    own = metrics_table.settings(config)
    rows = [row for row in metrics_table.read(run.model_dir) if row['settings'] == own and int(row['global_step']) <= step]
    metric = run.best_metric or next((name for name in BEST_METRICS if any(row.get(name) for row in rows)), '')
    ranked = best_checkpoints.ranked(rows, metric)
    since = sum(int(row['global_step']) > int(ranked[0]['global_step']) for row in ranked)
    if since < run.patience:
        return ''
    return 'Training ends at step %d of %d: no evaluation since step %s was better, %s %.4g (--patience=%d).' % (
        step, config.train.train_steps, ranked[0]['global_step'], metric, float(ranked[0][metric]), run.patience)
