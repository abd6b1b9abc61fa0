import pytest

from tools.serving import hosts
from tools.serving.errors import ApiError


@pytest.mark.parametrize('host, expected', [('127.0.0.1', True), ('::1', True), ('localhost', True), ('127.0.1.1', True), ('0.0.0.0', False),
                                            ('::', False), ('10.0.0.1', False), ('server', False)])
def test_what_only_its_own_machine_reaches(host, expected):
    assert hosts.is_loopback(host) == expected


@pytest.mark.parametrize('host', ['localhost', 'LOCALHOST:8501', '127.0.0.1:8501', '[::1]:8501', '::1', 'localhost.', 'proxy.example:80', None])
def test_own_names(host):
    names = hosts.allowed('127.0.0.1', ['proxy.example'])
    hosts.check(host, names)
    assert host is None or hosts.name_of(host) in names


@pytest.mark.parametrize('host', ['rebound.example', 'rebound.example:8501', 'localhost.example', '127.0.0.1.example', '', '[::2]', '0.0.0.0',
                                  'localhost@rebound.example', 'x' * 60000])
def test_other_names(host):
    with pytest.raises(ApiError, match='is no name of this server') as error:
        hosts.check(host, hosts.allowed('127.0.0.1'))
    assert error.value.code == 403 and len(str(error.value)) < 400


def test_a_server_that_others_reach_is_called_by_any_name_unless_some_are_given():
    assert hosts.allowed('0.0.0.0') is None
    hosts.check('anything', None)
    with pytest.raises(ApiError):
        hosts.check('anything', hosts.allowed('0.0.0.0', ['server.example']))


@pytest.mark.parametrize('uri, expected', [('/v1/models', (None, '/v1/models')), ('http://a:1/v1/models?x=1', ('a:1', '/v1/models?x=1')),
                                           ('HTTP://a', ('a', '/')), ('//a/b', (None, '//a/b')), ('/x?u=http://a/', (None, '/x?u=http://a/'))])
def test_the_two_forms_of_an_address(uri, expected):
    assert hosts.parted(uri) == expected
