"""By which names the server may be called, where it serves its own machine alone.

A browser there is such a caller, whatever site it shows. A site that points its own name at 127.0.0.1, which is called DNS rebinding, could
read every answer. Its name is in the request's header Host, and is refused.
"""
import ipaddress
import re

from tools.serving.errors import ApiError, shortened

LOCAL = 'localhost', '127.0.0.1', '::1'
_ABSOLUTE = re.compile(r'[a-z][a-z0-9+.-]*://([^/?#]*)', re.IGNORECASE)  # the form in which a proxy is asked, which a server has to take, too


def is_loopback(host):
    """Whether what listens at a host serves its own machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def allowed(host, names=()):
    """The names by which a server at a host may be called; None = any, as it is for those that others reach. names: further ones."""
    return {name_of(name) for name in LOCAL + (host,) + tuple(names)} if names or is_loopback(host) else None


def parted(uri):
    """(host and port, or None where there are none; the rest) of the address in a request's first line."""
    found = _ABSOLUTE.match(uri)
    return (found.group(1), uri[found.end():] or '/') if found else (None, uri)


def name_of(host):
    """A host without its port, in small letters."""
    host = host.rsplit('@', 1)[-1].strip().lower()
    if host.startswith('['):
        return host[1:].split(']')[0]
    return (host if host.count(':') > 1 else host.split(':')[0]).rstrip('.')


def check(host, names):
    """Raise ApiError for a request by another name than `allowed` gives. host: of the request; None where it tells none, as no browser does."""
    if names is not None and host is not None and name_of(host) not in names:
        raise ApiError('PERMISSION_DENIED', 'Host: %s is no name of this server. --allowed_hosts gives it more names.' % shortened(host))
