from blitznet_estimator.drivers import next_steps


def test_commands_name_the_model():
    assert next_steps.after_training('runs/a', 'runs/a/report/report.html') == (
        'Next: open runs/a/report/report.html; tensorboard --logdir=runs/a; python main.py --mode=predict --model_dir=runs/a --input=IMAGES')
    line = next_steps.after_training('my runs/a')
    assert "python -m tools.report --model_dir='my runs/a'; tensorboard --logdir='my runs/a';" in line
