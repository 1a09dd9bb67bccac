"""What a view returned becomes a response: pure functions, one `if` for each accepted type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers, MIMEAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as WerkzeugResponse

from .json import JSONProvider
from .response import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def to_response(
    value: Any,
    *,
    response_class: type[Response],
    json: JSONProvider,
    environ: WSGIEnvironment,
    view: str | None,
    error_response: Callable[[HTTPException], Response],
) -> Response:
    """Return the response that a view's return value stands for.

    :param value: A body (text, bytes, dict, list, iterator, response, HTTP error, WSGI
        application), or a tuple ``(body, status)``, ``(body, headers)`` or
        ``(body, status, headers)``.
    :param view: The name of the view, for messages; None where no view returned the value.
    :param error_response: Makes the response of an HTTP error.
    :raises TypeError: for anything else, saying what to return.
    """
    status = headers = None
    if isinstance(value, tuple):
        value, status, headers = _parts(value, view)
    if isinstance(value, (str, bytes, bytearray, Iterator)):
        return response_class(
            bytes(value) if isinstance(value, bytearray) else value,
            status=status,
            headers=headers,
        )
    if isinstance(value, HTTPException):
        response = error_response(value)
    else:
        response = _from_object(value, response_class, json, environ, view)
    if status is not None:
        response.status = status
    if headers is not None:
        # A header of the tuple takes the place of the response's own.
        response.headers.update(Headers(headers))
    return response


def _parts(value: tuple[Any, ...], view: str | None) -> tuple[Any, Any, Any]:
    if len(value) == 3:
        return value[0], value[1], value[2]
    if len(value) == 2:
        if isinstance(value[1], (Headers, dict, tuple, list)):
            return value[0], None, value[1]
        return value[0], value[1], None
    raise TypeError(
        f"{_subject(view)} a tuple of {len(value)}. A tuple must be (body, status),"
        " (body, headers) or (body, status, headers)."
    )


def _from_object(
    value: Any,
    response_class: type[Response],
    json: JSONProvider,
    environ: WSGIEnvironment,
    view: str | None,
) -> Any:
    if isinstance(value, (dict, list)):
        return json.response(value)
    if isinstance(value, WerkzeugResponse) or (callable(value) and _takes_two(value)):
        return response_class.force_type(value, environ)
    raise TypeError(_complaint(value, view))


def _takes_two(value: Callable[..., Any]) -> bool:
    """Whether a callable can be a WSGI application at all."""
    try:
        inspect.signature(value).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # a callable of C may not say what it takes
        return True
    return True


def _subject(view: str | None) -> str:
    return "make_response() was given" if view is None else f"The view {view!r} returned"


def _complaint(value: Any, view: str | None) -> str:
    subject = _subject(view)
    if value is None:
        return (
            f"{subject} None: a return statement is missing at its end or in one"
            " of its branches. Return '' for an empty body."
        )
    kind = type(value).__name__
    if hasattr(value, "__await__"):
        return (
            f"{subject} a {kind}: it is called without being awaited. Make the"
            " view a plain function, or run the coroutine in it."
        )
    return (
        f"{subject} a {kind}. A view returns text, bytes, a dict, a list, an"
        " iterator, a response, or a tuple of one of them with a status and headers."
    )


def error_response(
    error: HTTPException,
    *,
    response_class: type[Response],
    json: JSONProvider,
    environ: WSGIEnvironment,
) -> Response:
    """Return the page for an HTTP error: problem details for clients that prefer JSON, else HTML.

    The problem details are those of RFC 9457, with the members ``type``, ``title``, ``status`` and
    ``detail``. The error's own headers (`Allow`, `Retry-After`…) stay.
    """
    if error.response is not None or type(error).get_response is not HTTPException.get_response:
        return response_class.force_type(error.get_response(environ), environ)
    if type(error).get_body is not HTTPException.get_body:
        headers = Headers(error.get_headers(environ))
        return response_class(error.get_body(environ), status=error.code, headers=headers)
    if prefers_json(environ.get("HTTP_ACCEPT", "")):
        body, mimetype = json.dumps(problem(error)) + "\n", "application/problem+json"
    else:
        body, mimetype = error.get_body(environ), "text/html"
    response = response_class(body, status=error.code, mimetype=mimetype)
    for name, value in error.get_headers(environ):
        if name != "Content-Type":
            response.headers.add(name, value)
    response.vary_on("Accept")
    return response


def problem(error: HTTPException) -> dict[str, Any]:
    """Return the members of a problem document (RFC 9457 section 3.1)."""
    return {
        "type": "about:blank",
        "title": error.name,
        "status": error.code,
        "detail": error.description or "",
    }


def prefers_json(accept: str) -> bool:
    """Whether an `Accept` header ranks JSON above HTML (RFC 9110 section 12.5.1).

    >>> prefers_json("application/json"), prefers_json("*/*"), prefers_json("text/html")
    (True, False, False)
    """
    if "json" not in accept.lower():
        return False
    accepted = parse_accept_header(accept, MIMEAccept)
    json = max(accepted.quality("application/json"), accepted.quality("application/problem+json"))
    return bool(json > accepted.quality("text/html"))
