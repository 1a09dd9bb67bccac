"""The request: Werkzeug's, with every attribute computed on first touch from the environ."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

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
        up in: the application's configuration. A route's own `max_content_length` comes first.
    """

    #: The rule that matched, or None on a 404 and the like.
    url_rule: Rule | None = None
    #: The values that the rule took from the URL, or None.
    view_args: dict[str, Any] | None = None
    #: Why no rule matched: what will be raised in place of a view.
    routing_exception: HTTPException | None = None
    limits: Mapping[str, Any] = _NO_APP_LIMITS

    # Whether no subclass brings a parser of its own.
    _reads_urlencoded = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._reads_urlencoded = (
            cls.form_data_parser_class is WerkzeugRequest.form_data_parser_class
            and cls.make_form_data_parser is WerkzeugRequest.make_form_data_parser
        )

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
        return EnvironHeaders(self.environ)

    @lazy
    def remote_addr(self) -> str | None:
        """The address that the request came from: the client's, or the last proxy's."""
        return self.environ.get("REMOTE_ADDR")

    @lazy
    def args(self) -> MultiDict[str, str]:
        """The values of the query string. Bytes that are not UTF-8 stay percent-encoded.

        .. code-block:: python

            page = request.args.get("page", 1, type=int)
        """
        query = decoded(self.environ.get("QUERY_STRING", ""))
        args: MultiDict[str, str] = multi_dict(self.parameter_storage_class, query_pairs(query))
        return args

    @lazy
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The cookies that the client sent (RFC 6265 section 5.4)."""
        header = self.environ.get("HTTP_COOKIE")
        if not header:
            return self.dict_storage_class()  # type: ignore[return-value]  # immutable
        values = cookie_values(header)
        if values is None:
            # Immutable, as the class is.
            return parse_cookie(header, self.dict_storage_class)  # type: ignore[return-value]
        cookies: ImmutableMultiDict[str, str] = multi_dict(self.dict_storage_class, values)
        return cookies

    @lazy
    def mimetype(self) -> str:
        """The content type without its parameters, in lower case."""
        content_type: str = self.environ.get("CONTENT_TYPE", "")
        return content_type.partition(";")[0].strip(" \t").lower()

    @lazy
    def stream(self) -> IO[bytes]:
        """The body, which can be read once and ends where it should.

        :raises RequestEntityTooLarge: where it is longer than `max_content_length`.
        """
        body: Any = self.environ["wsgi.input"]
        limit = self.max_content_length
        if self.shallow or not isinstance(body, LimitedStream):
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

    @lazy
    def max_content_length(  # pyright: ignore[reportIncompatibleVariableOverride]  # lazy
        self,
    ) -> int | None:
        """The longest body in bytes, of any kind; assign to change it for this request."""
        limit: int | None = getattr(self.url_rule, "max_content_length", None)
        return self.limits["MAX_CONTENT_LENGTH"] if limit is None else limit

    @lazy
    def max_form_memory_size(  # pyright: ignore[reportIncompatibleVariableOverride]  # lazy
        self,
    ) -> int | None:
        """How many bytes a form may hold in memory, files apart."""
        limit: int | None = self.limits["MAX_FORM_MEMORY_SIZE"]
        return limit

    @lazy
    def max_form_parts(self) -> int | None:  # type: ignore[override]  # lazy
        """How many fields and files a form may have."""
        limit: int | None = self.limits["MAX_FORM_PARTS"]
        return limit

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
        self._load_form_data()
        form: ImmutableMultiDict[str, str] = self.__dict__["form"]
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
        if not self._reads_urlencoded or self.mimetype != "application/x-www-form-urlencoded":
            super()._load_form_data()
            return
        pairs = query_pairs(self._read_urlencoded())
        self.__dict__["form"] = multi_dict(self.parameter_storage_class, pairs)

    def _read_urlencoded(self) -> str:
        """Read an urlencoded form within the limits that Werkzeug counts for multipart only."""
        size, parts = self.max_form_memory_size, self.max_form_parts
        stream = self._get_stream_for_parsing()
        data = stream.read() if size is None else _read_at_most(stream, size + 1)
        if size is not None and len(data) > size:
            raise RequestEntityTooLarge(f"A form may take {size} bytes.")
        if parts is not None and data.count(b"&") >= parts:
            raise RequestEntityTooLarge(f"A form may have {parts} fields.")
        # Werkzeug drops the whole form over one byte that is not UTF-8; here it stays, escaped.
        return data.decode(errors="werkzeug.url_quote")


def multi_dict(cls: type[MultiDict[str, Any]], values: dict[str, list[str]]) -> Any:
    """Return a multi dict of the values."""
    if cls is not ImmutableMultiDict:
        return cls(values)
    # A multi dict is a dict of lists, and these lists are its own: there is nothing to copy or to
    # convert (1.5 µs).
    made = cls.__new__(cls)
    dict.update(made, values)
    return made


def _read_at_most(stream: IO[bytes], size: int) -> bytes:
    """Read until the end or `size` bytes; one read may give less than there is."""
    if isinstance(stream, LimitedStream) and stream.limit <= size:
        return stream.read()
    data = bytearray()
    while len(data) < size:
        more = stream.read(min(_STEP, size - len(data)))
        if not more:
            break
        data += more
    return bytes(data)


#: How much is read at a time, in bytes: a raw stream makes room for all that it is asked for.
_STEP = 64 * 1024


def query_pairs(query: str) -> dict[str, list[str]]:
    """Return the values of an urlencoded text by name (URL Standard, section 5.1).

    It gives what :func:`urllib.parse.parse_qsl` gives, blank values included, in a third of its
    time where little is escaped.

    >>> query_pairs("a=1&b=x+y&a=%C3%A9")
    {'a': ['1', 'é'], 'b': ['x y']}
    """
    values: dict[str, list[str]] = {}
    if "+" in query:
        query = query.replace("+", " ")
    for pair in query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in name:
            name = unquote_to_bytes(name).decode(errors="werkzeug.url_quote")
        if "%" in value:
            value = unquote_to_bytes(value).decode(errors="werkzeug.url_quote")
        if name in values:
            values[name].append(value)
        else:
            values[name] = [value]
    return values


def cookie_values(header: str) -> dict[str, list[str]] | None:
    """Return the values of a `Cookie` header by name (RFC 6265 section 4.2), in linear time.

    :returns: None where a value is quoted, which Werkzeug's parser knows how to read.
    """
    if '"' in header:
        return None
    values: dict[str, list[str]] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        # What has white space inside is not a cookie, nor is a value without a name.
        inside = name + value
        if name and " " not in inside and "\t" not in inside:
            values.setdefault(name, []).append(value)
    return values


class _AtMost(LimitedStream):
    """A body of unknown length; one that is longer than its limit is refused and not cut short."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)
        self._source = stream

    def readall(self) -> bytes:
        """Read what is left."""
        data = super().readall()
        if self.is_exhausted:
            self.on_exhausted()
        return data

    def on_exhausted(self) -> None:
        """Look whether there is more, now that as much has been read as may be."""
        if self._source.read(1):
            raise RequestEntityTooLarge(f"A body may take {self.limit} bytes.")


def decoded(value: str) -> str:
    """Return the UTF-8 text that a WSGI server handed over as Latin-1 (PEP 3333)."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode(errors="replace")
