"""What a response sends is byte for byte what Werkzeug's response sends, however it was made.

The deliberate differences: a 204 has no Content-Type (`wsgiref.validate` insists on that), and a
name that is no token, a control character and one beyond Latin-1 are refused; tests/test_app.py has
these.
`MICROWEB_SOAK` in the environment multiplies the number of responses that are tried.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any, TypeAlias

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import Response

SOAK = float(os.environ.get("MICROWEB_SOAK", "1"))
MANY = settings(
    max_examples=max(1, round(2_000 * SOAK)),
    deadline=None,
    database=None,
    derandomize=SOAK == 1,
    suppress_health_check=[HealthCheck.too_slow],
)


class Stock(WerkzeugResponse):
    default_mimetype = "text/html"


class OurSubclass(Response):
    default_mimetype = "text/plain"


class StockSubclass(WerkzeugResponse):
    default_mimetype = "text/plain"


class OurCreated(Response):
    default_status = 201


class StockCreated(WerkzeugResponse):
    default_mimetype = "text/html"
    default_status = 201


class OurBare(Response):
    default_mimetype = None
    automatically_set_content_length = False


class StockBare(WerkzeugResponse):
    default_mimetype = None
    automatically_set_content_length = False


CLASSES: list[tuple[type[Response], type[WerkzeugResponse]]] = [
    (Response, Stock),
    (OurSubclass, StockSubclass),
    (OurCreated, StockCreated),
    (OurBare, StockBare),
]


class Closing:
    """An iterable body that says when it was closed."""

    def __init__(self, chunks: list[Any]) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1


#: Bodies are made anew for each of the two responses, because some can be read once only.
Body: TypeAlias = tuple[str, Any]
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8), st.sampled_from(["", "x", "é", "a\nb"])
)
CHUNKS = st.lists(st.one_of(TEXTS, st.binary(max_size=8)), max_size=4)
BODIES: st.SearchStrategy[Body] = st.one_of(
    st.tuples(st.just("as it is"), st.one_of(st.none(), TEXTS, st.binary(max_size=8))),
    st.tuples(st.just("as it is"), st.one_of(TEXTS, st.binary(max_size=8))),
    st.tuples(st.sampled_from(["list", "tuple", "iterator", "closing"]), CHUNKS),
    st.tuples(st.just("bytearray"), st.binary(max_size=8)),
    st.tuples(st.just("markup"), TEXTS),
)
FORMS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda value: value,
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "closing": Closing,
    "bytearray": bytearray,
    "markup": Markup,
}
STATUSES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.sampled_from([200, 201, 204, 206, 301, 304, 404, 418, 500, 100, 101, 103, 199, 299, 600]),
    st.sampled_from([*HTTPStatus]),
    st.sampled_from(
        [
            "200 OK",
            "204",
            "404 Gone Fishing",
            "418 I'm a teapot",
            "Just Text",
            "",
            " ",
            "304 x",
            "200 é",
            "0 x",
            "-1",
            "204 No Content",
            "103 Early",
        ]
    ),
    st.sampled_from([0, -1, 1000, True]),
)
NAMES = st.sampled_from(
    [
        "X-A",
        "x-a",
        "Content-Type",
        "content-type",
        "Content-Length",
        "CONTENT-LENGTH",
        "Location",
        "Content-Location",
        "Vary",
        "Set-Cookie",
        "ETag",
        "Cache-Control",
        "Content-Encoding",
    ]
)
VALUES = st.sampled_from(
    [
        "",
        "1",
        "a",
        "text/plain",
        "text/html; charset=utf-8",
        "/über?q=é#f",
        "//evil",
        "http://a/ b",
        "Accept",
        "a=b; Path=/",
        "7",
        "line\nbreak",
        "é",
        "*",
    ]
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
HEADERS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.none(),
    PAIRS,
    PAIRS.map(dict),
    PAIRS.map(lambda pairs: {name: [value, value] for name, value in pairs}),
    PAIRS.map(lambda pairs: [(name, value) for name, value in pairs if "\n" not in value]),
)
MIMETYPES = st.sampled_from(
    [
        None,
        None,
        None,
        "text/html",
        "text/plain",
        "application/json",
        "application/problem+json",
        "application/xml",
        "image/svg+xml",
        "image/png",
        "text/css; charset=latin-1",
        "TEXT/HTML",
        "",
    ]
)
CONTENT_TYPES = st.sampled_from([None, None, None, "text/x", "text/plain; charset=x", "", "a\nb"])
WHEN = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)

ENVIRON = EnvironBuilder("/path/?q=1", base_url="http://localhost/app").get_environ()

Operation: TypeAlias = Callable[[Any], Any]
OPERATIONS: dict[str, Operation] = {
    "set_cookie": lambda response: response.set_cookie("a", "b c"),
    "set_cookie with all": lambda response: response.set_cookie(
        "é",
        "☃",
        max_age=1,
        expires=0,
        path="/x",
        domain="a.b",
        secure=True,
        httponly=True,
        samesite="Strict",
    ),
    "delete_cookie": lambda response: response.delete_cookie("a"),
    "headers.add": lambda response: response.headers.add("X-B", "1"),
    "headers.add with options": lambda response: response.headers.add("X-B", "1", a="é"),
    "headers.add newline": lambda response: response.headers.add("X-B", "1\r\nX-C: 2"),
    "headers.set": lambda response: response.headers.set("content-type", "x/y"),
    "headers[]": lambda response: response.headers.__setitem__("X-A", "2"),
    "del headers[]": lambda response: response.headers.__delitem__("Content-Length"),
    "headers.clear": lambda response: response.headers.clear(),
    "headers.extend": lambda response: response.headers.extend({"X-A": ["3", "4"]}),
    "headers.setdefault": lambda response: response.headers.setdefault("Content-Type", "z/z"),
    "headers.update": lambda response: response.headers.update({"content-length": "5"}),
    "headers.remove": lambda response: response.headers.remove("content-type"),
    "headers |=": lambda response: response.headers.__ior__({"X-D": "1"}),
    "headers = Headers": lambda response: setattr(response, "headers", Headers({"X-New": "1"})),
    "list(headers)": lambda response: list(response.headers),
    "set_data text": lambda response: response.set_data("neu é"),
    "set_data bytes": lambda response: response.set_data(b"new"),
    "data": lambda response: setattr(response, "data", "x"),
    "get_data": lambda response: response.get_data(),
    "get_data(as_text)": lambda response: response.get_data(as_text=True),
    "response = list": lambda response: setattr(response, "response", ["a", b"b"]),
    "response = iterator": lambda response: setattr(response, "response", iter(["a", b"b"])),
    "response.append": lambda response: response.response.append(b"more"),
    "response[0]": lambda response: response.response.__setitem__(0, "text"),
    "stream.write": lambda response: response.stream.write(b"streamed"),
    "make_sequence": lambda response: response.make_sequence(),
    "freeze": lambda response: response.freeze(),
    "add_etag": lambda response: response.add_etag(),
    "set_etag": lambda response: response.set_etag("e", weak=True),
    "make_conditional": lambda response: (
        response.make_conditional(
            {**ENVIRON, "HTTP_IF_NONE_MATCH": '"e"', "HTTP_RANGE": "bytes=0-1"},
            accept_ranges=True,
            complete_length=3,
        )
        and None
    ),
    "vary": lambda response: response.vary.add("Cookie"),
    "vary twice": lambda response: response.vary.update(["Accept", "cookie"]),
    "allow": lambda response: response.allow.add("GET"),
    "cache_control": lambda response: setattr(response.cache_control, "max_age", 5),
    "mimetype": lambda response: setattr(response, "mimetype", "text/css"),
    "mimetype_params": lambda response: response.mimetype_params.__setitem__("a", "b"),
    "content_type": lambda response: setattr(response, "content_type", "text/css"),
    "content_length": lambda response: setattr(response, "content_length", 3),
    "content_language": lambda response: response.content_language.add("de"),
    "content_security_policy": lambda response: setattr(
        response.content_security_policy, "default_src", "'self'"
    ),
    "location": lambda response: setattr(response, "location", "/ü"),
    "last_modified": lambda response: setattr(response, "last_modified", WHEN),
    "expires": lambda response: setattr(response, "expires", WHEN),
    "retry_after": lambda response: setattr(response, "retry_after", 120),
    "www_authenticate": lambda response: setattr(response.www_authenticate, "type", "basic"),
    "access_control": lambda response: setattr(response, "access_control_allow_origin", "*"),
    "status_code": lambda response: setattr(response, "status_code", 204),
    "status_code 304": lambda response: setattr(response, "status_code", 304),
    "status_code 102": lambda response: setattr(response, "status_code", 102),
    "status_code 200": lambda response: setattr(response, "status_code", 200),
    "status": lambda response: setattr(response, "status", "299 Odd"),
    "direct_passthrough": lambda response: setattr(response, "direct_passthrough", True),
    "call_on_close": lambda response: response.call_on_close(lambda: None) and None,
    "is_streamed": lambda response: (response.is_streamed, response.is_sequence),
    "calculate_content_length": lambda response: response.calculate_content_length(),
    "get_json": lambda response: response.get_json(force=True),
    "repr": lambda response: repr(response).partition(" ")[2],
    "send": lambda response: sent(response, "GET")[:2],
    "close": lambda response: response.close(),
}
OPERATION_LISTS = st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=4)


def sent(response: WerkzeugResponse, method: str) -> tuple[str, list[tuple[str, str]], Any]:
    """Return the status line, the headers and the body that go to a server."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, list(headers)))

    body: Any = response({**ENVIRON, "REQUEST_METHOD": method}, start_response)
    try:
        # With direct_passthrough Werkzeug hands on text, which WSGI does not know.
        encode = response.direct_passthrough
        data = b"".join(item.encode() if encode and type(item) is str else item for item in body)
    finally:
        if hasattr(body, "close"):
            body.close()
    ((status, headers),) = started
    return status, headers, data


