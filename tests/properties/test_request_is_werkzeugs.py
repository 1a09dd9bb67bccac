"""Every public attribute of a request is what Werkzeug's request has, for any environ.

The deliberate differences are those of :data:`ITS_OWN`, of a query string that is not UTF-8, and
of an urlencoded form that is not UTF-8 or beyond the limits of forms; each has a test of its own.
A length that is empty is none, and nothing else than `content_length` is another thing for it.
`MICROWEB_SOAK` in the environment multiplies the number of environs that are tried.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO, RawIOBase
from math import isnan
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import EnvironHeaders as WerkzeugHeaders
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import LimitedStream, get_content_length

from microweb import Request
from microweb.input import Body

# Of a multipart body that breaks off in a file, Werkzeug leaves that file to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

SOAK = float(os.environ.get("MICROWEB_SOAK", "1"))
MANY = settings(
    max_examples=max(1, round(600 * SOAK)),
    deadline=None,
    database=None,
    derandomize=SOAK == 1,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: What Werkzeug's request does not have: it belongs to the application.
ITS_OWN = {
    "blueprint",
    "blueprints",
    "endpoint",
    "id",
    "limits",
    "may_hold_files",
    "routing_exception",
    "url_rule",
    "view_args",
}
ATTRIBUTES = sorted(
    name
    for name in dir(WerkzeugRequest({}))
    if not name.startswith("_") and not callable(getattr(WerkzeugRequest, name, None))
)
METHODS: dict[str, Callable[[Any], Any]] = {
    "get_data()": lambda request: request.get_data(),
    "get_data(as_text)": lambda request: request.get_data(as_text=True),
    "get_data(parse_form_data)": lambda request: request.get_data(parse_form_data=True),
    "get_json(force)": lambda request: request.get_json(force=True),
    "get_json(silent)": lambda request: request.get_json(silent=True),
    "repr": repr,
    "stream.read()": lambda request: request.stream.read(),
    "stream after form": lambda request: (request.form, request.stream.read())[1],
    "form after data": lambda request: (request.get_data(), request.form)[1],
    "form after get_json": lambda request: (request.get_json(silent=True), request.form)[1],
    "data after form": lambda request: (request.form, request.get_data())[1],
}


class Dripping(RawIOBase):
    """An input that returns less than it was asked for, as a socket does."""

    def __init__(self, data: bytes, step: int) -> None:
        self.inner = BytesIO(data)
        self.step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.inner.read(min(self.step, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


WIRE = st.text(st.characters(codec="latin-1"), max_size=12)
UTF8 = st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace").decode("latin-1"))
PIECES = st.sampled_from(
    [
        "/",
        "//",
        "a",
        "b.html",
        "%2F",
        "%C3%A9",
        "%",
        "%zz",
        "é",
        "ü",
        "Ã©",
        "ÿ",
        " ",
        "?",
        "#",
        ";",
        ":",
        "@google.com",
        "..",
        ".",
        "\\",
        "+",
        "=",
        "&",
        "~",
        "[",
        "\n",
        "\x00",
    ]
)
PATHS = st.one_of(WIRE, UTF8, st.lists(PIECES, max_size=6).map("".join))
QUERIES = st.one_of(
    UTF8,
    st.lists(
        st.sampled_from(
            [
                "a",
                "b",
                "=",
                "&",
                ";",
                "%20",
                "+",
                "%C3%A9",
                "%ff",
                "%",
                "%zz",
                "Ã©",
                "[]",
                "1",
                "?",
                "#",
                "/",
                "&&",
                "==",
            ]
        ),
        max_size=8,
    ).map("".join),
)
HOSTS = st.sampled_from(
    [
        "localhost",
        "example.com",
        "example.com:80",
        "example.com:443",
        "example.com:8080",
        "[::1]",
        "[::1]:80",
        "a.b.example.com.",
        "EXAMPLE.com",
        "bücher.example",
        "xn--bcher-kva.example",
        "",
        " ",
        "exa mple.com",
        "user@example.com",
        "example.com/path",
        "127.0.0.1:abc",
        "a:b:c",
    ]
)
DATES = st.sampled_from(["Sun, 06 Nov 1994 08:49:37 GMT", "yesterday", "", "0"])
COOKIES = st.one_of(
    WIRE,
    st.lists(
        st.sampled_from(
            [
                "a=1",
                "b=",
                "=c",
                "session=x.y.z",
                "a=2",
                'q="a\\"b\\054"',
                "Ã©=Ã©",
                "; ",
                ";",
                " ",
                ",",
                "==",
                "ÿ",
                "__Host-x=1",
                '"',
            ]
        ),
        max_size=8,
    ).map("".join),
)
HEADERS: dict[str, st.SearchStrategy[Any]] = {
    "HTTP_ACCEPT": st.sampled_from(
        ["*/*", "text/html, application/json;q=0.5", "", "a/b;q=x", ","]
    ),
    "HTTP_ACCEPT_CHARSET": st.sampled_from(["utf-8", "latin-1;q=0", ""]),
    "HTTP_ACCEPT_ENCODING": st.sampled_from(["gzip, br;q=0.1", "identity;q=0"]),
    "HTTP_ACCEPT_LANGUAGE": st.sampled_from(["de-AT, en;q=0.7", "*"]),
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": st.sampled_from(["X-A, x-b", ""]),
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": st.sampled_from(["PUT", ""]),
    "HTTP_AUTHORIZATION": st.sampled_from(
        ["Basic YTpi", "Basic YTpi=", "Basic !", "Bearer abc", "Digest a=b", "x", ""]
    ),
    "HTTP_CACHE_CONTROL": st.sampled_from(["no-cache, max-age=1", "max-age=x", "max-stale"]),
    "HTTP_CONTENT_ENCODING": st.sampled_from(["gzip", ""]),
    "HTTP_CONTENT_MD5": st.sampled_from(["Q2hlY2sgSW50ZWdyaXR5IQ=="]),
    "HTTP_COOKIE": COOKIES,
    "HTTP_DATE": DATES,
    "HTTP_HOST": HOSTS,
    "HTTP_IF_MATCH": st.sampled_from(['"a", W/"b"', "*", "x"]),
    "HTTP_IF_MODIFIED_SINCE": DATES,
    "HTTP_IF_NONE_MATCH": st.sampled_from(['"a"', "*", ""]),
    "HTTP_IF_RANGE": st.one_of(DATES, st.sampled_from(['"a"'])),
    "HTTP_IF_UNMODIFIED_SINCE": DATES,
    "HTTP_MAX_FORWARDS": st.sampled_from(["1", "x", ""]),
    "HTTP_ORIGIN": st.sampled_from(["https://example.com", "null"]),
    "HTTP_PRAGMA": st.sampled_from(["no-cache"]),
    "HTTP_RANGE": st.sampled_from(["bytes=0-1", "bytes=-5,3-", "bytes=x", "items=1-2", ""]),
    "HTTP_REFERER": st.sampled_from(["https://example.com/\xff", ""]),
    "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "identity"]),
    "HTTP_USER_AGENT": WIRE,
    "HTTP_X_FORWARDED_FOR": st.sampled_from(["1.2.3.4, ::1", "", "unknown"]),
    "HTTP_X_ODD": WIRE,
    "HTTP_CONTENT_TYPE": st.sampled_from(["application/json"]),
    "HTTP_CONTENT_LENGTH": st.sampled_from(["3"]),
    "REMOTE_ADDR": st.sampled_from(["127.0.0.1", "", "::1"]),
    "REMOTE_USER": st.sampled_from(["ada", ""]),
    "REQUEST_METHOD": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "get", "Odd", ""]),
    "SCRIPT_NAME": st.one_of(PATHS, st.sampled_from(["", "/", "/app", "/app/"])),
    "SERVER_NAME": st.sampled_from(["localhost", "", "::1", "/run/app.sock", "0.0.0.0"]),
    "SERVER_PORT": st.sampled_from(["80", "443", "8000", "", "x", "-1"]),
    "wsgi.input_terminated": st.just(True),
    "wsgi.multiprocess": st.booleans(),
    "wsgi.multithread": st.booleans(),
    "wsgi.run_once": st.booleans(),
    "wsgi.url_scheme": st.sampled_from(["http", "https", "ws", "wss", "ftp"]),
}
JSON = [b'{"a": [1, 2.5, null]}', b"[]", b"", b"{", b'"\xff"', b"\xef\xbb\xbf1", b"NaN", b"1e999"]
JSON += ["\u00e9".encode("utf-16"), b"[" * 100_000, b"1" * 5000, b'{"a": 1, "a": 2}', b"null"]
MULTIPART = [
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\xff\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="a\xc3\xa9.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nfile\r\n--x\r\n"
    b'Content-Disposition: form-data; name="a"\r\n\r\n\r\n--x--\r\n',
    b"--x--\r\n",
    b"--x\r\n",
    b"no part at all",
    b"--x\r\nContent-Disposition: attachment\r\n\r\n\r\n--x--",
]
FORMS = QUERIES.map(lambda text: text.encode("latin-1"))
CONTENT = st.one_of(
    st.tuples(
        st.sampled_from(["application/json", "application/ld+json; x=y", "APPLICATION/JSON"]),
        st.sampled_from(JSON),
    ),
    st.tuples(
        st.sampled_from(
            ["application/x-www-form-urlencoded", "application/X-WWW-form-urlencoded; charset=x"]
        ),
        FORMS,
    ),
    st.tuples(
        st.sampled_from(
            [
                "multipart/form-data; boundary=x",
                'multipart/form-data; boundary="x"',
                "multipart/form-data",
                "multipart/form-data; boundary=ÿ",
            ]
        ),
        st.sampled_from(MULTIPART),
    ),
    st.tuples(
        st.sampled_from(
            ["", "text/plain; charset=latin-1", "/", ";", "\xff", "a/b; c*=utf-8''%ff"]
        ),
        st.binary(max_size=20),
    ),
)


@st.composite
def environs(draw: st.DrawFn) -> tuple[dict[str, Any], bytes, int]:
    """An environ without its input, the bytes of that, and how many come at a time (0: all)."""
    environ: dict[str, Any] = {"PATH_INFO": draw(PATHS), "QUERY_STRING": draw(QUERIES)}
    for name in ("PATH_INFO", "QUERY_STRING"):
        if draw(st.integers(0, 15)) == 0:
            del environ[name]
    for name in draw(st.sets(st.sampled_from(sorted(HEADERS)), max_size=14)):
        environ[name] = draw(HEADERS[name])
    body = b""
    if draw(st.booleans()):
        environ["CONTENT_TYPE"], body = draw(CONTENT)
    length = draw(st.sampled_from(["right"] * 6 + [None, "", "0", "-1", "x", "7", "100000", " 3 "]))
    if length in {" 3 ", "7"} and not is_utf8(body[: int(length)]):
        length = "right"  # a form that breaks off within a character is another test's story
    if length is not None:
        environ["CONTENT_LENGTH"] = str(len(body)) if length == "right" else length
    return environ, body, draw(st.sampled_from([0, 0, 1, 3, 1000, -1]))


def made(request_class: type[WerkzeugRequest], case: tuple[dict[str, Any], bytes, int]) -> Any:
    environ, body, step = case
    stream: Any = BytesIO(body)
    if step > 0:
        stream = Dripping(body, step)
    elif step < 0:  # as the application hands it over
        adapted = Body if issubclass(request_class, Request) else LimitedStream
        stream = adapted(stream, get_content_length(environ) or 0)
    return request_class({**environ, "wsgi.input": stream}, populate_request=False)


def outcome(function: Callable[[], Any]) -> Any:
    """What a call returns, in a form that can be compared, or the type of its exception."""
    try:
        return plain(function())
    except (Exception, RecursionError) as error:
        return type(error)


def plain(value: Any) -> Any:
    if isinstance(value, FileStorage):
        return (value.filename, value.name, list(value.headers), value.stream.read())
    if isinstance(value, MultiDict):
        return (
            repr(value),
            isinstance(value, ImmutableMultiDict),
            [(key, plain(item)) for key, item in value.items(multi=True)],
        )
    if isinstance(value, float) and isnan(value):
        return "not a number"
    if hasattr(value, "read"):
        return "a stream"
    # The headers are of a subclass that says nothing of it.
    kind = WerkzeugHeaders if isinstance(value, WerkzeugHeaders) else type(value)
    if kind.__module__.startswith("werkzeug"):
        listed = list(value) if isinstance(value, Iterator | list | tuple) else None
        return kind, repr(value), str(value), listed
    return kind, value


def expected(request: WerkzeugRequest, name: str) -> Any:
    """An attribute of Werkzeug's request; it takes a length that is empty for 0."""
    value = getattr(request, name)
    if name == "content_length" and request.environ.get("CONTENT_LENGTH") == "":
        assert not value
        return None
    return value


