"""What is sent without a response object is what a response would send, byte for byte."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.exceptions import (
    Forbidden,
    Gone,
    HTTPException,
    ImATeapot,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
)
from werkzeug.routing import RequestRedirect

from microweb import App, Response, after_this_request, request_finished, session
from microweb.identity import KEY
from microweb.json.provider import DefaultJSONProvider


class Whole(App):
    """An application whose answers all become responses, as a step of the way is its own."""

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
        return super().finalize_request(rv, from_error_handler)


Sent = tuple[str, list[tuple[str, str]], bytes]


def sent(app: App, path: str = "/", method: str = "GET", **environ: str) -> Sent:
    """Return what an application sends, as a server gets it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers))

    body = app.wsgi_app(
        {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            KEY: "a-request",
            **environ,
        },
        start_response,
    )
    try:
        data = b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    (status, headers) = started[0]
    return status, headers, data


def both(make: Callable[[App], None]) -> tuple[App, App]:
    """Return an application and one that goes the long way, put together alike."""
    apps = App("example", static_folder=None), Whole("example", static_folder=None)
    for app in apps:
        app.secret_key = "a key for tests"
        make(app)
    return apps


def pieces() -> Iterator[str]:
    yield "one, "
    yield "zwei ü"


def mixed() -> Iterator[Any]:
    yield b"bytes "
    yield "text "
    yield bytearray(b"more")


def error(cls: type[HTTPException], *args: Any) -> Callable[[], Any]:
    def raising() -> Any:
        raise cls(*args)

    return raising


def with_status(body: Callable[[], Any], status: int | str) -> Callable[[], Any]:
    return lambda: (body(), status)


BODIES: dict[str, Callable[[], Any]] = {
    "bytes": lambda: b"x",
    "an error": NotFound,
    "a text": lambda: "x",
    "a dict": lambda: {"x": 1},
    "pieces": pieces,
}
ANSWERS: dict[str, Callable[[], Any]] = {
    "a text": lambda: "hello",
    "no text": lambda: "",
    "another text": lambda: "Grüße, 世界",
    "bytes": lambda: b"\x00\xff",
    "a dict": lambda: {"b": 1, "a": ["ü", None, 1.5]},
    "no dict": dict,
    "a list": lambda: [1, "two"],
    "a generator": pieces,
    "a mixed generator": mixed,
    "an empty generator": lambda: (piece for piece in list[str]()),
    "an iterator": lambda: iter(["a", "b"]),
    "a response": lambda: Response("r", 202),
    "an error": NotFound,
    "an error with words": lambda: NotFound("No such <thing>."),
    "a raised error": error(Forbidden),
    "a raised error with words": error(Gone, "It was here."),
    "an error with headers of its own": error(MethodNotAllowed, ["PUT", "GET"]),
    "one that asks to come later": error(ServiceUnavailable, None, None, 7),
    "one that asks who it is": error(Unauthorized),
    "a teapot": error(ImATeapot),
    "a redirect": error(RequestRedirect, "http://localhost/there"),
    "a response in an error": lambda: NotFound(response=Response("own", 404)),
    **{
        f"{name} with {status!r}": with_status(body, status)
        for name, body in BODIES.items()
        for status in (200, 201, 204, 299, 304, 404, 500, 599, 999, "418 SHORT", "201 ")
    },
    "headers": lambda: ("x", {"X-One": "1"}),
    "a status and headers": lambda: ({"x": 1}, 201, [("X-One", "1"), ("X-One", "2")]),
    "a truth as a status": lambda: ("x", True),
}


