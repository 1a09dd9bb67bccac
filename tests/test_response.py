"""The response: subclasses, reuse, closing, and headers that are made when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import App, Response, session

Sent = tuple[str, list[tuple[str, str]], bytes]


def send(response: WerkzeugResponse, method: str = "GET") -> Sent:
    """Send a response as a server would, which may change the list of headers."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers.copy()))
        headers.append(("X-Server", "changed the list"))

    body: Any = response(EnvironBuilder(method=method).get_environ(), start_response)
    try:
        data = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    ((status, headers),) = started
    return status, headers, data


def hello(kind: str = "text/html; charset=utf-8") -> list[tuple[str, str]]:
    return [("Content-Type", kind), ("Content-Length", "5")]


# --- what is sent


def test_text_is_html_in_utf8() -> None:
    assert send(Response("héllo")) == (
        "200 OK",
        [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "6")],
        "héllo".encode(),
    )


def test_nothing_is_an_empty_body() -> None:
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "0")]
    assert send(Response()) == send(Response("")) == send(Response(b"")) == ("200 OK", headers, b"")


def test_head_sends_the_headers_alone() -> None:
    assert send(Response("hello"), "HEAD") == ("200 OK", hello(), b"")
    assert send(Response(["hel", "lo"]), "HEAD") == ("200 OK", hello(), b"")
    assert send(Response(iter(["hello"])), "HEAD") == ("200 OK", hello()[:1], b"")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (201, "201 CREATED"),
        (HTTPStatus.NOT_FOUND, "404 NOT FOUND"),
        (418, "418 I'M A TEAPOT"),
        (299, "299 UNKNOWN"),
        ("418 Short and stout", "418 Short and stout"),
        ("404", "404 NOT FOUND"),
        ("Text only", "0 Text only"),
    ],
)
def test_a_status_is_a_code_or_a_line(status: Any, line: str) -> None:
    response = Response("hello", status)
    assert send(response) == (line, hello(), b"hello")
    assert response.status == line
    assert response.status_code == int(line.partition(" ")[0])


@pytest.mark.parametrize("status", [100, 103, 204, 304])
def test_a_status_without_a_body_has_none_and_no_length(status: int) -> None:
    _, headers, body = send(Response("hello", status))
    assert body == b""
    assert "Content-Length" not in dict(headers)


def test_an_empty_mimetype_is_not_the_default_one() -> None:
    assert send(Response("hello", mimetype="")) == ("200 OK", hello(""), b"hello")


@pytest.mark.parametrize(
    "kwargs",
    [
        {"headers": {"X": "a\nb"}},
        {"headers": [("X", "a\rb")]},
        {"content_type": "a\r\nb"},
        {"status": "200 OK", "headers": {"X": ["a", "b\n"]}},
    ],
)
def test_a_newline_in_a_header_is_refused(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="newline"):
        Response("x", **kwargs)


def test_a_newline_is_refused_later_too() -> None:
    response = Response("x")
    with pytest.raises(ValueError, match="newline"):
        response.headers["X"] = "a\nb"
    with pytest.raises(ValueError, match="newline"):
        response.headers.add("X", "a\rb")
    assert send(response)[1] == [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "1"),
    ]


# --- headers


def test_headers_that_are_looked_at_are_those_that_are_sent() -> None:
    response = Response("hello")
    assert list(response.headers) == hello()
    response.headers["X-A"] = "1"
    response.headers["content-type"] = "text/plain"
    assert send(response)[1] == [
        ("content-type", "text/plain"),
        ("Content-Length", "5"),
        ("X-A", "1"),
    ]


def test_headers_are_one_object() -> None:
    response = Response("hello")
    assert response.headers is response.headers
    assert isinstance(response.headers, Headers)


def test_headers_can_be_replaced_before_they_were_looked_at() -> None:
    response = Response("hello")
    response.headers = Headers({"X-Only": "this"})
    assert send(response) == (
        "200 OK",
        [("X-Only", "this"), ("Content-Length", "5")],
        b"hello",
    )


def test_headers_can_be_replaced_afterwards() -> None:
    response = Response("hello")
    assert len(response.headers) == 2
    response.headers = Headers({"X-Only": "this"})
    assert send(response)[1] == [("X-Only", "this"), ("Content-Length", "5")]


@pytest.mark.parametrize("looked_at", [False, True])
def test_append_header_adds_one_and_default_header_only_a_missing_one(looked_at: bool) -> None:
    response = Response("hello")
    if looked_at:
        assert len(response.headers) == 2
    response.append_header("X-A", "1")
    response.append_header("X-A", "2")
    response.default_header("X-A", "3")
    response.default_header("Content-Type", "text/plain")
    response.default_header("X-B", "4")
    assert send(response)[1] == [*hello(), ("X-A", "1"), ("X-A", "2"), ("X-B", "4")]


