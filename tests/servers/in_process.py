"""The answer of an application itself, without a server: what others are compared with."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from .client import HOST
from .wire import Answer, Request, comparable

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def answer(app: WSGIApplication, request: Request) -> Answer:
    """Call an application as PEP 3333 has it, and read its whole answer."""
    sent: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        sent[:] = [int(status[:3]), comparable(headers)]

    pieces: list[bytes] = []
    cut = False
    body = app(environ(request), start_response)
    try:
        pieces.extend(body)
    except Exception:
        cut = True
    finally:
        getattr(body, "close", lambda: None)()
    status, headers = sent
    return Answer(status, headers, b"".join(pieces), cut)


def environ(request: Request) -> dict[str, Any]:
    target = urlsplit(request.target) if "://" in request.target else None
    path, _, query = request.target.partition("?")
    if target is not None:
        path, query = target.path or "/", target.query
    chunked = isinstance(request.body, tuple)
    body = b"".join(request.body) if isinstance(request.body, tuple) else request.body
    made: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": request.version,
        "REMOTE_ADDR": HOST,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if request.host is not None:
        made["HTTP_HOST"] = request.host
    for name, value in request.all_headers():
        variable = name.upper().replace("-", "_")
        key = variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        made[key] = made[key] + separator + value if key in made else value
    if chunked:
        made["wsgi.input_terminated"] = True
    return made
