"""A strict stand-in for CANN's TensorFlow adapter, on CPU and either TensorFlow: the signatures that the project uses, what the real one
refuses, and sunk loops. Where the real adapter would end the process, `Abort` is raised.
"""


class Abort(BaseException):
    """The real adapter would have ended the process here (LOG(FATAL))."""