@pytest.mark.parametrize("looked_at", [False, True])
def test_vary_on_names_each_header_once(looked_at: bool) -> None:
    response = Response("hello")
    if looked_at:
        assert len(response.headers) == 2
    for name in ("Accept", "Cookie", "Accept", "Cookie"):
        response.vary_on(name)
    assert list(response.vary) == ["Accept", "Cookie"]


def test_vary_keeps_what_vary_on_named_when_more_is_added() -> None:
    response = Response("hello")
    response.vary_on("Accept")
    response.vary_on("Cookie")
    response.vary.add("Origin")
    names = [value for name, value in send(response)[1] if name == "Vary"]
    assert ", ".join(names) == "Accept, Cookie, Origin"


def test_an_error_page_for_a_session_depends_on_accept_and_on_the_cookie(app: App) -> None:
    @app.after_request
    def add(response: Response) -> Response:
        assert session.get("a") is None
        return response

    response = app.test_client().get("/missing")
    assert ", ".join(response.headers.getlist("Vary")) == "Accept, Cookie"


# --- bodies


def test_a_streamed_body_that_is_read_on_the_way_gets_its_length() -> None:
    response = Response(iter(["hel", "lo"]))
    assert response.get_data() == b"hello"
    assert send(response) == ("200 OK", hello(), b"hello")
    response = Response(iter(["hello"]))
    assert response.get_data() == b"hello"
    assert send(response) == ("200 OK", hello(), b"hello")


def test_a_streamed_body_is_not_read_before_it_is_sent() -> None:
    steps: list[str] = []

    def body() -> Iterator[str]:
        steps.append("first")
        yield "hel"
        steps.append("second")
        yield "lo"

    response = Response(body())
    assert response.is_streamed
    iterator = iter(response(EnvironBuilder().get_environ(), lambda *args: lambda data: None))
    assert steps == []
    assert next(iterator) == b"hel"
    assert steps == ["first"]
    assert list(iterator) == [b"lo"]
    response.close()


def test_set_data_replaces_body_and_length() -> None:
    response = Response("something else")
    response.set_data("hello")
    assert send(response) == ("200 OK", hello(), b"hello")
    response.data = b"hi"
    assert send(response)[2] == b"hi"
    assert response.headers["Content-Length"] == "2"


# --- one object, many times


def test_one_response_can_be_sent_again_and_again() -> None:
    shared = Response("hello")
    for method, body in (("GET", b"hello"), ("HEAD", b""), ("GET", b"hello")):
        assert send(shared, method) == ("200 OK", hello(), body)


def test_one_response_can_be_returned_again_and_again(app: App) -> None:
    shared = Response("hello")
    app.add_url_rule("/", "view", lambda: shared)
    client = app.test_client()
    for _ in range(3):
        response = client.get("/")
        assert (list(response.headers), response.data) == (hello(), b"hello")


def test_one_response_that_depends_on_the_session_says_so_once(app: App) -> None:
    shared = Response("hello")

    @app.get("/")
    def view() -> Response:
        assert session.get("a") is None
        return shared

    client = app.test_client()
    for _ in range(3):
        assert client.get("/").headers.getlist("Vary") == ["Cookie"]


# --- closing


def test_call_on_close_runs_each_function_when_the_server_is_done() -> None:
    calls: list[str] = []
    response = Response("hello")

    @response.call_on_close
    def first() -> None:
        calls.append("first")

    assert response.call_on_close(lambda: calls.append("second")) is not None
    assert first.__name__ == "first"
    body: Any = response(EnvironBuilder().get_environ(), lambda *args: lambda data: None)
    assert list(body) == [b"hello"]
    assert calls == []
    body.close()
    assert calls == ["first", "second"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304])
@pytest.mark.parametrize("body", ["hello", ["hel", "lo"], None])
def test_call_on_close_runs_for_every_kind_of_answer(method: str, status: int, body: Any) -> None:
    calls: list[str] = []
    response = Response(body, status)
    response.call_on_close(lambda: calls.append("closed"))
    send(response, method)
    assert calls == ["closed"]


def test_functions_to_call_on_close_belong_to_one_response() -> None:
    calls: list[str] = []
    first, second = Response("hello"), Response("hello")
    first.call_on_close(lambda: calls.append("first"))
    send(second)
    assert calls == []


