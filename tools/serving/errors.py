"""What a client is told when it gets no prediction: a status of TensorFlow's, with the HTTP code that TensorFlow Serving gives it."""
from blitznet_estimator.logs import log

HTTP_CODES = {'CANCELLED': 499, 'INVALID_ARGUMENT': 400, 'FAILED_PRECONDITION': 400, 'OUT_OF_RANGE': 400, 'NOT_FOUND': 404,
              'DEADLINE_EXCEEDED': 504, 'ALREADY_EXISTS': 409, 'ABORTED': 409, 'PERMISSION_DENIED': 403, 'UNAUTHENTICATED': 401,
              'RESOURCE_EXHAUSTED': 429, 'UNAVAILABLE': 503, 'UNIMPLEMENTED': 501}  # all others: 500
SHOWN = 200  # characters of what a client sent that are sent back to it


class ApiError(Exception):
    """An answer that is no prediction. Its text is for the client: no path of this machine, no operation of a graph, no stack.

    status: a name of HTTP_CODES. code: the HTTP code, where it is none of that status.
    headers: {name: value} of the answer.
    """

    def __init__(self, status, message, code=None, headers=None):
        super().__init__(message)
        self.code = code or HTTP_CODES.get(status, 500)
        self.headers = dict(headers or {})


def invalid(message, *values):
    """The ApiError of a request that is wrong. Each value is cut to SHOWN characters."""
    return ApiError('INVALID_ARGUMENT', message % tuple(shortened(value) for value in values))


def not_found(message, *values):
    """As `invalid`, of something that is not there."""
    return ApiError('NOT_FOUND', message % tuple(shortened(value) for value in values))


def out_of_memory(error):
    """The ApiError of a request that memory does not suffice for. What ran out of it goes to the log."""
    log.error('There is not enough memory: %s', error)
    return ApiError('RESOURCE_EXHAUSTED', 'There is not enough memory for this request: send fewer or smaller pictures.')


def shortened(value):
    """A value as text of at most SHOWN characters."""
    text = str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + '...'
