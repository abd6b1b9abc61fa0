"""TensorFlow Serving's REST API: what its own http_rest_api_handler_test.cc asks and is answered, and the forms beside those."""
import json
import threading

import pytest

pytest.importorskip('flask')
pytest.importorskip('prometheus_client')
from tools.serving.app import create_app  # noqa: E402
from tools.serving.service import Service  # noqa: E402

NAME = 'saved_model_half_plus_two_2_versions'
PREDICT = '/v1/models/%s:predict' % NAME


def serve(name, folder, **options):
    """A Service of a model, and a client of its application."""
    service = Service(name, folder, **dict(dict(max_batch=4, batch_wait_s=0, max_queue=10, timeout_s=60), **options))
    service.versions.refresh()
    return service, create_app(service).test_client()


@pytest.fixture(scope='module', name='client')
def client_of_half_plus_two(half_plus_two):
    service, client = serve(NAME, half_plus_two)
    yield client
    service.close()


@pytest.fixture(scope='module', name='asked')
def client_of_several_signatures(several):
    service, client = serve('m', several)
    yield client
    service.close()


@pytest.mark.parametrize('method, path, code, message', [
    ('GET', '/v1/foo', 400, 'Malformed request: GET /v1/foo'), ('POST', '/v1/foo', 400, 'Malformed request: POST /v1/foo'),
    ('GET', '/v1/models', 400, 'Missing model name in request.'), ('POST', '/v1/models', 400, 'Malformed request: POST /v1/models'),
    ('GET', '/v1/models/foo:predict', 400, 'Malformed request'), ('GET', '/v1/models/foo/version/50:predict', 400, 'Malformed request'),
    ('POST', '/v1/models/foo/version/50:regress', 400, 'Malformed request'), ('POST', '/v1/models/foo/metadata', 400, 'Malformed request'),
    ('POST', '/v1/models/foo/versions/HELLO:regress', 400, 'Malformed request'), ('DELETE', '/v1/models/foo', 400, 'Malformed request: DELETE'),
    ('POST', '/v1/models/foo/versions/18446744073709551615:regress', 400, 'Failed to convert version: 18446744073709551615 to numeric.'),
    ('POST', '/v1/models/foo:predict', 404, 'Servable not found for request: Latest(foo)'),
    ('POST', '/v1/models/foo/versions/50:predict', 404, 'Servable not found for request: Specific(foo, 50)'),
    ('POST', '/v1/models/%s/versions/99:predict' % NAME, 404, 'Servable not found for request: Specific(%s, 99)' % NAME),
    ('POST', '/v1/models/%s/labels/stable:predict' % NAME, 400, 'Unrecognized servable version label: stable'),
    ('GET', '/v1/models/foo', 404, 'Could not find any versions of model foo'),
    ('GET', '/v1/models/%s/versions/9' % NAME, 404, 'Could not find version 9 of model %s' % NAME),
    ('GET', '/v1/models/%s/labels/stable' % NAME, 400, 'Unrecognized servable version label: stable'),
    ('GET', '/v1/models/foo/metadata', 404, 'Servable not found for request: Latest(foo)'),
    ('POST', '/v1/models/foo:classify', 404, 'Servable not found for request: Latest(foo)'),
    ('POST', '/v1/models/%s/versions/99:regress' % NAME, 404, 'Servable not found for request: Specific(%s, 99)' % NAME),
    ('POST', '/v1/models/%s/labels/stable:classify' % NAME, 400, 'Unrecognized servable version label: stable'),
    ('POST', '/v1/models/%s:classify' % NAME, 400,
     'Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/predict'),
    ('POST', '/v1/models/%s:regress' % NAME, 400,
     'Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/predict')])
def test_paths_that_are_refused(client, method, path, code, message):
    answer = client.open(path, method=method, data='{"instances": [1]}')
    assert answer.status_code == code and answer.content_type == 'application/json'
    assert list(answer.json) == ['error'] and message in answer.json['error']


@pytest.mark.parametrize('form', ['%s', '%s/metadata', '%s/versions/1', '%s:predict', '%s/versions/7:predict', '%s:classify', '%s/labels/x', '%s:x'])
def test_no_long_name_is_sent_back_whole(client, form):
    path = '/v1/models/' + form % ('x' * 60000)
    for method in ('GET', 'POST'):
        answer = client.open(path, method=method, data='{}')
        assert answer.status_code in (400, 404) and len(answer.data) < 400


def test_a_signature_without_a_name_for_classification(asked):
    answer = asked.post('/v1/models/m:classify')
    assert answer.status_code == 400 and answer.json == {'error': 'No signature was found with the name: serving_default'}