@pytest.mark.parametrize("accept", ["", "text/html,*/*;q=0.8", "application/json"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_sent_as_a_response_would_be(
    answer: Callable[[], Any], method: str, accept: str
) -> None:
    plain, whole = both(lambda app: app.add_url_rule("/", "view", answer, methods=["GET", "POST"]))
    found = sent(plain, method=method, HTTP_ACCEPT=accept)
    assert found == sent(whole, method=method, HTTP_ACCEPT=accept)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize(
    "path", ["/none", "/none/", "//", "", "/view", "/ü".encode().decode("latin-1")]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_a_miss_is_answered_alike(path: str, method: str, accept: str) -> None:
    plain, whole = both(lambda app: app.add_url_rule("/view/", "view", lambda: ""))
    found = sent(plain, path, method, HTTP_ACCEPT=accept)
    assert found == sent(whole, path, method, HTTP_ACCEPT=accept)


def add_header_of_this_request(app: App) -> None:
    @app.route("/")
    def view() -> str:
        @after_this_request
        def add(response: Response) -> Response:
            response.headers["X-After"] = "1"
            return response

        return "x"


def add_header_of_each_request(app: App) -> None:
    @app.after_request
    def add(response: Response) -> Response:
        response.headers["X-After"] = "1"
        return response

    app.add_url_rule("/", "view", lambda: "x")


def read_session(app: App) -> None:
    app.add_url_rule("/", "view", lambda: f"{session.get('user')}")


def write_session(app: App) -> None:
    @app.route("/")
    def view() -> dict[str, str]:
        session["user"] = "ada"
        return {"user": "ada"}


def handle_error(app: App) -> None:
    app.register_error_handler(LookupError, lambda error: ({"missing": str(error)}, 404))
    app.add_url_rule("/", "view", lambda: dict[str, str]()["x"])


def answer_before(app: App) -> None:
    app.before_request(lambda: "not today")
    app.add_url_rule("/", "view", lambda: "never")


def have_own_pages(app: App) -> None:
    app.register_error_handler(404, lambda error: f"own: {error.code}")


def have_another_type(app: App) -> None:
    class Text(Response):
        default_mimetype = "text/plain"

    app.response_class = Text
    app.add_url_rule("/", "view", lambda: "x")


def have_a_signed_response(app: App) -> None:
    class Signed(Response):
        def get_wsgi_headers(self, environ: Any) -> Any:
            headers = super().get_wsgi_headers(environ)
            headers["X-Signed"] = "yes"
            return headers

    app.response_class = Signed
    app.add_url_rule("/", "view", lambda: "x")


def have_another_json(app: App) -> None:
    class Enveloped(DefaultJSONProvider):
        mimetype = "application/vnd.example+json"

        def response(self, *args: Any, **kwargs: Any) -> Any:
            return super().response({"data": args[0]})

    app.json = Enveloped(app)
    app.add_url_rule("/", "view", lambda: {"x": 1})


@pytest.mark.parametrize(
    "make",
    [
        add_header_of_this_request,
        add_header_of_each_request,
        read_session,
        write_session,
        handle_error,
        answer_before,
        have_own_pages,
        have_another_type,
        have_a_signed_response,
        have_another_json,
    ],
)
def test_what_looks_at_a_response_gets_one(make: Callable[[App], None]) -> None:
    plain, whole = both(make)
    assert sent(plain) == sent(whole)


def test_a_receiver_sees_the_response_of_a_plain_answer() -> None:
    app, _ = both(lambda app: app.add_url_rule("/", "view", lambda: "x"))
    seen: list[bytes] = []

    def receive(sender: App, response: Response) -> None:
        seen.append(response.data)

    with request_finished.connected_to(receive, app):
        sent(app)
    sent(app)
    assert seen == [b"x"]


def test_another_class_of_responses_counts_from_the_next_request_on() -> None:
    app, _ = both(lambda app: app.add_url_rule("/", "view", lambda: "x"))
    assert sent(app)[1][0] == ("Content-Type", "text/html; charset=utf-8")

    class Text(Response):
        default_mimetype = "text/plain"

    app.response_class = Text
    assert sent(app)[1][0] == ("Content-Type", "text/plain; charset=utf-8")


@pytest.mark.parametrize("name", ["make_response", "make_error_response", "process_response"])
def test_a_step_that_is_replaced_on_the_way_counts_from_the_next_request_on(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    app, _ = both(lambda app: app.add_url_rule("/", "view", lambda: "x"))
    sent(app)
    calls: list[str] = []
    own = getattr(app, name)

    def step(*args: Any) -> Any:
        calls.append(name)
        return own(*args)

    with monkeypatch.context() as patch:
        patch.setattr(app, name, step)
        sent(app)
        sent(app, "/none")
    sent(app)
    assert set(calls) == {name}
    assert len(calls) == (1 if name == "make_error_response" else 2)


def test_what_is_no_json_is_said_with_the_name_of_the_view() -> None:
    app, _ = both(lambda app: app.add_url_rule("/", "view", lambda: {"x": {1, 2}}))
    app.testing = True
    with pytest.raises(TypeError) as raised:
        sent(app)
    assert str(raised.value).startswith("The view 'view' (")
    assert "It stands at ['x']." in str(raised.value)