#: The stream itself is compared by its content.
COMPARED = [name for name in ATTRIBUTES if name not in {"input_stream", "stream", "environ"}]


def test_the_attributes_that_are_compared_are_all_there_are() -> None:
    names = {
        name
        for name in dir(Request({}))
        if not name.startswith("_") and not callable(getattr(Request, name, None))
    }
    assert names - set(ATTRIBUTES) == ITS_OWN
    assert set(ATTRIBUTES) - names == set()
    assert len(COMPARED) > 60


def test_every_attribute_on_its_own_is_werkzeugs() -> None:
    differences: Counter[str] = Counter()

    @MANY
    @given(environs())
    def compare(case: tuple[dict[str, Any], bytes, int]) -> None:
        for name in COMPARED:
            ours = outcome(lambda name=name: getattr(made(Request, case), name))  # type: ignore[misc]
            werkzeugs = outcome(
                lambda name=name: expected(made(WerkzeugRequest, case), name)  # type: ignore[misc]
            )
            assert ours == werkzeugs, (name, case)
            differences[name] += 1

    compare()
    assert min(differences[name] for name in COMPARED) > 400 * SOAK


def test_every_method_that_reads_the_body_is_werkzeugs() -> None:
    @MANY
    @given(environs())
    def compare(case: tuple[dict[str, Any], bytes, int]) -> None:
        for name, method in METHODS.items():
            ours = outcome(lambda method=method: method(made(Request, case)))  # type: ignore[misc]
            werkzeugs = outcome(
                lambda method=method: method(made(WerkzeugRequest, case))  # type: ignore[misc]
            )
            assert ours == werkzeugs, (name, case)

    compare()