def outcome(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        return type(error)


def without_the_type_of_a_204(answer: Any) -> Any:
    if isinstance(answer, tuple) and str(answer[0]).startswith("204"):
        status, headers, *rest = answer
        return status, [(k, v) for k, v in headers if k.lower() != "content-type"], *rest
    return answer


Answers: TypeAlias = list[tuple[str, Any]]


def answers(
    cls: type[WerkzeugResponse],
    body: Body,
    arguments: dict[str, Any],
    operations: list[str],
    method: str,
) -> Answers:
    """Make a response, work on it, and send it; every step with its result."""
    form, value = body
    made = outcome(lambda: FORMS[form](value))
    response = outcome(lambda: cls(made, **arguments))
    if isinstance(response, type):
        return [("made", response)]
    found: Answers = []
    for name in operations:
        result = outcome(lambda name=name: OPERATIONS[name](response))  # type: ignore[misc]
        found.append((name, without_the_type_of_a_204(result)))
    for again in ("sent", "sent again"):
        found.append((again, without_the_type_of_a_204(outcome(lambda: sent(response, method)))))
    found.append(("status", (response.status, response.status_code)))
    found.append(("headers", list(response.headers)))
    found.append(("closed", getattr(made, "closed", None)))
    return found


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    # Most responses have few of them, and these go the short road.
    drawn = {
        "status": draw(STATUSES),
        "headers": draw(HEADERS),
        "mimetype": draw(MIMETYPES),
        "content_type": draw(CONTENT_TYPES),
        "direct_passthrough": draw(st.sampled_from([False] * 7 + [True])),
    }
    wanted = draw(st.sets(st.sampled_from(sorted(drawn))))
    return {name: value for name, value in drawn.items() if name in wanted}


count: Counter[str] = Counter()


@MANY
@given(
    st.sampled_from(CLASSES),
    BODIES,
    arguments(),
    OPERATION_LISTS,
    st.sampled_from(["GET", "GET", "HEAD", "POST"]),
)
@example(CLASSES[0], ("as it is", "x"), {}, [], "GET")
@example(CLASSES[0], ("as it is", b"x"), {"status": 204}, [], "GET")
@example(CLASSES[0], ("as it is", "x"), {"mimetype": ""}, [], "GET")
@example(CLASSES[0], ("as it is", "x"), {}, ["headers = Headers"], "GET")
@example(CLASSES[0], ("as it is", "x"), {}, ["send", "headers = Headers"], "GET")
@example(CLASSES[0], ("iterator", ["a"]), {}, ["get_data"], "GET")
@example(CLASSES[0], ("iterator", ["a", "b"]), {}, ["get_data"], "GET")
@example(CLASSES[2], ("as it is", "x"), {}, [], "GET")
def test_every_step_and_what_is_sent_are_werkzeugs(
    classes: tuple[type[Response], type[WerkzeugResponse]],
    body: Body,
    arguments: dict[str, Any],
    operations: list[str],
    method: str,
) -> None:
    ours, stock = classes
    found = answers(ours, body, arguments, operations, method)
    expected = answers(stock, body, arguments, operations, method)
    if found != expected:  # a header Date may have fallen into the next second between the two
        found = answers(ours, body, arguments, operations, method)
        expected = answers(stock, body, arguments, operations, method)
    assert found == expected
    count["compared"] += 1
    count["sent"] += found[-1][0] == "closed"


def test_most_of_these_responses_could_be_made_and_sent() -> None:
    if count:  # not where this test runs alone
        assert count["sent"] > 0.6 * count["compared"]


def test_a_204_is_sent_without_a_content_type() -> None:
    for response in (Response("x", status=204), Response(["x"], 204), OurSubclass(status="204")):
        status, headers, body = sent(response, "GET")
        assert (status, headers, body) == ("204 NO CONTENT", [], b"")
    assert sent(Stock("x", status=204), "GET")[1] == [("Content-Type", "text/html; charset=utf-8")]


def test_setting_every_property_of_werkzeugs_response_gives_its_headers() -> None:
    names = [
        name
        for name in dir(Stock())
        if not name.startswith("_") and isinstance(getattr(Stock, name, None), property)
    ]
    assert len(names) > 15
    for name in names:
        for value in ("x", 3, WHEN, ["a"], None, True):
            ours, stock = Response("body"), Stock("body")
            for response in (ours, stock):
                response.headers["X-Before"] = "1"
            first = outcome(lambda: setattr(ours, name, value))  # noqa: B023
            second = outcome(lambda: setattr(stock, name, value))  # noqa: B023
            assert first == second, (name, value)
            answer = outcome(lambda: sent(ours, "GET"))  # noqa: B023
            stocks = outcome(lambda: sent(stock, "GET"))  # noqa: B023
            assert without_the_type_of_a_204(answer) == without_the_type_of_a_204(stocks)
