"""The forms of TensorFlow Serving's REST API: paths, requests as arrays, arrays as answers. Nothing here runs a model."""
import collections
import re
from urllib.parse import unquote

import numpy as np

from tools.serving import json_text, limits, tensors
from tools.serving.errors import invalid

PREFIX = re.compile(r'/v1/.*', re.IGNORECASE | re.DOTALL)
_SERVABLE = r'(?:/versions/(\d+)|/labels/([^/:]+))?'
_POST = re.compile(r'/v1/models/([^/:]+)%s:(classify|regress|predict)' % _SERVABLE, re.IGNORECASE | re.ASCII)
_GET = re.compile(r'/v1/models(?:/([^/:]+))?%s(?:/(metadata))?' % _SERVABLE, re.IGNORECASE | re.ASCII)
_MAX_VERSION = 2 ** 63 - 1
DEFAULT_SIGNATURE = 'serving_default'

# What a request is for: name, version (None: the latest), label, and action: predict, classify, regress, status or metadata.
Target = collections.namedtuple('Target', 'name version label action')
# inputs: {name: array}; by_rows: whether it came as `instances`.
Query = collections.namedtuple('Query', 'signature inputs by_rows')


def target(method, path):
    """The Target of a method and a path as it was sent; ApiError for others."""
    found = {'POST': _POST, 'GET': _GET}[method].fullmatch(path) if method in ('POST', 'GET') else None
    if not found:
        raise invalid('Malformed request: %s %s', method, path)
    name, version, label, action = found.groups()
    if name is None:
        raise invalid('Missing model name in request.')
    if version is not None and (len(version) > 19 or int(version) > _MAX_VERSION):
        raise invalid('Failed to convert version: %s to numeric.', version)
    return Target(unquote(name), None if version is None else int(version), label and unquote(label),
                  'status' if method == 'GET' and action is None else action.lower())


def query(body, signatures, bounds=limits.DEFAULT):
    """The Query of the bytes of a request. signatures: {name: saved_models.Signature}. bounds: limits.Limits."""
    document = json_text.read_object(body, bounds.max_numbers)
    name = document.get('signature_name', '')
    if not isinstance(name, str):
        raise invalid("JSON Value: %s not formatted correctly. 'signature_name' key must be a string value.", json_text.beginning(document))
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid('Serving signature name: "%s" not found in signature def', name)
    inputs = signatures[name].inputs
    by_rows = 'instances' in document
    if by_rows and 'inputs' in document:
        raise invalid("JSON Value: %s Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
                      json_text.beginning(document))
    if not by_rows and 'inputs' not in document:
        raise invalid("Missing 'inputs' or 'instances' key")
    limits.check_pictures(_count(document['instances' if by_rows else 'inputs'], by_rows), bounds)
    arrays = _from_rows(document, inputs) if by_rows else _from_columns(document['inputs'], inputs)
    for key, array in arrays.items():
        _check_shape(key, array, inputs[key].shape)
    return Query(name, arrays, by_rows)


def _count(value, by_rows):
    """How many entries `instances`, or the longest of `inputs`, has."""
    columns = value.values() if not by_rows and _is_named(value) else [value]
    return max([len(column) for column in columns if isinstance(column, list)] + [0])


def _from_rows(document, inputs):
    """{input: array} of `instances`: a list of values of the only input, or of objects with the names of all of them."""
    rows = document['instances']
    if not isinstance(rows, list):
        raise invalid("JSON Value: %s Excepting 'instances' to be an list/array", json_text.beginning(document))
    if not rows:
        raise invalid("JSON Value: %s No values in 'instances' array", json_text.beginning(document))
    named = _is_named(rows[0])
    if not named and len(inputs) > 1:
        raise invalid('instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map')
    columns = collections.defaultdict(list)
    for number, row in enumerate(rows):
        if _is_named(row) != named:
            raise invalid('Expecting %s at item %s of input list', 'object but got list' if named else 'value/list but got object', number)
        for key, value in (row if named else {next(iter(inputs)): row}).items():
            columns[key].append(_row(key, value, inputs, number, columns))
        if named and set(row) != set(inputs):
            raise invalid("Failed to process element: %s of 'instances' list. JSON object: %s keys must be equal to: %s", number,
                          json_text.beginning(row), ','.join(sorted(inputs)))
    return {key: np.stack(arrays) for key, arrays in columns.items()}


def _is_named(value):
    return isinstance(value, dict) and not tensors.is_bytes(value)


def _row(key, value, inputs, number, columns):
    """The array of a row's input, of the same shape as those before it."""
    if key not in inputs:
        raise invalid("Failed to process element: %s key: %s of 'instances' list. Error: JSON object: does not have named input: %s; it has: %s",
                      number, key, key, ', '.join(sorted(inputs)))
    array = tensors.to_array(value, inputs[key].dtype)
    if columns[key] and columns[key][0].shape != array.shape:
        raise invalid("Failed to process element: %s key: %s of 'instances' list. Error: Expecting shape %s but got: %s", number, key,
                      list(columns[key][0].shape), list(array.shape))
    return array


def _from_columns(value, inputs):
    """{input: array} of `inputs`: the value of the only input, or an object with the names of all of them."""
    if not _is_named(value):
        if len(inputs) > 1:
            raise invalid('inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map')
        value = {next(iter(inputs)): value}
    missing = sorted(set(inputs) - set(value))
    if missing:
        raise invalid("Missing named input: %s in 'inputs' object.", missing[0])
    return {key: tensors.to_array(value[key], spec.dtype) for key, spec in inputs.items()}


def _check_shape(key, array, shape):
    """Raise ApiError where the graph would not take an array. shape: its sides, None where any will do; None altogether if unknown."""
    if shape is None:
        return
    if len(shape) != array.ndim or any(side not in (None, given) for side, given in zip(shape, array.shape)):
        raise invalid('Input %s must have the shape %s, and has %s.', key, [-1 if side is None else side for side in shape], list(array.shape))


def answer(outputs, by_rows):
    """The JSON of {name: array}, as TensorFlow Serving answers a request by rows or by columns."""
    values = {name: tensors.to_values(array, name) for name, array in sorted(outputs.items())}
    if not by_rows:
        return json_text.write({'outputs': values if len(values) > 1 else next(iter(values.values()))})
    sizes = {name: len(value) if isinstance(value, list) else None for name, value in values.items()}
    if len(set(sizes.values())) != 1 or None in sizes.values():
        raise invalid('The outputs are not one of each for an instance (%s): ask by columns, with the key "inputs".',
                      ', '.join('%s: %s' % item for item in sizes.items()))
    if len(values) == 1:
        return json_text.write({'predictions': next(iter(values.values()))})
    return json_text.write({'predictions': [dict(zip(values, row)) for row in zip(*values.values())]})


def status(versions):
    """The JSON of a model's status. versions: (number, state, error) of each; the error is '' where there is none."""
    return json_text.write({'model_version_status': [
        {'version': str(number), 'state': state, 'status': {'error_code': 'UNKNOWN' if error else 'OK', 'error_message': error}}
        for number, state, error in versions]})


def metadata(name, version, signatures):
    """The JSON of a model's metadata. signatures: {name: SignatureDef as a dict}."""
    return json_text.write({'model_spec': {'name': name, 'signature_name': '', 'version': str(version)},
                            'metadata': {'signature_def': {'signature_def': signatures}}})