@pytest.mark.parametrize('body, message', [
    ('', 'JSON Parse error: The document is empty'), ('instances = [1, 2]', 'JSON Parse error: Invalid value'),
    ('{"instances": ["x", 2]}', "Type: String is not of expected type: float"), ('{"inputs": null}', 'Type: Null is not of expected type: float'),
    ('{}', "Missing 'inputs' or 'instances' key"), ('{"instances": [1], "inputs": [1]}', "only one of 'inputs' or 'instances' keys to exist"),
    ('{"instances": 1}', "'instances' to be an list/array"), ('{"instances": null}', "'instances' to be an list/array"),
    ('{"instances": []}', "No values in 'instances' array"), ('{"signature_name": 5, "instances": [1]}', "key must be a string value."),
    ('{"signature_name": "x", "instances": [1]}', 'Serving signature name: "x" not found in signature def'),
    ('{"instances": [{"y": 1}]}', 'does not have named input: y'), ('{"instances": [{"x": 1}, 2]}', 'Expecting object but got list at item 1'),
    ('{"instances": [1, {"x": 2}]}', 'Expecting value/list but got object at item 1'), ('{"instances": [{}]}', 'keys must be equal to: x'),
    ('{"instances": [[1], [1, 2]]}', 'Expecting shape [1] but got: [2]'), ('{"inputs": {"y": [1]}}', "Missing named input: x in 'inputs' object.")])
def test_bodies_that_are_refused(client, body, message):
    answer = client.post(PREDICT, data=body)
    assert answer.status_code == 400 and message in answer.json['error']


@pytest.mark.parametrize('path, body, expected', [
    (PREDICT, '{"instances": [[1.0, 2.0], [3.0, 4.0]]}', {'predictions': [[2.5, 3.0], [3.5, 4.0]]}),
    ('/v1/models/%s/versions/123:predict' % NAME, '{"instances": [1.0, 2.0]}', {'predictions': [2.5, 3.0]}),
    (PREDICT, '{"signature_name": "serving_default", "instances": [3.0, 4.0]}', {'predictions': [3.5, 4.0]}),
    (PREDICT, '{"signature_name": "serving_default", "inputs": [3.0, 4.0]}', {'outputs': [3.5, 4.0]}),
    (PREDICT, '{"instances": [{"x": 1}, {"x": 2}]}', {'predictions': [2.5, 3.0]}), (PREDICT, '{"inputs": {"x": 1, "other": 2}}', {'outputs': 2.5}),
    (PREDICT.replace('/v1/models', '/V1/Models').replace(':predict', ':PREDICT'), '{"inputs": []}', {'outputs': []}),
    (PREDICT.replace('saved', '%73aved') + '?query=1', '{"instances": [1]} rest', {'predictions': [2.5]})])
def test_predictions(client, path, body, expected):
    answer = client.post(path, data=body, content_type='text/plain')  # the type of the body is not looked at
    assert (answer.status_code, answer.json, answer.content_type) == (200, expected, 'application/json')


@pytest.mark.parametrize('path', ['/v1/models/' + NAME, '/v1/models/%s/versions/123' % NAME])
def test_status(client, path):
    assert client.get(path).json == {'model_version_status': [
        {'version': '123', 'state': 'AVAILABLE', 'status': {'error_code': 'OK', 'error_message': ''}}]}


def test_status_in_the_protos_of_tensorflow_serving(client):
    protos = pytest.importorskip('tensorflow_serving.apis.get_model_status_pb2')
    from google.protobuf import json_format
    parsed = json_format.Parse(client.get('/v1/models/' + NAME).data, protos.GetModelStatusResponse())
    assert parsed.model_version_status[0].version == 123 and parsed.model_version_status[0].state == 30  # AVAILABLE


def test_metadata(client):
    found = client.get('/v1/models/%s/metadata' % NAME).json
    assert found['model_spec'] == {'name': NAME, 'signature_name': '', 'version': '123'}
    signature = found['metadata']['signature_def']['signature_def']['serving_default']
    assert signature['inputs'] == {'x': {'dtype': 'DT_FLOAT', 'tensor_shape': {'dim': [], 'unknown_rank': True}, 'name': 'x:0'}}
    assert signature['method_name'] == 'tensorflow/serving/predict' and list(signature['outputs']) == ['y']


def ask(client, signature, **body):
    return client.post('/v1/models/m:predict', data=json.dumps(dict(body, signature_name=signature)))


def test_several_inputs_and_outputs_by_rows_and_by_columns(asked):
    rows = [{'count': [1, 2], 'truth': True}, {'count': [3, 4], 'truth': False}]
    assert ask(asked, 'two_inputs', instances=rows).json == {'predictions': [{'count': [2, 4], 'truth': False}, {'count': [6, 8], 'truth': True}]}
    columns = {'count': [[1, 2], [3, 4]], 'truth': [True, False]}
    assert ask(asked, 'two_inputs', inputs=columns).json == {'outputs': {'count': [[2, 4], [6, 8]], 'truth': [False, True]}}


