"""metrics.json in a model's folder: the metrics of the evaluation that its report is of, the latest unless an earlier one was asked for."""
import os

from blitznet_estimator import files, json_files

NAME = 'metrics.json'


def write(model_dir, metrics):
    """Save the metrics of an evaluation, {'global_step', 'checkpoint', 'mAP_voc07', ..., 'per_class'}."""
    files.write_json(os.path.join(model_dir, NAME), metrics)


def read(model_dir):
    """The metrics in a folder; None where there was none, or the file is no such JSON."""
    metrics = json_files.read_own(os.path.join(model_dir, NAME))
    return metrics if isinstance(metrics, dict) else None


def evaluated_step(model_dir):
    """Global step of the evaluation whose metrics a folder has; None where it has none."""
    return (read(model_dir) or {}).get('global_step')
