"""The routes: TensorFlow Serving's REST API under /v1/, what an operator asks for beside it, and the web page."""
import flask
import werkzeug.exceptions

from blitznet_estimator.logs import log
from tools.serving import hosts, json_text, limits, page, rest
from tools.serving.errors import ApiError, out_of_memory

UNFORESEEN = 'The server failed. Its log says why.'


def create_app(service, samples=(), names=None):
    """The WSGI application of a `service.Service`.

    samples: JPEG bytes of pictures that its page offers to try. names: by which it may be called, as `hosts.allowed` gives them; None = any.
    """
    app = flask.Flask('blitznet', static_folder=None, template_folder=None)
    app.before_request(lambda: _refused(names))
    app.before_request(lambda: _api(service))
    app.register_error_handler(werkzeug.exceptions.HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)
    app.after_request(_with_safe_headers)
    app.add_url_rule('/healthz', 'healthz', lambda: _plain('ok'))
    app.add_url_rule('/readyz', 'readyz', lambda: _plain('ok') if service.is_ready else _plain('not ready', 503))
    for number, path in enumerate(('/metrics', '/monitoring/prometheus/metrics')):  # the second is TensorFlow Serving's
        app.add_url_rule(path, 'metrics%d' % number, lambda: _metrics(service))
    page.add_routes(app, service, samples)
    return app


def _refused(names):
    """The answer to a request by a name that is not the server's; None for others."""
    try:
        hosts.check(_address()[0] or flask.request.environ.get('HTTP_HOST'), names)
    except ApiError as error:
        return _error(error.code, str(error))


def _address():
    """(host and port, or None; path and query) of a request's first line, as they were sent."""
    return hosts.parted(flask.request.environ.get('REQUEST_URI', flask.request.path))


def _api(service):
    """The answer to a request under /v1/; None for all others, which have routes."""
    path = _address()[1].split('?')[0]
    if not rest.PREFIX.fullmatch(path):
        return None
    action = 'none'
    try:
        target = rest.target(flask.request.method, path)
        action = target.action
        answer = _answer(service, target)
    except ApiError as error:
        answer = _error(error.code, str(error), error.headers)
    except werkzeug.exceptions.HTTPException as error:
        answer = _error(error.code, error.description)
    except MemoryError as error:
        told = out_of_memory(error)
        answer = _error(told.code, str(told))
    except Exception as error:
        answer = _unforeseen(error)
    service.metrics.requests.labels(action, str(answer.status_code)).inc()
    return answer


def _answer(service, target):
    """The answer to a request for a Target."""
    if target.action == 'status':
        return _json(service.status(target))
    if target.action == 'metadata':
        return _json(service.metadata(target))
    if target.action != 'predict':
        service.refuse(target)
    limits.check_headers(flask.request.headers.get('Content-Encoding', ''), flask.request.content_length, service.bounds)
    found = service.predict(target, lambda: flask.request.get_data(cache=False))
    return _json(found.text, headers={'Server-Timing': ', '.join('%s;dur=%.1f' % (name, 1000 * seconds) for name, seconds in found.seconds.items())})


def _json(text, code=200, headers=None):
    return flask.Response(text, code, headers, mimetype='application/json')


def _error(code, message, headers=None):
    return _json(json_text.write({'error': message}), code, headers)


def _http_error(error):
    """A bare answer outside of the API: an unknown path, or a method that a path does not have."""
    return _plain('%d %s' % (error.code, error.name), error.code)


def _unforeseen(error):
    log.error('A request failed', exc_info=error)
    return _error(500, UNFORESEEN)


def _metrics(service):
    text, content_type = service.metrics.text()
    return flask.Response(text, content_type=content_type)


def _plain(text, code=200):
    return flask.Response(text + '\n', code, mimetype='text/plain')


def _with_safe_headers(response):
    """No browser takes an answer for a page of another kind, or keeps it."""
    response.headers['X-Content-Type-Options'] = 'nosniff'
    response.headers.setdefault('Cache-Control', 'no-store')
    return response
