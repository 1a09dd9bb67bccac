"""What a view returned becomes a response: pure functions, one `if` for each accepted type."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers, MIMEAccept
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as WerkzeugResponse

from .headers import Pairs, headers_of
from .provider import JSONProvider
from .response import Response, made_response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def to_response(
    value: Any,
    *,
    response_class: type[Response],
    json: JSONProvider,
    environ: WSGIEnvironment,
    who: Callable[[], str],
    error_response: Callable[[HTTPException], Response],
    iterate: Callable[[Any], Iterator[Any]],
) -> Response:
    """Return the response that a view's return value stands for.

    :param value: A body (text, bytes, dict, list, iterator (asynchronous ones too), response, HTTP
        error, WSGI application), or a tuple ``(body, status)``, ``(body, headers)`` or
        ``(body, status, headers)``.
    :param who: Returns the beginning of a message: "The view 'index' (app.py:7) returned".
    :param error_response: Makes the response of an HTTP error.
    :param iterate: Returns the items of an asynchronous iterator.
    :raises TypeError: for anything else, saying what to return.
    """
    status = headers = None
    if isinstance(value, tuple):
        value, status, headers = _parts(value, who)
        if value is None:
            raise TypeError(f"{who()} a tuple whose body is None: write '' for an empty body.")
    if isinstance(value, (str, bytes, bytearray)):
        body = bytes(value) if isinstance(value, bytearray) else value
        response = response_class(body, status=status, headers=headers)
    elif isinstance(value, Iterator):
        response = response_class(value, status=status, headers=headers)
        response.returned_by = who
    else:
        response = _from_object(value, response_class, json, environ, who, error_response, iterate)
        if status is not None:
            response.status = status
        if headers is not None:
            # A header of the tuple takes the place of the response's own.
            response.headers.update(headers)
    if status is not None and not 200 <= response.status_code <= 999:
        raise TypeError(f"{who()} the status {status!r}: it must be from 200 to 999, such as 404.")
    return response


def _parts(value: tuple[Any, ...], who: Callable[[], str]) -> tuple[Any, Any, Any]:
    """Split a tuple into body, status and headers."""
    if len(value) == 3:
        body, status, headers = value
    elif len(value) == 2 and isinstance(value[1], (Headers, Mapping, tuple, list)):
        body, status, headers = value[0], None, value[1]
    elif len(value) == 2:
        body, status, headers = value[0], value[1], None
    else:
        raise TypeError(
            f"{who()} a tuple of {len(value)}{_COMMA if len(value) == 1 else ''}. A tuple must be"
            " (body, status), (body, headers) or (body, status, headers)."
        )
    if not isinstance(status, (int, str, type(None))):
        order = " Headers stand last: (body, status, headers)." if len(value) == 3 else ""
        raise TypeError(f"{who()} the status {status!r}: it must be a number or text.{order}")
    if isinstance(headers, (str, bytes)) or not isinstance(headers, (Iterable, type(None))):
        raise TypeError(
            f"{who()} the headers {headers!r}: they must be a dict or a list of pairs, and stand in"
            " the last place, as in (body, status, headers)."
        )
    if headers is not None and not isinstance(headers, (Headers, Mapping)):
        headers = list(headers)
    return body, status, headers


_COMMA = ", which a comma at the end of a line makes"


def _from_object(
    value: Any,
    response_class: type[Response],
    json: JSONProvider,
    environ: WSGIEnvironment,
    who: Callable[[], str],
    error_response: Callable[[HTTPException], Response],
    iterate: Callable[[Any], Iterator[Any]],
) -> Any:
    if isinstance(value, HTTPException):
        return error_response(value)
    if isinstance(value, (dict, list)):
        return json.response(value)
    if isinstance(value, AsyncIterator):
        response = response_class(iterate(value))
        response.returned_by = who
        return response
    if isinstance(value, WerkzeugResponse) or _can_be_wsgi(value):
        return response_class.force_type(value, environ)
    raise TypeError(f"{who()} {_complaint(value)}")


_MADE_BY_A_CALL = WerkzeugResponse, HTTPException


def _can_be_wsgi(value: Any) -> bool:
    """Whether a value can be called as a WSGI application at all."""
    if not callable(value) or (isinstance(value, type) and issubclass(value, _MADE_BY_A_CALL)):
        return False
    try:
        inspect.signature(value).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # a callable of C may not say what it takes
        return True
    return True


def _complaint(value: Any) -> str:
    if value is None:
        return (
            "None: a return statement is missing at its end or in one of its branches."
            " Return '' for an empty body."
        )
    if isinstance(value, type):
        return f"the class {value.__name__}: call it, or return something else."
    kind = type(value).__name__
    named = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if hasattr(value, "__await__"):
        return (
            f"{named} that nothing awaited: make the view an `async def` and return what `await`"
            " gives. A decorator around an asynchronous view calls it by"
            " current_app.ensure_sync(view)(...)."
        )
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__!r}: call it, or return something else."
    if isinstance(value, int) and not isinstance(value, bool):
        return (
            f"the number {value}. The body comes first: return '', {value} for a status,"
            f" '{value}' for a text."
        )
    if isinstance(value, (set, frozenset)):
        return f"{named}, which JSON does not have: return a list of its items, such as sorted()."
    return (
        f"{named}. Return text, bytes, a dict, a list, an iterator, a response, or a tuple of one"
        " of them with a status and headers."
    )


def error_response(
    error: HTTPException,
    *,
    response_class: type[Response],
    json: JSONProvider,
    environ: WSGIEnvironment,
    request_id: Callable[[], str | None],
) -> Response:
    """Return the page for an HTTP error: problem details for clients that prefer JSON, else HTML.

    The problem details are those of RFC 9457, with the members ``type``, ``title``, ``status`` and
    ``detail``, and ``request_id`` in a request. The error's own headers (`Allow`, `Retry-After`…)
    stay.

    :param request_id: Returns the id of the request, or None outside of one.
    """
    cls = type(error)
    if error.response is not None or cls.get_response is not HTTPException.get_response:
        return response_class.force_type(error.get_response(environ), environ)
    if cls.get_body is not HTTPException.get_body:
        headers = Headers(error.get_headers(environ))
        return response_class(error.get_body(environ), status=error.code, headers=headers)
    if prefers_json(environ.get("HTTP_ACCEPT", "")):
        body = (json.dumps(problem(error, request_id())) + "\n").encode()
        response = made_response(response_class, body, "application/problem+json", error.code)
    else:
        response = made_response(response_class, _page(error, environ), "text/html", error.code)
    if cls.get_headers is not HTTPException.get_headers:
        for name, value in error.get_headers(environ):
            if name != "Content-Type":
                response.headers.add(name, value)
    response.vary_on("Accept")
    return response


def plain_page(
    error: HTTPException, environ: WSGIEnvironment
) -> tuple[bytes, Pairs] | tuple[None, None]:
    """Return the page that :func:`error_response` gives, as what is sent, where it is a plain one.

    :param error: The error.
    :param environ: The WSGI environ, with what the client prefers.
    :returns: The body and the headers.
    """
    cls = type(error)
    if (
        error.response is not None
        or not _is_plain(error)
        or cls.get_headers is not HTTPException.get_headers
        or prefers_json(environ.get("HTTP_ACCEPT", ""))
    ):
        return None, None
    page = _pages.get(cls) or _page(error, environ)
    return page, [*(headers_of(page, "text/html") or ()), ("Vary", "Accept")]


def _is_plain(error: HTTPException) -> bool:
    """Return whether an error says what all of its class say, and is what Werkzeug has for it."""
    cls = type(error)
    return error.description is cls.description and default_exceptions.get(error.code or 0) is cls


def _page(error: HTTPException, environ: WSGIEnvironment) -> bytes:
    """Return the HTML page of an error, kept for those that have nothing of their own to say."""
    if not _is_plain(error):
        return error.get_body(environ).encode()
    cls = type(error)
    page = _pages.get(cls)
    if page is None:
        page = _pages[cls] = error.get_body(environ).encode()
    return page


# Of the classes that Werkzeug raises for a code.
_pages: dict[type[HTTPException], bytes] = {}


def problem(error: HTTPException, request_id: str | None) -> dict[str, Any]:
    """Return the members of a problem document (RFC 9457 section 3.1).

    :param error: The error.
    :param request_id: The id of the request, an extension member (section 3.2).
    """
    members = {
        "type": "about:blank",
        "title": error.name,
        "status": error.code,
        "detail": error.description or "",
    }
    return members if request_id is None else {**members, "request_id": request_id}


def prefers_json(accept: str) -> bool:
    """Whether an `Accept` header ranks JSON above HTML (RFC 9110 section 12.5.1).

    >>> prefers_json("application/json"), prefers_json("*/*"), prefers_json("text/html")
    (True, False, False)
    """
    if "json" not in accept.lower():
        return False
    accepted = parse_accept_header(accept, MIMEAccept)
    kinds = "application/json", "application/problem+json"
    json = max(map(accepted.quality, kinds))
    html = accepted.quality("text/html")
    if json != html:
        return bool(json > html)
    # Of equal rank: then what is named comes before what a wildcard only allows.
    named = {kind.lower() for kind, _ in accepted}
    return json > 0 and "text/html" not in named and not named.isdisjoint(kinds)