def test_strings_and_bytes(asked):
    expected = [{'text': 'é', 'text_bytes': {'b64': 'w6n/'}}]
    for value in ('é', {'b64': 'w6k='}, {'text': 'é'}, {'text': {'b64': 'w6k='}}):
        assert ask(asked, 'strings', instances=[value]).json == {'predictions': expected}
    assert ask(asked, 'strings', inputs={'text': ['é']}).json == {'outputs': {'text': ['é'], 'text_bytes': [{'b64': 'w6n/'}]}}


@pytest.mark.parametrize('signature, body, message', [
    ('two_inputs', {'instances': [1]}, 'instances is a plain list, but expecting list of objects'),
    ('two_inputs', {'inputs': [1]}, 'inputs is a plain value/list, but expecting an object'),
    ('two_inputs', {'inputs': {'count': [[1, 2]]}}, 'Missing named input: truth'),
    ('two_inputs', {'inputs': {'count': [[1, 2, 3]], 'truth': [True]}}, 'Input count must have the shape [-1, 2], and has [1, 3].'),
    ('strings', {'inputs': 'text'}, 'Input text must have the shape [-1], and has [].'),
    ('unequal', {'instances': [1, 2]}, 'not one of each for an instance (all: None, number: 2)'),
    ('root', {'instances': [-1]}, 'The model cannot take these inputs')])
def test_requests_that_a_signature_does_not_take(asked, signature, body, message):
    answer = ask(asked, signature, **body)
    assert answer.status_code == 400 and message in answer.json['error']


def test_answers_of_unequal_sizes_come_by_columns(asked):
    assert ask(asked, 'unequal', inputs=[1, 2]).json == {'outputs': {'all': 3.0, 'number': [1.0, 2.0]}}


def test_paths_outside_of_the_api(client):
    assert [client.get(path).status_code for path in ('/healthz', '/readyz', '/metrics', '/monitoring/prometheus/metrics')] == [200] * 4
    nothing = client.get('/statuspage')
    assert nothing.status_code == 404 and nothing.content_type.startswith('text/plain') and client.post('/healthz').status_code == 405


def test_what_is_counted(asked):
    def count():
        lines = asked.get('/metrics').text.splitlines()
        return {line.rsplit(' ', 1)[0]: float(line.rsplit(' ', 1)[1]) for line in lines if line.startswith('blitznet')}
    before = count()
    ask(asked, 'root', instances=[1, 4, 9])
    ask(asked, 'root', instances=['x'])
    after = count()
    grown = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    assert grown['blitznet_requests_total{action="predict",code="200"}'] == 1 and grown['blitznet_requests_total{action="predict",code="400"}'] == 1
    assert grown['blitznet_batch_rows_sum'] == 3 and grown['blitznet_request_seconds_count'] == 1
    assert after['blitznet_queue_limit'] == 10 and after['blitznet_queue_length'] == 0 and after['blitznet_version'] == 1


def test_one_that_takes_too_long_is_told_so(several):
    service, client = serve('m', several, batch_wait_s=10, timeout_s=.05)
    answer = ask(client, 'root', instances=[1])
    assert answer.status_code == 504 and 'no answer after 0.05 s' in answer.json['error'] and len(service.batcher) == 0
    service.close()


def test_a_full_queue_is_a_503_that_says_when_to_come_back_before_the_body_is_read(several):
    service, client = serve('m', several, batch_wait_s=60, max_queue=1)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(ask(client, 'root', instances=[4])))
    waiting.start()
    while not len(service.batcher):
        pass
    other = create_app(service).test_client()  # it must live as long as its answers
    answer = other.post('/v1/models/m:predict', data='no JSON')
    assert answer.status_code == 503 and answer.headers['Retry-After'] == '1' and 'queue is full' in answer.json['error']
    service.close()
    waiting.join()
    assert answers[0].json == {'predictions': [2.0]}


def test_a_server_that_ends_is_not_ready_but_answers(several):
    service, client = serve('m', several)
    service.draining = True
    assert client.get('/readyz').status_code == 503 and client.get('/healthz').status_code == 200
    assert ask(client, 'root', instances=[4]).status_code == 200
    service.close()
    assert client.get('/readyz').status_code == 503 and ask(client, 'root', instances=[4]).status_code == 503


def test_what_nobody_foresaw_is_told_without_a_stack(several, monkeypatch):
    service, client = serve('m', several)
    monkeypatch.setattr(service.versions, 'take', None)
    answer = ask(client, 'root', instances=[4])
    assert answer.status_code == 500 and answer.json == {'error': 'The server failed. Its log says why.'}
    service.close()
