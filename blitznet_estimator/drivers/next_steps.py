"""What can be done when a training is over: the last line that it says."""
import shlex


def after_training(model_dir, page=''):
    """One line of commands. page: the report's, '' where there is none."""
    folder = shlex.quote(model_dir)
    report = 'open %s' % shlex.quote(page) if page else 'python -m tools.report --model_dir=%s' % folder
    return 'Next: %s; tensorboard --logdir=%s; python main.py --mode=predict --model_dir=%s --input=IMAGES' % (report, folder, folder)
