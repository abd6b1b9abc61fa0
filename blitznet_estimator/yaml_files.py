"""YAML files of a user, as plain values. Nothing in them is executed."""
from blitznet_estimator.errors import UserError


def parse(text, where):
    """The value of a text in YAML. UserError that begins with `where`, as '--config=FILE' or a path."""
    try:
        import yaml  # here, as few runs need it
    except ImportError:
        raise UserError('%s cannot be read without the package PyYAML: pip install -r requirements.txt' % where)
    try:
        return yaml.safe_load(text)
    except Exception as error:  # PyYAML lets many of Python's own out, such as a KeyError of "!!bool maybe"
        raise UserError('%s is no readable YAML file (%s).' % (where, ' '.join(str(error).split())))
