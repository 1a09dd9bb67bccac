"""The request: Werkzeug's, with every attribute computed on first touch from the environ."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Literal, overload

from werkzeug.datastructures import EnvironHeaders, FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.sansio.http import parse_cookie
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import LimitedStream

from . import multipart, values
from .identity import request_id
from .input import Body
from .lazy import lazy
from .values import cookie_values, multi_dict, query_values

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule

#: The limits of a request that no application handed its own to (as in Werkzeug).
_NO_APP_LIMITS: Mapping[str, Any] = MappingProxyType(
    {"MAX_CONTENT_LENGTH": None, "MAX_FORM_MEMORY_SIZE": 500_000, "MAX_FORM_PARTS": 1_000}
)


#: What a body is read by; a subclass that has one of them in its own way is read by Werkzeug.
_READING = (
    *("files", "form", "form_data_parser_class", "get_data", "is_json", "make_form_data_parser"),
    *("mimetype", "mimetype_params", "stream", "want_form_data_parsed"),
    *("_get_file_stream", "_get_stream_for_parsing", "_load_form_data"),
)
_URLENCODED = "application/x-www-form-urlencoded"


class _Limit:
    """A limit of the application, or of the rule that matched; it can be assigned to."""

    def __init__(self, key: str, of_rule: str = "") -> None:
        self._key = key
        self._of_rule = of_rule

    def __get__(self, request: Any, owner: type) -> Any:
        if request is None:
            return self
        if self._of_rule and request.url_rule is not None:
            limit = getattr(request.url_rule, self._of_rule, None)
            if limit is not None:
                return limit
        return request.limits[self._key]


class Request(WerkzeugRequest):
    """An incoming request.

    Everything of :class:`werkzeug.wrappers.Request` is here, with the same values; a property test
    holds them equal.

    :param environ: The WSGI environ (PEP 3333).
    :param populate_request: Store the request in the environ too. Off by default, because the two
        would then refer to each other and wait for the cycle collector.
    :param shallow: Refuse to read the body.

    :ivar limits: What `MAX_CONTENT_LENGTH`, `MAX_FORM_MEMORY_SIZE` and `MAX_FORM_PARTS` are looked
        up in: the application's configuration. A route's own `max_content_length` comes first.
    """

    #: The rule that matched, or None on a 404 and the like.
    url_rule: Rule | None = None
    #: The values that the rule took from the URL, or None.
    view_args: dict[str, Any] | None = None
    #: Why no rule matched: what will be raised in place of a view.
    routing_exception: HTTPException | None = None
    limits: Mapping[str, Any] = _NO_APP_LIMITS
    shallow = False

    if TYPE_CHECKING:
        #: The longest body in bytes, of any kind; assign to change it for this request.
        max_content_length: int | None
        #: How many bytes a form may hold in memory, files apart.
        max_form_memory_size: int | None
        #: How many fields and files a form may have.
        max_form_parts: int | None  # type: ignore[assignment]  # as the configuration has it
    else:
        max_content_length = _Limit("MAX_CONTENT_LENGTH", of_rule="max_content_length")
        max_form_memory_size = _Limit("MAX_FORM_MEMORY_SIZE")
        max_form_parts = _Limit("MAX_FORM_PARTS")

    # Whether no subclass has another way of its own to one of :data:`_READING`.
    _reads_directly = True
    #: Whether there may be files to close at the end; to look for them takes longer (0.4 µs).
    may_hold_files = False
    # The body, once `get_data` has read it. Werkzeug's own methods look here too, and take None for
    # a body that was not read.
    _cached_data: bytes | None = None  # type: ignore[assignment]  # there is none in its class

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._reads_directly = all(getattr(cls, name) is getattr(Request, name) for name in _READING)
        cls.may_hold_files = not cls._reads_directly

    def __init__(
        self, environ: WSGIEnvironment, populate_request: bool = False, shallow: bool = False
    ) -> None:
        # Werkzeug's __init__ computes eight attributes (1.8 µs); here they are lazy ones.
        self.environ = environ
        if shallow:
            self.shallow = True
        elif populate_request:
            environ["werkzeug.request"] = self

    @lazy
    def method(self) -> str:
        """The method, in upper case (RFC 9110 section 9)."""
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
        return values.EnvironHeaders(self.environ)

    @lazy
    def remote_addr(self) -> str | None:
        """The address that the request came from: the client's, or the last proxy's."""
        return self.environ.get("REMOTE_ADDR")

    @lazy
    def id(self) -> str:
        """What stands for the request in logs and in problem details; one may be assigned, too.

        It is the proxy's `X-Request-ID` where `TRUSTED_PROXIES` is set and the value has 1 to 128
        letters (a to z), digits, dots, underscores and hyphens; otherwise 32 random hexadecimal
        digits. A proxy that does not set the header passes on the client's (nginx: ``uwsgi_param
        HTTP_X_REQUEST_ID $request_id;``).

        .. code-block:: python

            @app.after_request
            def tell_id(response):
                response.headers["X-Request-ID"] = request.id
                return response
        """
        return request_id(self.environ, self.limits.get("TRUSTED_PROXIES"))

    @lazy
    def args(self) -> MultiDict[str, str]:
        """The values of the query string. Bytes that are not UTF-8 stay percent-encoded.

        .. code-block:: python

            page = request.args.get("page", 1, type=int)
        """
        query: str = self.environ.get("QUERY_STRING", "")
        if not query.isascii():
            query = decoded(query)
        args: MultiDict[str, str] = query_values(self.parameter_storage_class, query)
        return args

    @lazy
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The cookies that the client sent (RFC 6265 section 5.4)."""
        header = self.environ.get("HTTP_COOKIE")
        if not header:
            return self.dict_storage_class()  # type: ignore[return-value]  # immutable
        # A class of the application's choice gets the pairs as they came.
        found = cookie_values(header) if self.dict_storage_class is ImmutableMultiDict else None
        if found is None:
            # Immutable, as the class is.
            return parse_cookie(header, self.dict_storage_class)  # type: ignore[return-value]
        cookies: ImmutableMultiDict[str, str] = multi_dict(found)
        return cookies

    @lazy
    def mimetype(self) -> str:
        """The content type without its parameters, in lower case."""
        content_type: str = self.environ.get("CONTENT_TYPE", "")
        return content_type.partition(";")[0].strip(" \t").lower()

    @lazy
    def content_length(self) -> int | None:
        """The length of the body in bytes; None where the client did not say it.

        A server may leave a missing value out, or empty (PEP 3333), as nginx does.
        """
        return super().content_length if self.environ.get("CONTENT_LENGTH") else None

    @lazy
    def stream(self) -> IO[bytes]:
        """The body, which can be read once and ends where it should.

        :raises RequestEntityTooLarge: where it is longer than `max_content_length`.
        """
        body: Any = self.environ["wsgi.input"]
        limit = self.max_content_length
        if self.shallow or not (type(body) is Body or isinstance(body, LimitedStream)):
            if limit is not None and "wsgi.input_terminated" in self.environ and not self.shallow:
                return _AtMost(body, limit)  # type: ignore[return-value]  # as below
            return super().stream
        if limit is not None and body.limit > limit:
            raise RequestEntityTooLarge(f"A body may take {limit} bytes.")
        return body  # type: ignore[return-value]  # a RawIOBase is an IO in all but name

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

    @overload
    def get_data(  # pyright: ignore[reportOverlappingOverload]  # as Werkzeug's
        self, cache: bool = ..., as_text: Literal[False] = ..., parse_form_data: bool = ...
    ) -> bytes: ...
    @overload
    def get_data(
        self, cache: bool = ..., as_text: Literal[True] = ..., parse_form_data: bool = ...
    ) -> str: ...
    def get_data(
        self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
    ) -> bytes | str:
        """Return the whole body.

        :param cache: Keep it, for the next call and for :attr:`form`.
        :param as_text: Return it as text (UTF-8).
        :param parse_form_data: Read a form in the body as a form; then there is nothing left.
        """
        data = self._cached_data
        if data is None:
            if parse_form_data:
                self._load_form_data()
            stream: Any = self.stream
            # Not by way of `read`, which only calls it.
            data = stream.readall() if type(stream) is Body else stream.read()
            if cache:
                self._cached_data = data
        return data.decode(errors="replace") if as_text else data

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the value of a JSON body.

        :param force: Read it as JSON whatever its type is.
        :param silent: Return None where it is not JSON.
        :param cache: Keep it for the next call.
        :raises UnsupportedMediaType: for a body of another type.
        :raises BadRequest: for a body that is not JSON, with the reason.
        """
        if (
            self.environ.get("CONTENT_TYPE") != "application/json"
            or not (cache and self._reads_directly)
            or silent
            or self._cached_json is not WerkzeugRequest._cached_json
        ):
            return super().get_json(force, silent, cache)
        try:
            value = self.json_module.loads(self.get_data())
        except ValueError as error:
            value = self.on_json_loading_failed(error)
            self._cached_json = (value, Ellipsis)
        else:
            self._cached_json = (value, value)
        return value

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Answer a body that is not JSON: 415 for another type, 400 with the reason otherwise.

        Override it to raise another error, or to return what `get_json` is to return.

        :param e: What is wrong with the text; None where its type is not JSON.
        :raises UnsupportedMediaType: for another type.
        :raises BadRequest: for a text that is not JSON.
        """
        if e is None:
            given = f"is {self.mimetype!r}" if self.mimetype else "is missing"
            raise UnsupportedMediaType(
                f"The body is not JSON: its Content-Type {given} and should be 'application/json'."
            )
        raise BadRequest(f"The body is not JSON: {e}") from e

    @lazy
    def form(self) -> ImmutableMultiDict[str, str]:
        """The fields of a form, urlencoded or multipart; files are in :attr:`files`.

        :raises RequestEntityTooLarge: for a form beyond :attr:`max_form_memory_size` or
            :attr:`max_form_parts`.
        """
        form: ImmutableMultiDict[str, str]
        if self._reads_directly and self.environ.get("CONTENT_TYPE") == _URLENCODED:
            form = query_values(self.parameter_storage_class, self._read_urlencoded())
            return form
        self._load_form_data()
        form = self.__dict__["form"]
        return form

    @lazy
    def files(self) -> ImmutableMultiDict[str, FileStorage]:
        """The files of a multipart form (RFC 7578).

        .. code-block:: python

            photo = request.files["photo"]
            photo.save(folder / secure_filename(photo.filename))
        """
        self._load_form_data()
        files: ImmutableMultiDict[str, FileStorage] | None = self.__dict__.get("files")
        # Immutable, as the class is.
        return self.parameter_storage_class() if files is None else files  # type: ignore[return-value]

    def _load_form_data(self) -> None:
        if "form" in self.__dict__:
            return
        if self._reads_directly:
            if self.mimetype == _URLENCODED:
                form = query_values(self.parameter_storage_class, self._read_urlencoded())
                self.__dict__["form"] = form
                return
            self.may_hold_files = True
            if self._read_multipart():
                return
        super()._load_form_data()

    def _read_multipart(self) -> bool:
        """Read a multipart form in one piece; return False where Werkzeug is to read it."""
        boundary = multipart.boundary_of(self.environ.get("CONTENT_TYPE", ""))
        if boundary is None or self.parameter_storage_class is not ImmutableMultiDict:
            return False
        data = self._cached_data
        if data is None:
            body: Any = self.stream
            if type(body) is not Body or body.limit > multipart.AT_ONCE or body.tell():
                return False
            data = body.read_sent()
            # For Werkzeug's parser, if it comes to that: the same bytes again, and the same end.
            self.__dict__["stream"] = Body(BytesIO(data), body.limit)
            if len(data) < body.limit:
                return False
        elif len(data) > multipart.AT_ONCE:
            return False  # its files are for the disk
        memory, parts = self.max_form_memory_size, self.max_form_parts
        found = multipart.parse(data, boundary, memory, parts)
        if found is None:
            return False
        fields, files = found
        self.__dict__.update(stream=BytesIO(), form=multi_dict(fields), files=multi_dict(files))
        return True

    def _read_urlencoded(self) -> str:
        """Read an urlencoded form within the limits that Werkzeug counts for multipart only."""
        size, parts = self.max_form_memory_size, self.max_form_parts
        data = self._cached_data
        stream: Any = self.stream if data is None else BytesIO(data)
        if type(stream) is Body and (size is None or stream.limit <= size):
            data = stream.readall()
        else:
            data = stream.read() if size is None else _read_at_most(stream, size + 1)
            if size is not None and len(data) > size:
                raise RequestEntityTooLarge(f"A form may take {size} bytes.")
        if parts is not None and data.count(b"&") >= parts:
            raise RequestEntityTooLarge(f"A form may have {parts} fields.")
        # Werkzeug drops the whole form over one byte that is not UTF-8; here it stays, escaped.
        return data.decode(errors="werkzeug.url_quote")


def _read_at_most(stream: Any, size: int) -> bytes:
    """Read until the end or `size` bytes; one read may give less than there is."""
    data = bytearray()
    while len(data) < size:
        more = stream.read(min(_STEP, size - len(data)))
        if not more:
            break
        data += more
    return bytes(data)


#: How much is read at a time, in bytes: a raw stream makes room for all that it is asked for.
_STEP = 64 * 1024


class _AtMost(LimitedStream):
    """A body of unknown length; one that is longer than its limit is refused and not cut short."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)
        self._source = stream
        self._is_longer = False

    def readall(self) -> bytes:
        """Read what is left."""
        data = super().readall()
        if self.is_exhausted:
            self.on_exhausted()
        return data

    def on_exhausted(self) -> None:
        """Look whether there is more, now that as much has been read as may be."""
        # One that was refused once is refused each time, and does not end a byte later.
        self._is_longer = self._is_longer or bool(self._source.read(1))
        if self._is_longer:
            raise RequestEntityTooLarge(f"A body may take {self.limit} bytes.")


def decoded(value: str) -> str:
    """Return the UTF-8 text that a WSGI server handed over as Latin-1 (PEP 3333)."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode(errors="replace")
