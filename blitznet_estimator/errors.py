"""The one exception whose text is written for the user."""


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where (file, record, flag) and what to do.

    `main.py` and the tools print it as one sentence, without a traceback, and exit with 2.
    """
