"""The request: Werkzeug's, with every attribute computed on first touch from the environ."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from werkzeug.datastructures import EnvironHeaders, MultiDict
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request as WerkzeugRequest

from .lazy import lazy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule

#: The limits of a request that no application handed its own to (as in Werkzeug).
_NO_APP_LIMITS: Mapping[str, Any] = MappingProxyType(
    {"MAX_CONTENT_LENGTH": None, "MAX_FORM_MEMORY_SIZE": 500_000, "MAX_FORM_PARTS": 1_000}
)


class Request(WerkzeugRequest):
    """An incoming request.

    Everything of :class:`werkzeug.wrappers.Request` is here, with the same values; a property test
    holds them equal.

    :param environ: The WSGI environ (PEP 3333).
    :param populate_request: Store the request in the environ too. Off by default, because the two
        would then refer to each other and wait for the cycle collector.
    :param shallow: Refuse to read the body.

    :ivar limits: What `MAX_CONTENT_LENGTH`, `MAX_FORM_MEMORY_SIZE` and `MAX_FORM_PARTS` are looked
        up in: the application's configuration, or the route's own values over it.
    """

    #: The rule that matched, or None on a 404 and the like.
    url_rule: Rule | None = None
    #: The values that the rule took from the URL, or None.
    view_args: dict[str, Any] | None = None
    #: Why no rule matched: what will be raised in place of a view.
    routing_exception: HTTPException | None = None
    limits: Mapping[str, Any] = _NO_APP_LIMITS

    def __init__(
        self, environ: WSGIEnvironment, populate_request: bool = False, shallow: bool = False
    ) -> None:
        # Werkzeug's __init__ computes eight attributes (1.8 µs); here they are lazy ones.
        self.environ = environ
        self.shallow = shallow
        if populate_request and not shallow:
            environ["werkzeug.request"] = self

    @lazy
    def method(self) -> str:
        """The method, in upper case."""
        method: str = self.environ.get("REQUEST_METHOD", "GET")
        return method.upper()

    @lazy
    def scheme(self) -> str:
        """The URL scheme, such as ``https``."""
        scheme: str = self.environ.get("wsgi.url_scheme", "http")
        return scheme

    @lazy
    def server(self) -> tuple[str, int | None] | None:
        """Name and port of the server, ``(path, None)`` for a unix socket, or None."""
        name = self.environ.get("SERVER_NAME")
        if name is None:
            return None
        try:
            return name, int(self.environ["SERVER_PORT"])
        except (KeyError, TypeError, ValueError):
            return name, None

    @lazy
    def root_path(self) -> str:
        """The prefix that the application is mounted under, without a slash at its end."""
        return decoded(self.environ.get("SCRIPT_NAME") or "").rstrip("/")

    @lazy
    def path(self) -> str:
        """The path within the application; it begins with one slash."""
        return "/" + decoded(self.environ.get("PATH_INFO") or "").lstrip("/")

    @lazy
    def query_string(self) -> bytes:
        """The part of the URL behind the question mark, as it came."""
        query: str = self.environ.get("QUERY_STRING", "")
        return query.encode("latin-1", "replace")

    @lazy
    def headers(self) -> EnvironHeaders:  # type: ignore[override]  # read-only, as Werkzeug's is
        """The headers, in any case: ``request.headers["user-agent"]``."""
        return EnvironHeaders(self.environ)

    @lazy
    def remote_addr(self) -> str | None:
        """The address that the request came from: the client's, or the last proxy's."""
        return self.environ.get("REMOTE_ADDR")

    @lazy
    def args(self) -> MultiDict[str, str]:
        """The values of the query string. Bytes that are not UTF-8 stay percent-encoded."""
        query = self.environ.get("QUERY_STRING", "")
        if not query.isascii():
            query = query.encode("latin-1", "replace").decode(errors="replace")
        pairs = parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote")
        return self.parameter_storage_class(pairs)

    @lazy
    def full_path(self) -> str:
        """The path with the query string; a question mark stands between them in any case."""
        return f"{self.path}?{self.query_string.decode(errors='replace')}"

    @property
    def endpoint(self) -> str | None:
        """The endpoint of the matched rule, or None."""
        rule = self.url_rule
        return None if rule is None else rule.endpoint

    @property
    def blueprint(self) -> str | None:
        """The name of the blueprint that the view is on, or None."""
        endpoint = self.endpoint
        if endpoint is not None and "." in endpoint:
            return endpoint.rpartition(".")[0]
        return None

    @property
    def blueprints(self) -> list[str]:
        """The names of the blueprint and of those that it is nested in, innermost first."""
        name = self.blueprint
        names: list[str] = []
        while name:
            names.append(name)
            name = name.rpartition(".")[0]
        return names

    @lazy
    def max_content_length(self) -> int | None:
        """The longest body in bytes, of any kind; assign to change it for this request."""
        limit: int | None = self.limits["MAX_CONTENT_LENGTH"]
        return limit

    @lazy
    def max_form_memory_size(self) -> int | None:
        """How many bytes a form may hold in memory, files apart."""
        limit: int | None = self.limits["MAX_FORM_MEMORY_SIZE"]
        return limit

    @lazy
    def max_form_parts(self) -> int | None:  # type: ignore[override]
        """How many fields and files a form may have."""
        limit: int | None = self.limits["MAX_FORM_PARTS"]
        return limit

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Answer a body that is not JSON: 415 for another type, 400 with the reason otherwise."""
        if e is None:
            return super().on_json_loading_failed(e)
        raise BadRequest(f"The body is not JSON: {e}") from e

    def _get_stream_for_parsing(self) -> IO[bytes]:
        stream = super()._get_stream_for_parsing()
        if self.mimetype == "application/x-www-form-urlencoded":
            return self._within_form_limits(stream)
        return stream

    def _within_form_limits(self, stream: IO[bytes]) -> IO[bytes]:
        """Read an urlencoded form within the limits that Werkzeug counts for multipart only."""
        size, parts = self.max_form_memory_size, self.max_form_parts
        data = stream.read() if size is None else stream.read(size + 1)
        if size is not None and len(data) > size:
            raise RequestEntityTooLarge(f"A form may take {size} bytes.")
        if parts is not None and data.count(b"&") >= parts:
            raise RequestEntityTooLarge(f"A form may have {parts} fields.")
        # Werkzeug drops the whole form over one byte that is not UTF-8; here it stays, escaped.
        return BytesIO(data.decode(errors="werkzeug.url_quote").encode())


def decoded(value: str) -> str:
    """Return the UTF-8 text that a WSGI server handed over as Latin-1 (PEP 3333)."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode(errors="replace")