def test_attributes_one_after_the_other_are_werkzeugs() -> None:
    @MANY
    @given(environs(), st.permutations(COMPARED))
    def compare(case: tuple[dict[str, Any], bytes, int], names: list[str]) -> None:
        ours, werkzeugs = made(Request, case), made(WerkzeugRequest, case)
        for name in names:
            assert outcome(lambda name=name: getattr(ours, name)) == outcome(  # type: ignore[misc]
                lambda name=name: expected(werkzeugs, name)  # type: ignore[misc]
            ), (name, case, names)

    compare()


def test_a_query_that_is_not_utf8_is_read_as_if_its_bytes_were_replaced() -> None:
    @MANY
    @given(st.binary(max_size=12).filter(lambda query: not is_utf8(query)))
    def compare(query: bytes) -> None:
        ours = Request({"QUERY_STRING": query.decode("latin-1"), "PATH_INFO": "/a"})
        refused = outcome(lambda: WerkzeugRequest(ours.environ, populate_request=False).args)
        assert refused is UnicodeDecodeError
        replaced = query.decode("utf-8", "replace")
        stock = WerkzeugRequest({"QUERY_STRING": replaced.encode().decode("latin-1")})
        assert ours.query_string == query
        assert plain(ours.args) == plain(stock.args)
        assert ours.full_path == f"/a?{replaced}"
        assert f"?{ours.url.partition('?')[2]}" == f"?{werkzeug_url(query).partition('?')[2]}"

    compare()


