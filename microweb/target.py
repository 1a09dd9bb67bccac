"""The target of a request (RFC 9112 section 3.2) where a server hands it over as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Context
from .request import decoded

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def taken_path(context: Context, path: str) -> str:
    """Return the path of a request, which is another one where a whole URL stood in its place.

    :param context: The context of the request; it forgets what it has made of the old one.
    :param path: The path as it came, decoded.
    """
    environ = context.environ or {}
    if path[:1] == "/" or not take_path(environ):
        return path
    context.forget_target()
    return decoded(environ["PATH_INFO"])


def take_path(environ: WSGIEnvironment) -> bool:
    """Make a path of what stands in its place: a whole URL, or nothing.

    Proxies are sent whole URLs, and any server must take them (RFC 9112 section 3.2.2). uWSGI and
    wsgiref put them into ``PATH_INFO``. The host of the URL counts then, and not that of the
    header.

    :param environ: The WSGI environ, whose path begins with something else than a slash.
    :returns: Whether it is another one now.

    >>> environ = {"PATH_INFO": "http://example.com/users", "HTTP_HOST": "localhost"}
    >>> take_path(environ), environ
    (True, {'PATH_INFO': '/users', 'HTTP_HOST': 'example.com'})
    """
    target = environ.get("PATH_INFO") or ""
    scheme, found, rest = target.partition("://")
    if found and scheme.lower() in ("http", "https"):
        host, slash, path = rest.partition("/")
        environ["PATH_INFO"] = slash + path or "/"
        environ["HTTP_HOST"] = host.rpartition("@")[2]
        return True
    if not target and not environ.get("SCRIPT_NAME"):
        environ["PATH_INFO"] = "/"
        return True
    return False