def test_close_runs_them_as_well_and_closes_the_body() -> None:
    calls: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"hello"])

        def close(self) -> None:
            calls.append("body")

    with Response(Body()) as response:
        response.call_on_close(lambda: calls.append("function"))
    assert calls == ["body", "function"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_with_a_close_method_is_closed_once(method: str) -> None:
    closed: list[bool] = []

    def body() -> Iterator[bytes]:
        try:
            yield b"hello"
        finally:
            closed.append(True)

    generator = body()
    next(generator)
    send(Response(generator), method)
    assert closed == [True]


def test_the_application_closes_what_a_view_registered(app: App) -> None:
    calls: list[str] = []

    @app.get("/")
    def view() -> Response:
        response = Response("hello")
        response.call_on_close(lambda: calls.append("closed"))
        return response

    with app.test_client().get("/") as response:
        assert response.data == b"hello"
    assert calls == ["closed"]


# --- subclasses


class Shouting(Response):
    def set_data(self, value: bytes | str) -> None:
        text = value if isinstance(value, str) else value.decode()
        super().set_data(text.upper())


class Signing(Response):
    def get_wsgi_headers(self, environ: Any) -> Headers:
        headers = super().get_wsgi_headers(environ)
        headers["X-Signed"] = "yes"
        return headers


class Twice(Response):
    def iter_encoded(self) -> Iterator[bytes]:
        for item in super().iter_encoded():
            yield item
            yield item


class Appending(Response):
    def get_app_iter(self, environ: Any) -> Iterable[bytes]:
        return [*super().get_app_iter(environ), b"!"]


class Teapot(Response):
    def get_wsgi_response(self, environ: Any) -> tuple[Any, str, list[tuple[str, str]]]:
        body, _, headers = super().get_wsgi_response(environ)
        return body, "418 TEAPOT", headers


class WithoutLength(Response):
    automatically_set_content_length = False


class Plain(Response):
    default_mimetype = "text/plain"


class Odd(Response):
    default_mimetype = "x/odd"


class Starting(Response):
    default_status = 201


class Calling(Response):
    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("299 OWN", [("Content-Type", "x/own")])
        return [b"own"]


class Deriving(Signing):
    """A subclass of a subclass."""


TYPE = ("Content-Type", "text/html; charset=utf-8")
SUBCLASSES: list[tuple[type[Response], Sent]] = [
    (Shouting, ("200 OK", hello(), b"HELLO")),
    (Signing, ("200 OK", [*hello(), ("X-Signed", "yes")], b"hello")),
    (Deriving, ("200 OK", [*hello(), ("X-Signed", "yes")], b"hello")),
    (Twice, ("200 OK", hello(), b"hellohello")),
    (Appending, ("200 OK", hello(), b"hello!")),
    (Teapot, ("418 TEAPOT", hello(), b"hello")),
    (WithoutLength, ("200 OK", [TYPE], b"hello")),
    (Plain, ("200 OK", hello("text/plain; charset=utf-8"), b"hello")),
    (Odd, ("200 OK", hello("x/odd"), b"hello")),
    (Starting, ("201 CREATED", hello(), b"hello")),
    (Calling, ("299 OWN", [("Content-Type", "x/own")], b"own")),
]


@pytest.mark.parametrize(("cls", "expected"), SUBCLASSES)
def test_what_a_subclass_overrides_is_honoured(cls: type[Response], expected: Sent) -> None:
    assert send(cls("hello")) == expected


@pytest.mark.parametrize(("cls", "expected"), SUBCLASSES)
def test_it_is_honoured_for_the_views_of_an_application(
    cls: type[Response], expected: Sent
) -> None:
    if cls in (Twice, Appending):
        return  # more bytes than they say: wsgiref.validate would complain of the test
    app = App("example", static_folder=None)
    app.response_class = cls
    app.add_url_rule("/", "view", lambda: "hello")
    response = app.test_client().get("/", buffered=True)
    assert (response.status, list(response.headers), response.data) == expected


def test_a_response_of_another_class_becomes_one_of_the_applications(app: App) -> None:
    app.response_class = Signing
    app.add_url_rule("/werkzeug", "werkzeug", lambda: WerkzeugResponse("x", mimetype="a/b"))
    app.add_url_rule("/ours", "ours", lambda: Response("x", mimetype="text/plain"))
    app.add_url_rule("/error", "error", NotFound)
    client = app.test_client()
    for path, kind in (("/werkzeug", "a/b"), ("/ours", "text/plain"), ("/error", "text/html")):
        response = client.get(path, buffered=True)
        assert response.headers["X-Signed"] == "yes"
        assert response.mimetype == kind


def test_an_override_on_one_class_does_not_slow_or_change_its_parent() -> None:
    assert send(Response("hello")) == ("200 OK", hello(), b"hello")
    assert send(Signing("hello"))[1] == [*hello(), ("X-Signed", "yes")]
    assert send(Response("hello")) == ("200 OK", hello(), b"hello")


def test_a_default_mimetype_of_an_application_is_used_for_its_views(app: App) -> None:
    app.response_class = Plain
    app.add_url_rule("/", "view", lambda: "hello")
    assert list(app.test_client().get("/").headers) == hello("text/plain; charset=utf-8")


@pytest.mark.parametrize(("name", "value"), [("X\r\nEvil", "1"), ("X-A", "a\x00b"), ("X-A", "€")])
@pytest.mark.parametrize("status", [200, 204])
def test_a_subclass_with_a_road_of_its_own_refuses_the_same_headers(
    name: str, value: str, status: int
) -> None:
    class Own(Response):
        def get_app_iter(self, environ: Any) -> Iterable[bytes]:
            return super().get_app_iter(environ)

    for cls in (Response, Own):
        with pytest.raises(ValueError, match=r"^(The header|'X)"):
            send(cls("hello", status, {name: value}))