def werkzeug_url(query: bytes) -> str:
    return WerkzeugRequest({"QUERY_STRING": query.decode("latin-1"), "PATH_INFO": "/a"}).url


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def form_request(request_class: type[WerkzeugRequest], body: bytes) -> Any:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
    }
    return made(request_class, (environ, body, 0))


def test_bytes_of_a_form_that_are_not_utf8_stay_percent_encoded() -> None:
    @MANY
    @given(st.binary(max_size=12).filter(lambda body: not is_utf8(body)))
    def compare(body: bytes) -> None:
        assert list(form_request(WerkzeugRequest, body).form) == []
        escaped = "".join(
            piece if is_text else quote_from_bytes(piece.encode("latin-1"), safe="")
            for piece, is_text in utf8_pieces(body)
        )
        expected = form_request(WerkzeugRequest, escaped.encode()).form
        assert plain(form_request(Request, body).form) == plain(expected)

    compare()


def utf8_pieces(data: bytes) -> Iterator[tuple[str, bool]]:
    """Split bytes into texts that are UTF-8 and into stray bytes (as Latin-1)."""
    while data:
        try:
            yield data.decode(), True
            return
        except UnicodeDecodeError as error:
            yield data[: error.start].decode(), True
            yield data[error.start : error.end].decode("latin-1"), False
            data = data[error.end :]


def test_an_urlencoded_form_beyond_the_limits_is_refused_where_werkzeug_reads_on() -> None:
    for body in (b"a=" + b"b" * 500_000, b"a&" * 1_000 + b"a"):
        assert len(form_request(WerkzeugRequest, body).form) == 1
        assert outcome(lambda body=body: form_request(Request, body).form) is (  # type: ignore[misc]
            RequestEntityTooLarge
        )
        assert issubclass(RequestEntityTooLarge, HTTPException)
