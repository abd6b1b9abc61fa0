"""The closing lines of an acceptance run: python -m tools.ascend.acceptance --model_dir=DIR --case=perf --device=0 --output=test/output

Prints them, and writes them to <output>/<device>/<Network>_bs<batch>_<ranks>p_<case>.log. Every value is what the run itself measured:
run_summary.json and metrics.json in the model's folder.
"""
import os
import platform

from blitznet_estimator import files, json_files
from blitznet_estimator.drivers import metrics_file
from blitznet_estimator.errors import UserError
from tools import arguments

NETWORK = 'BlitzNet'
CASES = ('perf', 'acc')


def closing_lines(summary, metrics, case, total_seconds):
    """[(name, value)] of the lines.

    Args:
      summary: the content of run_summary.json. metrics: of metrics.json, or None. case: perf or acc.
      total_seconds: from the start of the script to its end.
    """
    milliseconds = summary['step_seconds'] and 1000 * summary['step_seconds']
    return [
        ('Network', NETWORK),
        ('RankSize', summary['workers']),
        ('BatchSize', summary['batch_size']),
        ('DeviceType', platform.machine()),
        ('CaseName', case_name(summary, case)),
        ('ActualFPS', _number(summary['images_per_second'], '%.2f')),
        ('TrainingTime', _number(milliseconds, '%.2f')),
        ('ActualLoss', _number(summary['loss'], '%.4f')),
        ('TrainAccuracy', _number(_accuracy(metrics or {}), '%.4f')),
        ('E2ETrainingTime', '%.0f' % total_seconds),
    ]


def case_name(summary, case):
    """<Network>_bs<batch>_<ranks>p_<case>."""
    return '%s_bs%d_%dp_%s' % (NETWORK, summary['batch_size'], summary['workers'], case)


def _accuracy(metrics):
    """mAP by the rule of the later VOC years; of a network that only segments its mean IoU."""
    found = [metrics[key] for key in ('mAP_voc12', 'mAP_voc07', 'mIoU') if metrics.get(key) is not None]
    return found[0] if found else None


def _number(value, form):
    return 'None' if value is None else form % value


def main(argv):
    """Entry point; returns the path of the log."""
    parser = arguments.Parser('python -m tools.ascend.acceptance', description=__doc__)
    parser.add_argument('--model_dir', required=True, help='folder of the run')
    parser.add_argument('--case', required=True, choices=CASES, help='perf: speed; acc: accuracy')
    parser.add_argument('--device', default='0', help='number of the card, for the name of the folder (default: 0)')
    parser.add_argument('--output', default='test/output', help='folder for the logs (default: test/output)')
    parser.add_argument('--total_seconds', type=float, required=True, help='how long the whole script took')
    args = parser.parse_args(argv)
    from hooks import run_summary
    measured = dict.fromkeys(('step_seconds', 'images_per_second', 'loss'), (int, float, type(None)))
    summary = json_files.read_fields(os.path.join(args.model_dir, run_summary.NAME), 'what the training run measured', batch_size=int, workers=int,
                                     **measured)
    if summary['step_seconds'] is None:
        raise UserError('The run in %s was too short to be timed: it needs at least two loops after its start.' % args.model_dir)
    lines = ['%s = %s' % line for line in closing_lines(summary, metrics_file.read(args.model_dir), args.case, args.total_seconds)]
    path = os.path.join(args.output, args.device, case_name(summary, args.case) + '.log')
    files.write_text(path, '\n'.join(lines) + '\n')
    print('\n'.join(lines))
    return path


if __name__ == '__main__':
    arguments.run(main)
