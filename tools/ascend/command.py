"""What the commands of this folder share: their own arguments beside the flags of main.py."""
from absl import flags as absl_flags

import flags
from tools import arguments

EPILOG = 'The flags of main.py are taken too: --preset, --num_classes, --dataset, --data_dir, ... (python main.py --help).'


def parse(argv, description, add_arguments, mode, flags_of=lambda args: []):
    """(own arguments, Config) of a command line.

    Args:
      add_arguments: called with the ArgumentParser. mode: of main.py, for which the configuration is made.
      flags_of: own arguments -> those that are flags of main.py as well, as words.
    """
    parser = arguments.Parser(description=description, epilog=EPILOG)
    add_arguments(parser)
    args, rest = parser.parse_known_args(argv)
    return args, _config(['--mode=' + mode] + flags_of(args) + rest)


def _config(words):
    values = absl_flags.FLAGS
    if 'preset' not in values:
        flags.define_flags()
    values.unparse_flags()
    for name in values:
        values[name].unparse()  # what an earlier call in this process gave
    flags.refuse_positional(flags.read(['command'] + words, values)[1:])
    return flags.make_config(values)
