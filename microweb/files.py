"""Files as responses: `send_file`, and folders that are served under a URL.

Werkzeug answers for a file the first time. While the file stays as it was, it is answered for by
what that answer has taught: the headers again, with another date, and the bytes in one piece.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from stat import S_ISREG
from time import time
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import werkzeug.utils
from werkzeug.exceptions import NotFound
from werkzeug.http import http_date, parse_date
from werkzeug.security import safe_join

from .bounded import Bounded
from .response import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: Up to this size a file is read at once; a larger one is streamed.
AT_ONCE = 65_536

#: How many files are remembered, in each process.
REMEMBERED = 1024


def send_file(
    path_or_file: str | os.PathLike[str] | IO[bytes],
    environ: WSGIEnvironment,
    *,
    root_path: str,
    **options: Any,
) -> Response:
    """Return a response with a file.

    :param root_path: The folder that a relative path starts from.
    :param options: Those of :func:`microweb.send_file`, `use_x_sendfile` (True, or the mapping of
        `X_ACCEL_MAPPING`) and `response_class`.
    """
    if isinstance(path_or_file, (str, os.PathLike)):
        path = os.path.join(root_path, path_or_file)
        return _send_again(path, environ, options) or _send_path(path, environ, options)
    return _send(path_or_file, environ, options)


def send_from_directory(
    directory: str | os.PathLike[str],
    path: str | os.PathLike[str],
    environ: WSGIEnvironment,
    *,
    root_path: str,
    debug: bool = False,
    **options: Any,
) -> Response:
    """Return a file from below a folder.

    :param directory: The folder; relative to `root_path`.
    :param path: The file in it, as it came from the URL.
    :param debug: Say in the error which file was looked for.
    :raises NotFound: where there is no such file, or `path` leads out of the folder.
    """
    path = os.fspath(path)
    # What a client makes longer than any name of a file is not worth the memory.
    join = _join_again if len(path) < 256 else _join
    found = join(root_path, os.fspath(directory), path)
    if found is None:
        raise NotFound()
    response = _send_again(found, environ, options)
    if response is None:
        if not os.path.isfile(found):
            raise NotFound(f"There is no file {found!r}." if debug else None)
        response = _send_path(found, environ, options)
    return response


def _join(root_path: str, directory: str, path: str) -> str | None:
    """Return the path of a file below a folder; None where it would be outside."""
    found = safe_join(directory, path)
    return None if found is None else os.path.join(root_path, found)


#: The same for the names that came last (0.2 µs against 5).
_join_again = lru_cache(REMEMBERED)(_join)


def _send(
    path_or_file: str | os.PathLike[str] | IO[bytes],
    environ: WSGIEnvironment,
    options: dict[str, Any],
) -> Response:
    # A path is joined already.
    response: Any = werkzeug.utils.send_file(path_or_file, environ, _root_path="", **options)
    response.standalone_body = True
    return response  # type: ignore[no-any-return]  # of the response class that was given


# --- what is remembered of a file


class _Known(NamedTuple):
    """What a file was sent with, and what must be the same for that to hold again.

    :ivar headers: All of them, with the entity's, in the order in which they are sent.
    :ivar date: Where the date is among them.
    :ivar expires: Where the end of `max_age` is among them; None where there is none.
    """

    modified: float
    size: int
    max_age: int | None
    etag: str
    last_modified: str
    headers: list[tuple[str, str]]
    date: int
    expires: int | None


_known: Bounded[tuple[Any, ...], _Known] = Bounded(REMEMBERED)


def _key(path: str, environ: WSGIEnvironment, options: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return what a file is remembered by; None where Werkzeug is to answer anyway.

    That is for a part of the file, for rare conditions, and where the application decides more
    than the name and the type.
    """
    option = options.get
    if (
        environ["REQUEST_METHOD"] not in _READING
        or "HTTP_RANGE" in environ
        or "HTTP_IF_MATCH" in environ
        or options["response_class"] is not Response
        or option("use_x_sendfile")
        or option("conditional", True) is not True
        or option("etag", True) is not True
        or option("last_modified") is not None
    ):
        return None
    return path, option("mimetype"), option("as_attachment", False), option("download_name")


_READING = "GET", "HEAD"


def _send_path(path: str, environ: WSGIEnvironment, options: dict[str, Any]) -> Response:
    """Let Werkzeug answer, and remember the answer."""
    mapping = options["use_x_sendfile"]
    if isinstance(mapping, Mapping):
        return _send_through_nginx(path, environ, options, mapping)
    key = _key(path, environ, options)
    if key is None:
        return _send(path, environ, options)
    before = os.stat(path)
    max_age = _ask_max_age(path, options)
    response = _send(path, environ, options)
    after = os.stat(path)
    state = before.st_mtime, before.st_size
    if state == (after.st_mtime, after.st_size) and response.status_code in (200, 304):
        known = _learned(response, *state, max_age)
        if known is not None:
            _known[key] = known
    return response


