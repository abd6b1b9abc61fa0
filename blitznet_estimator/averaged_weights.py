"""Moving averages of weights (--ema_decay) in checkpoints: their names, and which values of a checkpoint are the model's.

A checkpoint of training holds each variable twice: under its own name what training goes on from, and as NAME/ExponentialMovingAverage its
average, as TensorFlow's own class names it. What is evaluated, predicted, exported and started from are the averages, where there are any.
The checkpoints in `best` and all exports hold the averages alone, under the variables' own names.
"""
AVERAGE = 'ExponentialMovingAverage'
COUNTER = 'averaged_steps'  # variable: updates of the averages so far


def name_of(variable):
    """Name of the average of a variable, by its name."""
    return '%s/%s' % (variable, AVERAGE)


def stored_name(variable, names):
    """The name that the model's value of a variable has among a checkpoint's `names`: that of its average, where there is one."""
    return name_of(variable) if name_of(variable) in names else variable


def holds_averages(names):
    """Whether a checkpoint of these names has averages."""
    return COUNTER in names


def of_the_model(names):
    """{variable: name in the checkpoint} of the model's values among a checkpoint's `names`, without what an optimizer keeps.

    A slot's name, and an average's, is that of its variable and one part more.
    """
    names = set(names)
    variables = sorted(name for name in names if name.rpartition('/')[0] not in names and name != COUNTER)
    return {name: stored_name(name, names) for name in variables}
