"""The response: Werkzeug's, with a short road for the common answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as WerkzeugResponse

from .cookies import plain_cookie
from .headers import CONTENT_TYPES, CONTROL, Headers, check_header, headers_of, over, survey

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.wrappers import Request as WerkzeugRequest

C = TypeVar("C", bound=Callable[[], Any])

#: Headers as a view may return them: a mapping (values may be lists) or pairs.
HeadersValue: TypeAlias = (
    WerkzeugHeaders
    | Mapping[str, str]
    | Mapping[str, str | list[str] | tuple[str, ...]]
    | Iterable[tuple[str, str]]
)

_STATUS: dict[int | str, tuple[str, int]] = {
    int(code): (f"{int(code)} {reason.upper()}", int(code))
    for code, reason in HTTP_STATUS_CODES.items()
}
_OK = _STATUS[200]


class Response(WerkzeugResponse):
    """An outgoing response, by default ``text/html``.

    It is :class:`werkzeug.wrappers.Response` in everything that it sends. The common answer (a
    text or bytes, a well-known content type, no headers of the caller's) keeps its headers as the
    plain list that WSGI wants; :attr:`headers` makes a `Headers` of them when somebody asks.

    :param response: The body: text, bytes, or an iterable of them.
    :param status: A code such as ``201``, or a line such as ``"418 I'm a teapot"``.
    :param headers: A mapping, pairs, or `Headers`.
    :param mimetype: The content type without its charset, which is added for text.
    :param content_type: The full content type.
    :param direct_passthrough: Hand the body to the server as it is.

    .. code-block:: python

        return Response("id,name\\n", 201, {"X-Rows": "0"}, mimetype="text/csv")
    """

    default_mimetype: str | None = "text/html"

    #: The body needs nothing of the application any more, as that of a file: the request may end
    #: before the body is sent, and the server gets it as it is.
    standalone_body = False

    #: Says which view returned the body, for a message: "The view 'index' (app.py:7) returned".
    returned_by: Callable[[], str] | None = None

    # Class attributes, so that the short road need not set them on each response (0.1 µs).
    direct_passthrough = False
    _on_close: Any = ()
    # The headers of the short road; None from the moment that `headers` holds them.
    _plain: list[tuple[str, str]] | None = None
    _headers: WerkzeugHeaders | None = None
    # Whether a subclass leaves everything alone that the short road leaves out.
    _short_road = True

    @classmethod
    def has_short_road(cls) -> bool:
        """Return whether a plain answer can be sent as well without an object of this class."""
        return cls._short_road

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._short_road = all(
            getattr(cls, name) is getattr(Response, name) for name in _SKIPPED_BY_THE_SHORT_ROAD
        )

    def __init__(
        self,
        response: Iterable[bytes] | bytes | Iterable[str] | str | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: HeadersValue | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        kind = CONTENT_TYPES.get(self.default_mimetype if mimetype is None else mimetype)
        body: bytes | None = None
        if type(response) is str:
            body = response.encode()
        elif type(response) is bytes:
            body = response
        elif not isinstance(response, Iterator):
            kind = None
        if kind is None or headers is not None or content_type is not None or not self._short_road:
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)
            self._on_close = ()
            return
        if body is None:
            self.response = response  # type: ignore[assignment]  # an iterator, as seen above
            self._plain = [kind]
        else:
            self.response = [body]
            self._plain = [kind, ("Content-Length", str(len(body)))]
        if status is None:
            self._status, self._status_code = _OK
        else:
            self._status, self._status_code = _STATUS.get(status) or self._clean_status(status)
        if direct_passthrough:
            self.direct_passthrough = True

    @classmethod
    def force_type(
        cls, response: WerkzeugResponse, environ: WSGIEnvironment | None = None
    ) -> Response:
        """Make a response, or what a WSGI application answers, one of this class.

        :param response: The response, or the WSGI application.
        :param environ: The WSGI environ to call the application with.
        """
        forced = cast(Response, super().force_type(response, environ))
        # A response of Werkzeug's has its headers where this class has a property.
        headers = forced.__dict__.pop("headers", None)
        if headers is not None:
            forced.headers = headers
        return forced

    @property
    def headers(self) -> WerkzeugHeaders:
        """The headers; names are found in any case."""
        # Read in the opposite order to the writing below: threads may share a response.
        plain = self._plain
        headers = self._headers
        if headers is None:
            headers = self._headers = over([] if plain is None else plain)
            self._plain = None
        return headers

    @headers.setter
    def headers(  # pyright: ignore[reportIncompatibleVariableOverride]  # it is set
        self, headers: WerkzeugHeaders
    ) -> None:
        self._headers = headers
        self._plain = None

    def take_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take headers that are known to be clean, in place of all that there are.

        :param headers: The headers; the list is the response's from now on.
        """
        self._plain = headers
        self._headers = None

    def append_header(self, name: str, value: str) -> None:
        """Add a header that is known to be clean, without looking for others of its name.

        :param name: The name.
        :param value: The value, without control characters.
        """
        if self._plain is None:
            self.headers.add(name, value)
        else:
            self._plain.append((name, value))

    def default_header(self, name: str, value: str) -> None:
        """Set a header that is known to be clean, unless there is one of its name already.

        :param name: The name, in the case that others write it in.
        :param value: The value, without control characters.
        """
        if self._plain is None:
            self.headers.setdefault(name, value)
        else:
            for key, _ in self._plain:
                if key == name:
                    return
            self._plain.append((name, value))

    def vary_on(self, name: str) -> None:
        """Tell caches that the response depends on this header of the request.

        See RFC 9110 section 12.5.5.

        :param name: The header, such as ``"Accept"``.
        """
        if self._plain is None:
            self.vary.add(name)
        else:
            for position, (key, value) in enumerate(self._plain):
                if key == "Vary":
                    if name not in value.split(", "):
                        self._plain[position] = ("Vary", f"{value}, {name}")
                    return
            self._plain.append(("Vary", name))

    def keep_private(self) -> None:
        """Keep shared caches from storing the response (RFC 9111 section 5.2.2.7)."""
        plain = self._plain
        if plain is not None:  # where only microweb has added headers
            self.default_header("Cache-Control", "private")
            return
        given = ", ".join(self.headers.getlist("Cache-Control"))
        directives = [directive.strip() for directive in given.split(",") if directive.strip()]
        lower = {directive.lower() for directive in directives}
        if not lower & {"private", "no-store"}:
            kept = [
                directive
                for directive in directives
                if directive.lower() != "public" and not directive.lower().startswith("s-maxage")
            ]
            self.headers["Cache-Control"] = ", ".join([*kept, "private"])

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | int | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie (RFC 6265 section 4.1).

        :param key: Its name.
        :param value: Its value.
        :param max_age: How many seconds it lasts; without it and `expires`, as long as the browser.
        :param expires: When it ends.
        :param path: The path below which it is sent.
        :param domain: The domain that it is sent to, with those below; None: only this host.
        :param secure: It is sent over https only.
        :param httponly: Scripts in the page cannot read it.
        :param samesite: "Lax", "Strict" or "None": whether other sites' requests send it.
        :param partitioned: It is kept apart by embedding site.

        .. code-block:: python

            response.set_cookie("theme", "dark", max_age=timedelta(days=30), samesite="Lax")
        """
        options: tuple[Any, ...] = (
            *(max_age, expires, path, domain, secure, httponly, samesite, partitioned),
        )
        header = plain_cookie(key, value, *options)
        limit = self.max_cookie_size
        if header is None or (limit and len(header) > limit):
            super().set_cookie(key, value, *options)
        else:
            self.append_header("Set-Cookie", header)

    def call_on_close(self, func: C) -> C:
        """Call `func` when the server is done with the response; also a decorator.

        .. code-block:: python

            response = make_response("Done.")
            response.call_on_close(connection.close)
        """
        if not self._on_close:
            self._on_close = []
        self._on_close.append(func)
        return func

    def make_conditional(
        self,
        request_or_environ: WSGIEnvironment | WerkzeugRequest,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> Response:
        """Answer a conditional or range request (RFC 9110 sections 13 and 14) by a 304, 206 or 412.

        It needs an ETag or `last_modified`, and happens in place.

        :param request_or_environ: The request, or its environ.
        :param accept_ranges: Answer range requests, and say so.
        :param complete_length: The length of the whole body in bytes, for ranges.
        """
        super().make_conditional(request_or_environ, accept_ranges, complete_length)
        return self

    def make_sequence(self) -> None:
        """Read a streamed body into a list; it has a length then."""
        self.headers  # noqa: B018 - off the short road, which knows only the body it began with
        super().make_sequence()

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> WerkzeugHeaders:
        """Return the headers that go to the server: Werkzeug's, clean for a 204 too.

        :raises ValueError: for a header that must not reach the wire.
        """
        headers = super().get_wsgi_headers(environ)
        for name, value in headers:
            check_header(name, value)
        if self._status_code == 204:
            # A response without a body has no type of one (wsgiref.validate insists).
            headers.remove("Content-Type")
        return headers

    def iter_encoded(self) -> Iterator[bytes]:
        """Return the pieces of the body as bytes.

        :raises TypeError: at a piece that is neither text nor bytes, which some servers drop
            without a word.
        """
        for piece in self.response:
            yield piece.encode() if type(piece) is str else encoded(piece, self.returned_by)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the status and the headers, and return the body: a list where it is complete."""
        if not self._short_road:
            return super().__call__(environ, start_response)
        body = self.response
        without_body = self._status_code in _WITHOUT_BODY
        silent = without_body or environ["REQUEST_METHOD"] == "HEAD"
        if type(body) is list and len(body) == 1 and type(body[0]) is bytes and not self._on_close:
            sent: Any = [] if silent else body
            if self._plain is not None and not without_body:
                # A copy, because PEP 3333 lets the server change the list and a view may return one
                # response object again and again.
                start_response(self._status, self._plain.copy())
                return sent  # type: ignore[no-any-return]  # the list, or an empty one
            chunks: list[bytes] | None = body
        else:
            chunks = list(self.iter_encoded()) if isinstance(body, (list, tuple)) else None
            if chunks is not None and not self._on_close:
                sent = [] if silent else chunks
            elif self.direct_passthrough and not silent:
                sent = self.response
            else:
                sent = Sending(self, silent)
        # Last, so that whatever fails before can still become another answer.
        start_response(self._status, self._wsgi_list(environ, chunks))
        return sent  # type: ignore[no-any-return]  # bytes, as the maker of a passed body promised

    def _wsgi_list(
        self, environ: WSGIEnvironment, chunks: list[bytes] | None
    ) -> list[tuple[str, str]]:
        """Return the headers for the server, without a copy in between where none is changed.

        :param chunks: The body, where it is complete; its length is sent if none was given.
        """
        if self._status_code == 304 and self._plain is not None:
            # What Werkzeug would leave of them, without three copies (10 µs).
            return [pair for pair in self._plain if pair[0].lower() not in _NOT_IN_A_304]
        if self._status_code in _WITHOUT_BODY:
            return self.get_wsgi_headers(environ).to_wsgi_list()
        if chunks is None and self._plain is not None:
            return self._plain.copy()
        given = self.headers
        headers = given._list.copy() if type(given) is Headers else given.to_wsgi_list()
        has_location, has_length = survey(headers)
        if has_location:  # Werkzeug makes a URI of it
            return self.get_wsgi_headers(environ).to_wsgi_list()
        if chunks is not None and not has_length:
            headers.append(("Content-Length", str(sum(map(len, chunks)))))
        return headers

    def _clean_status(self, value: str | int | HTTPStatus) -> tuple[str, int]:
        status, code = super()._clean_status(value)
        # Control characters would end the line, and servers send Latin-1.
        if CONTROL(status) or any(character > "\xff" for character in status):
            raise ValueError(f"The status {status!r} has characters that must not be sent.")
        return status, code


def encoded(piece: Any, returned_by: Callable[[], str] | None) -> bytes:
    """Return a piece of a body as bytes.

    :param piece: The piece.
    :param returned_by: Says which view returned the body, for the message.
    :raises TypeError: for what is neither text nor bytes, which some servers drop without a word.
    """
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return piece  # type: ignore[return-value]  # a server takes what is like bytes
    if isinstance(piece, str):
        return piece.encode()
    who = "The body of a response is" if returned_by is None else returned_by()
    raise TypeError(f"{who} an iterable that gave {_named(piece)}: give pieces of text or bytes.")


def _named(piece: object) -> str:
    return "None" if piece is None else f"{piece!r} ({type(piece).__name__})"


def made_response(
    cls: type[Response], body: str | bytes, mimetype: str | None, status: int | None = None
) -> Response:
    """Return ``cls(body, status, mimetype=mimetype)``, by a short road where the class has one.

    :param cls: The class of the response.
    :param body: The body.
    :param mimetype: The content type without its charset.
    :param status: The status code.
    """
    line = _OK if status is None else _STATUS.get(status)
    data = body.encode() if type(body) is str else body
    headers = headers_of(data, mimetype)  # type: ignore[arg-type]  # bytes, as a text has become
    if headers is None or line is None or not cls._short_road:
        return cls(body, status, mimetype=mimetype)
    # Without __init__, which looks at six arguments first (0.5 µs).
    response = cls.__new__(cls)
    response.response = [data]  # type: ignore[assignment]  # the same
    response._plain = headers
    response._status, response._status_code = line
    return response


def streamed_response(
    cls: type[Response], pieces: Iterator[Any], returned_by: Callable[[], str]
) -> Response:
    """Return ``cls(pieces)``, by a short road where the class has one.

    :param cls: The class of the response.
    :param pieces: The pieces of the body.
    :param returned_by: Says which view returned it, for a message.
    """
    kind = CONTENT_TYPES.get(cls.default_mimetype)
    if kind is None or not cls._short_road:
        response = cls(pieces)
    else:
        response = cls.__new__(cls)
        response.response = pieces
        response._plain = [kind]
        response._status, response._status_code = _OK
    response.returned_by = returned_by
    return response


class Sending:
    """The body of a response on its way to the server, which closes it (PEP 3333).

    :param silent: Send nothing, as for HEAD, and close the response all the same.
    """

    def __init__(self, response: Response, silent: bool) -> None:
        self._response = response
        self._silent = silent

    def pieces(self) -> tuple[Iterable[Any], Callable[[], str] | None]:
        """Return the pieces of the body as they were given, and who gave them, for a message.

        This is for who does in one generator what :meth:`Response.iter_encoded` does in another.
        """
        response = self._response
        if self._silent:
            return (), None
        pieces = response.response if response._short_road else response.iter_encoded()
        return pieces, response.returned_by

    def __iter__(self) -> Iterator[bytes]:
        return iter(()) if self._silent else iter(self._response.iter_encoded())

    def close(self) -> None:
        """Close what the body is read from, and call the functions of `call_on_close`."""
        self._response.close()


_WITHOUT_BODY = frozenset((*range(100, 200), 204, 304))
#: What describes the body that a 304 has not (`Expires` and `Content-Location` stay).
_NOT_IN_A_304 = frozenset(
    (
        *("allow", "content-encoding", "content-language", "content-length", "content-md5"),
        *("content-range", "content-type", "last-modified"),
    )
)
#: The status lines of the codes that come with a body.
LINES_WITH_BODY = {code: line for code, (line, _) in _STATUS.items() if code not in _WITHOUT_BODY}
_SKIPPED_BY_THE_SHORT_ROAD = (
    "__call__",
    "__init__",
    "__new__",
    "automatically_set_content_length",
    "calculate_content_length",
    "close",
    "default_status",
    "get_app_iter",
    "get_wsgi_headers",
    "get_wsgi_response",
    "headers",
    "is_sequence",
    "iter_encoded",
    "set_data",
)