def _send_through_nginx(
    path: str, environ: WSGIEnvironment, options: dict[str, Any], mapping: Mapping[str, str]
) -> Response:
    """Let nginx send a file that it has in an internal location; others are sent as ever."""
    location = internal_location(path, mapping)
    if location is not None:
        response = _send(path, environ, options)
        # nginx forgets this header on the way, and what is compressed would be sent as plain.
        if "Content-Encoding" not in response.headers:
            # A 304 has lost it.
            if response.headers.pop("X-Sendfile", None) is not None:
                response.headers["X-Accel-Redirect"] = location
            return response
    options["use_x_sendfile"] = False
    return _send_again(path, environ, options) or _send_path(path, environ, options)


def internal_location(path: str, mapping: Mapping[str, str]) -> str | None:
    """Return the URI that nginx knows a file by, or None where it is in none of the folders.

    :param path: The file.
    :param mapping: The prefix of the URI by folder; the longest folder counts.

    >>> internal_location("/srv/shop/bills/7 a.pdf", {"/srv/shop/bills": "/internal/bills"})
    '/internal/bills/7%20a.pdf'
    """
    path = os.path.abspath(path)
    for folder in sorted(mapping, key=len, reverse=True):
        prefix = os.path.join(os.path.abspath(folder), "")
        if path.startswith(prefix):
            return f"{mapping[folder].rstrip('/')}/{quote(os.fsencode(path[len(prefix) :]))}"
    return None


def _learned(response: Response, modified: float, size: int, max_age: int | None) -> _Known | None:
    headers = list(response.headers)
    names = [name for name, _ in headers]
    etag, last_modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    if (
        etag is None
        or parse_date(last_modified) is None
        or "Date" not in names
        # A response looks at its headers each time for what must not be sent; these are not looked
        # at again.
        or not all(value.isascii() and value.isprintable() for _, value in headers)
    ):
        return None
    return _Known(
        modified=modified,
        size=size,
        max_age=max_age,
        etag=etag,
        last_modified=last_modified or "",
        headers=headers,
        date=names.index("Date"),
        expires=names.index("Expires") if "Expires" in names else None,
    )


def _send_again(path: str, environ: WSGIEnvironment, options: dict[str, Any]) -> Response | None:
    """Return what Werkzeug would answer, from memory; None where it has to be asked."""
    key = _key(path, environ, options)
    known = None if key is None else _known.get(key)
    if known is None or known.max_age != _ask_max_age(path, options):
        return None
    tag, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
    if tag is None and since is None:
        body = _read(path, known)
        if body is None:
            return None
        response = Response(body)
    elif (tag == known.etag or (tag is None and since == known.last_modified)) and _is_still(
        path, known
    ):
        response = Response(b"", 304)
    else:
        return None
    headers = known.headers.copy()
    now = int(time())
    headers[known.date] = "Date", _date(now)
    if known.expires is not None:
        headers[known.expires] = "Expires", _date(now + (known.max_age or 0))
    response.take_headers(headers)
    response.direct_passthrough = True
    response.standalone_body = True
    return response


def _ask_max_age(path: str, options: dict[str, Any]) -> int | None:
    """Return for how long clients may keep a file; a function for it is called once a request."""
    max_age: Any = options.get("max_age")
    if callable(max_age):
        max_age = options["max_age"] = max_age(path)
    return max_age  # type: ignore[no-any-return]  # as it was given


def _read(path: str, known: _Known) -> bytes | None:
    """Return a small file as a whole; None where it is another one than it was."""
    if known.size > AT_ONCE:
        return None
    try:
        descriptor = os.open(path, _OPEN)
        try:
            # Of what is open, so that body and ETag belong together.
            if not _is_as_known(os.fstat(descriptor), known):
                return None
            body = os.read(descriptor, known.size)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return body if len(body) == known.size else None


#: Without waiting, should a pipe have taken the file's place.
_OPEN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def _is_still(path: str, known: _Known) -> bool:
    try:
        return _is_as_known(os.stat(path), known)
    except OSError:
        return False


def _is_as_known(stat: os.stat_result, known: _Known) -> bool:
    return stat.st_mtime == known.modified and stat.st_size == known.size and S_ISREG(stat.st_mode)


#: The date of a header; for the next requests of the same second it costs nothing (7 µs).
_date = lru_cache(16)(http_date)
