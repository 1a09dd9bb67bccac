"""The golden set: requests that every server is to answer in the same way, with their answers.

A row says what a reader wants to know of an answer; all of its headers are compared too, with those
of the application itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .wire import Headers, Request

FORM = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=xx")
PARTS = b"\r\n".join(
    [
        b"--xx",
        b'Content-Disposition: form-data; name="field"',
        b"",
        b"value",
        b"--xx",
        b'Content-Disposition: form-data; name="file"; filename="a.txt"',
        b"",
        b"content",
        b"--xx--",
        b"",
    ]
)
LETTERS = "".join(letter * 99 + "\n" for letter in "abcdefghij")
K200 = b"x" * 200_000
M2 = b"x" * 2_000_000
FORWARDED: Headers = (
    ("X-Forwarded-For", "192.0.2.7"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Port", "81"),
)


@dataclass(frozen=True)
class Golden:
    """A request and its answer.

    :ivar says: The whole body where it is text or bytes, and what is in it where it is JSON; None
        where the status says it all.
    :ivar headers: Some of the answer's, in lower case.
    """

    name: str
    request: Request
    status: int = 200
    says: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def get(name: str, target: str, *headers: tuple[str, str], **answer: Any) -> Golden:
    return Golden(name, Request("GET", target, headers), **answer)


def post(
    name: str,
    target: str,
    body: bytes | tuple[bytes, ...],
    *headers: tuple[str, str],
    **answer: Any,
) -> Golden:
    return Golden(name, Request("POST", target, headers, body), **answer)


def asked(name: str, method: str, target: str, *headers: tuple[str, str], **answer: Any) -> Golden:
    return Golden(name, Request(method, target, headers), **answer)


METHODS = [
    get("a plain page", "/", says="Hello, World!"),
    asked("HEAD", "HEAD", "/", says="", headers={"content-length": "13"}),
    asked("HEAD of a stream", "HEAD", "/stream", says=""),
    asked("HEAD of a file", "HEAD", "/file", says="", headers={"content-length": "1000"}),
    asked("HEAD of what is missing", "HEAD", "/missing", status=404, says=""),
    asked(
        "OPTIONS",
        "OPTIONS",
        "/echo",
        says="",
        headers={"allow": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PROPFIND, PUT"},
    ),
    Golden("PUT", Request("PUT", "/echo", (), b"put"), says={"method": "PUT", "body": "put"}),
    Golden("PATCH", Request("PATCH", "/echo", (), b"x"), says={"method": "PATCH", "body": "x"}),
    asked("DELETE", "DELETE", "/echo", says={"method": "DELETE", "size": 0}),
    Golden("DELETE with a body", Request("DELETE", "/echo", (), b"why"), says={"body": "why"}),
    asked("a method of WebDAV", "PROPFIND", "/echo", says={"method": "PROPFIND"}),
    asked(
        "a method that nobody knows",
        "BREW",
        "/",
        status=405,
        headers={"allow": "GET, HEAD, OPTIONS"},
    ),
    Golden(
        "HTTP/1.0 without a host",
        Request("GET", "/echo", host=None, version="HTTP/1.0"),
        says={"path": "/echo"},
    ),
    Golden(
        "a host as it was written",
        Request("GET", "/host", host="Golden.TEST:8100"),
        says={"host": "Golden.TEST:8100"},
    ),
]

BODIES = [
    post("a body", "/echo", b"hello", says={"size": 5, "body": "hello"}),
    post("an empty body", "/echo", b"", says={"size": 0}),
    post("a large body", "/echo", K200, says={"size": 200_000}),
    get("no length", "/length", says={"length": None}),
    post("a length of nothing", "/length", b"", says={"length": 0}),
    post("a length and a type", "/length", b"{}", ("Content-Type", "a/b"), says={"length": 2}),
    Golden("a POST without a body", Request("POST", "/echo", sized=False), says={"size": 0}),
    post(
        "a form", "/form", b"a=1&b=%C3%BC&a=2", FORM, says={"form": {"a": ["1", "2"], "b": ["ü"]}}
    ),
    post("a multipart form", "/form", PARTS, MULTIPART, says={"files": ["file"]}),
    post("lines", "/lines", b"one\ntwo\nthree", says=["one\n", "two\n", "three"]),
    post("a body that the view leaves", "/unread", K200, says="not read"),
    post("a body before a stream", "/stream", b"zero ", says="zero one two /stream"),
]

CHUNKED = [
    post("chunks", "/echo", (b"hello ", b"world"), says={"body": "hello world"}),
    post("many chunks", "/echo", (b"x" * 5000,) * 40, says={"size": 200_000}),
    post("no chunk at all", "/echo", (), says={"size": 0}),
    post("chunks of a form", "/form", (b"a=", b"1"), FORM, says={"form": {"a": ["1"]}}),
    post("chunks of parts", "/form", (PARTS[:50], PARTS[50:]), MULTIPART, says={"files": ["file"]}),
    post("chunks by lines", "/lines", (b"one\nt", b"wo"), says=["one\n", "two"]),
    post("chunks that the view leaves", "/unread", (b"x" * 5000,) * 40, says="not read"),
    post("chunks that are too many", "/small", (b"x" * 6,) * 3, status=413),
    post("chunks to nowhere", "/missing", (b"x" * 5000,) * 40, status=404),
]

REFUSED = [
    post("200 kB to a 404", "/missing", K200, status=404),
    post("2 MB to a 404", "/missing", M2, status=404),
    post("200 kB to a 405", "/", K200, status=405),
    post("2 MB to a 405", "/", M2, status=405),
    post("200 kB to a 413", "/small", K200, status=413),
    post("2 MB to a 413", "/small", M2, status=413),
    post("6 MB beyond the limit of all", "/echo", M2 * 3, status=413),
    post("a body that waits", "/echo", b"hello", ("Expect", "100-continue"), says={"size": 5}),
    post("a refused body that waits", "/", K200, ("Expect", "100-continue"), status=405),
]

PATHS = [
    get("an escaped slash", "/path/a%2Fb", says={"path": "a/b"}),
    get("an escaped space", "/path/a%20b+c", says={"path": "a b+c"}),
    get("UTF-8", "/path/gr%C3%BC%C3%9Fe", says={"path": "grüße"}),
    get("no UTF-8", "/path/%FF%FE", says={"path": "\ufffd\ufffd"}),
    get("an escaped letter", "/%65cho", says={"path": "/echo"}),
    get("delimiters", "/path/a;b=1,c@d:e!$&'()*", says={"path": "a;b=1,c@d:e!$&'()*"}),
    get("a NUL", "/path/a%00b", says={"path": "a\0b"}),
    get("a NUL to nowhere", "/missing%00", status=404),
    get("a broken escape", "/path/%zz", says={"path": "%zz"}),
    get(
        "many slashes",
        "//path//a//b",
        status=308,
        headers={"location": "http://golden.test/path/a/b"},
    ),
    get("dot segments", "/slash/../echo", status=404),
    get("a whole URL", "http://golden.test/echo?a=1", says={"path": "/echo", "args": {"a": ["1"]}}),
    get("a whole URL alone", "http://golden.test", says="Hello, World!"),
    get("a long path", f"/path/{'p' * 3000}", says={"path": "p" * 3000}),
    get(
        "a query",
        "/echo?a=1&a=2&b=%C3%BC&c=&d=x+y&%20=%FF",
        says={"args": {"a": ["1", "2"], "b": ["ü"], "c": [""], "d": ["x y"], " ": ["%FF"]}},
    ),
    get("a long query", f"/echo?a={'q' * 3000}", says={"args": {"a": ["q" * 3000]}}),
    get("a mounted page", "/mounted/echo", says={"root": "/mounted", "path": "/echo"}),
    get("the root of what is mounted", "/mounted/", says="Hello, World!"),
    get("a mounted root without its slash", "/mounted", status=308),
]

REDIRECTS = [
    get(
        "a missing slash",
        "/slash?a=1",
        status=308,
        headers={"location": "http://golden.test/slash/?a=1"},
    ),
    get(
        "a missing slash below a prefix",
        "/mounted/slash",
        status=308,
        headers={"location": "http://golden.test/mounted/slash/"},
    ),
    get("an IRI", "/redirect", status=302, headers={"location": "/path/%C3%BC/%C3%A4%20b"}),
    get("another host", "/redirect/external", status=302),
    get("what is missing, for a program", "/missing", ("Accept", "application/json"), status=404),
]

HEADERS = [
    get("cookies", "/cookies", ("Cookie", "a=1; b=two"), says={"a": "1", "b": "two"}),
    get("a quoted cookie", "/cookies", ("Cookie", 'a="x y\\054"; b=%C3%BC'), says={"a": "x y,"}),
    get(
        "two headers of cookies",
        "/cookies",
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        says={"a": "1", "b": "2"},
    ),
    get("a cookie of 4 kB", "/size/Cookie", ("Cookie", "a=" + "x" * 4091), says={"Cookie": 4093}),
    get("cookies of 8 kB", "/size/Cookie", ("Cookie", "a=" + "x" * 7998), says={"Cookie": 8000}),
    get("cookies that are set", "/cookies/set", says="three cookies"),
    get("a header twice", "/listed/X-Dup", ("X-Dup", "a"), ("X-Dup", "b"), says=["a", "b"]),
    get("a header in Latin-1", "/header/X-Name", ("X-Name", "grüße"), says={"X-Name": "grüße"}),
    get("no header", "/header/X-None", says={"X-None": None}),
    get("a header and its case", "/header/x-lower", ("X-LOWER", "a  b"), says={"x-lower": "a  b"}),
    get("many headers in the answer", "/many", says="headers"),
    get("forwarded by nobody", "/host", *FORWARDED, says={"host": "golden.test"}),
    get(
        "forwarded, the client",
        "/client",
        *FORWARDED,
        says={"address": "127.0.0.1", "secure": False, "root": ""},
    ),
    get(
        "forwarded, the scheme",
        "/client",
        ("X-Forwarded-Proto", "https"),
        says={"secure": False},
    ),
]

STATUSES = [
    get("no content", "/status/204", status=204, says=""),
    asked("no content to DELETE", "DELETE", "/status/204", status=204, says=""),
    get("not modified", "/status/304", status=304, says=""),
    get("created", "/status/201", status=201, says="status 201"),
    get("a teapot", "/status/418", status=418, says="status 418"),
    get("a status of one's own", "/status/299", status=299, says="status 299"),
    get("not implemented", "/status/501", status=501, says="status 501"),
]

FILES = [
    get("a file", "/file", says=LETTERS),
    get("a file to keep", "/download", says=LETTERS),
    get("a range", "/file", ("Range", "bytes=0-4"), status=206, says="aaaaa"),
    get("the last bytes", "/file", ("Range", "bytes=-3"), status=206, says="jj\n"),
    get("a range beyond the end", "/file", ("Range", "bytes=5000-"), status=416),
    get("two ranges", "/file", ("Range", "bytes=0-1,100-101"), status=416),
    asked("HEAD of a range", "HEAD", "/file", ("Range", "bytes=0-4"), status=206, says=""),
    get("what the client has", "/tagged", ("If-None-Match", '"abc"'), status=304, says=""),
    get("what the client had", "/tagged", ("If-None-Match", '"x"'), says="tagged"),
    get(
        "a file since then",
        "/file",
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        status=304,
        says="",
    ),
]

STREAMS = [
    get("a stream", "/stream", says="one two /stream"),
    get("a stream with a length", "/stream/sized", headers={"content-length": "10000"}),
    get("a stream of nothing", "/stream/empty", says=""),
    get("an error", "/fails", status=500),
    get("an error before the first piece", "/fails/at-first", status=500),
    get("an error midway", "/fails/midway", says="the beginning", cut=True),
    get(
        "an error midway, of a stream with a length",
        "/fails/midway/sized",
        says="the beginning",
        headers={"content-length": "1000"},
        cut=True,
    ),
]

GOLDEN = {
    golden.name: golden
    for golden in (
        *METHODS,
        *BODIES,
        *CHUNKED,
        *REFUSED,
        *PATHS,
        *REDIRECTS,
        *HEADERS,
        *STATUSES,
        *FILES,
        *STREAMS,
    )
}


def content(says: Any, body: bytes) -> Any:
    """Return that part of a body that a row says something about.

    :param says: What the row says.
    """
    if says is None:
        return None
    if isinstance(says, dict):
        sent = json.loads(body)
        return {name: sent.get(name) for name in says}
    return json.loads(body) if isinstance(says, list) else body.decode()
