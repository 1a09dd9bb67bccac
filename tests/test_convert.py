"""Everything that a view may return, and what is said about everything else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, NotFound, Unauthorized
from werkzeug.test import create_environ
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import App, Response, url_for
from microweb.convert import prefers_json, problem, to_response
from microweb.errors import describe, place
from microweb.loop import EventLoop

HTML = "text/html; charset=utf-8"


def answer(app: App, value: Any) -> tuple[str, str | None, bytes]:
    """Return status, content type and body of a view that returns `value`."""
    app.add_url_rule("/", "index", lambda: value)
    response = app.test_client().get("/", buffered=True)
    return response.status, response.content_type, response.data


def complaint(app: App, value: Any) -> str:
    """Return the message of the TypeError that a view's value is answered with, its place apart."""
    app.add_url_rule("/", "index", lambda: value)
    with pytest.raises(TypeError) as caught:
        app.test_client().get("/")
    return str(caught.value).replace(f" ({place(app.view_functions['index'])})", "")


def pieces(*items: Any) -> Iterator[Any]:
    """Return a generator."""
    yield from items


class Text(str):
    """A text of another class, such as Markup."""


def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer like any WSGI application."""
    start_response("202 ACCEPTED", [("Content-Type", "text/plain"), ("X-Wsgi", "yes")])
    return [b"from wsgi"]


# --- bodies


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", ("200 OK", HTML, b"text")),
        ("été", ("200 OK", HTML, "été".encode())),
        ("", ("200 OK", HTML, b"")),
        (Text("text"), ("200 OK", HTML, b"text")),
        (b"bytes \xff", ("200 OK", HTML, b"bytes \xff")),
        (bytearray(b"bytes"), ("200 OK", HTML, b"bytes")),
        ({"a": 1}, ("200 OK", "application/json", b'{"a":1}\n')),
        ({}, ("200 OK", "application/json", b"{}\n")),
        (OrderedDict(b=1, a=2), ("200 OK", "application/json", b'{"b":1,"a":2}\n')),
        ([1, "two", None], ("200 OK", "application/json", b'[1,"two",null]\n')),
        ([], ("200 OK", "application/json", b"[]\n")),
        (Response("own", 201), ("201 CREATED", HTML, b"own")),
        (Response("own", mimetype="text/plain"), ("200 OK", "text/plain; charset=utf-8", b"own")),
        (WerkzeugResponse("other", 201), ("201 CREATED", "text/plain; charset=utf-8", b"other")),
        (wsgi, ("202 ACCEPTED", "text/plain", b"from wsgi")),
    ],
)
def test_a_view_returns_a_body(app: App, value: Any, expected: object) -> None:
    assert answer(app, value) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: pieces("a", "b"),
        lambda: pieces(b"a", b"b"),
        lambda: iter(["a", "b"]),
        lambda: map(str.lower, ["A", "B"]),
        lambda: (letter for letter in "ab"),
    ],
)
def test_an_iterator_is_streamed(app: App, make: Callable[[], Any]) -> None:
    app.add_url_rule("/", "index", make)
    response = app.test_client().get("/", buffered=True)
    assert (response.status, response.content_type, response.data) == ("200 OK", HTML, b"ab")
    assert "Content-Length" not in response.headers


def test_an_object_of_the_json_provider_is_inside_a_dict(app: App) -> None:
    from datetime import date

    assert answer(app, {"day": date(2024, 2, 29)})[2] == b'{"day":"2024-02-29"}\n'


def test_nan_is_refused_rather_than_sent(app: App) -> None:
    app.add_url_rule("/", "index", lambda: {"x": float("nan")})
    with pytest.raises(ValueError, match="^NaN and infinity are not JSON"):
        app.test_client().get("/")


def test_an_http_error_that_is_returned_is_its_page(app: App) -> None:
    status, content_type, body = answer(app, NotFound("There is no such user."))
    assert (status, content_type) == ("404 NOT FOUND", HTML)
    assert b"<p>There is no such user.</p>" in body


def test_a_response_may_be_returned_again_and_again(app: App) -> None:
    kept = Response("same")
    app.add_url_rule("/", "index", lambda: kept)
    app.after_request(lambda response: response)
    client = app.test_client()
    answers = [client.get("/") for _ in range(3)]
    assert [response.text for response in answers] == ["same"] * 3
    assert len({str(response.headers) for response in answers}) == 1


def test_a_response_of_werkzeug_becomes_one_of_the_application(app: App) -> None:
    seen: list[type] = []

    @app.after_request
    def look(response: Response) -> Response:
        seen.append(type(response))
        return response

    assert answer(app, WerkzeugResponse("other"))[2] == b"other"
    assert seen == [Response]


# --- tuples


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (("text", 201), ("201 CREATED", HTML, b"text")),
        (("text", "418 Short and stout"), ("418 Short and stout", HTML, b"text")),
        (("text", "201"), ("201 CREATED", HTML, b"text")),
        (("text", HTTPStatus.CREATED), ("201 CREATED", HTML, b"text")),
        (("text", 299), ("299 UNKNOWN", HTML, b"text")),
        (("text", None), ("200 OK", HTML, b"text")),
        (("text", None, None), ("200 OK", HTML, b"text")),
        (("text", 201, None), ("201 CREATED", HTML, b"text")),
        ((b"bytes", 201), ("201 CREATED", HTML, b"bytes")),
        (({"a": 1}, 201), ("201 CREATED", "application/json", b'{"a":1}\n')),
        (([1], 201), ("201 CREATED", "application/json", b"[1]\n")),
        ((Response("own", 200), 201), ("201 CREATED", HTML, b"own")),
        ((Response("own", 202), {"X-A": "b"}), ("202 ACCEPTED", HTML, b"own")),
        ((wsgi, 201), ("201 CREATED", "text/plain", b"from wsgi")),
        (("text", {"Content-Type": "text/css"}), ("200 OK", "text/css", b"text")),
        (("text", [("Content-Type", "text/css")]), ("200 OK", "text/css", b"text")),
        (("text", Headers({"Content-Type": "text/css"})), ("200 OK", "text/css", b"text")),
        (("text", 201, {"Content-Type": "text/css"}), ("201 CREATED", "text/css", b"text")),
        (({"a": 1}, {"Content-Type": "application/ld+json"}),
         ("200 OK", "application/ld+json", b'{"a":1}\n')),
    ],
)  # fmt: skip
def test_a_tuple_adds_status_and_headers(app: App, value: Any, expected: object) -> None:
    assert answer(app, value) == expected


def test_an_iterator_has_status_and_headers_too(app: App) -> None:
    app.add_url_rule("/", "index", lambda: (pieces("a", "b"), 201, {"X-A": "1"}))
    response = app.test_client().get("/", buffered=True)
    assert (response.status_code, response.data, response.headers["X-A"]) == (201, b"ab", "1")


def test_a_header_may_have_many_values(app: App) -> None:
    app.add_url_rule("/dict", "dict", lambda: ("", {"X-A": ["1", "2"]}))
    app.add_url_rule("/list", "list", lambda: ("", [("X-A", "1"), ("X-A", "2")]))
    app.add_url_rule("/json", "json", lambda: ({}, {"X-A": ["1", "2"]}))
    client = app.test_client()
    for url in ("/dict", "/list", "/json"):
        assert client.get(url).headers.getlist("X-A") == ["1", "2"]


def test_a_header_of_the_tuple_takes_the_place_of_the_responses_own(app: App) -> None:
    def index() -> Any:
        response = Response("text")
        response.headers["X-A"] = "old"
        response.headers["X-B"] = "old"
        return response, {"x-a": "new"}

    app.add_url_rule("/", view_func=index)
    headers = app.test_client().get("/").headers
    assert (headers.getlist("X-A"), headers["X-B"]) == (["new"], "old")


def test_an_error_that_is_returned_may_get_a_status(app: App) -> None:
    status, _, body = answer(app, (NotFound("none"), 410))
    assert (status, b"none" in body) == ("410 GONE", True)


@pytest.mark.parametrize("value", [("", {"X-A": "a\nb"}), ({}, {"X-A": "a\r\nb"})])
def test_a_header_with_a_newline_is_refused(app: App, value: Any) -> None:
    app.add_url_rule("/", "index", lambda: value)
    with pytest.raises(ValueError, match="newline"):
        app.test_client().get("/")


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_sends_none(app: App, status: int) -> None:
    app.add_url_rule("/", "index", lambda: ("text", status))
    response = app.test_client().get("/")
    assert (response.status_code, response.data) == (status, b"")
    assert "Content-Length" not in response.headers


# --- everything else


@pytest.mark.parametrize("value", [(None, 200), (None, 200, {}), (None, {})])
def test_none_as_the_body_of_a_tuple_is_named(app: App, value: Any) -> None:
    assert complaint(app, value) == (
        "The view 'index' returned a tuple whose body is None: write '' for an empty body."
    )


def test_none_is_a_forgotten_return(app: App) -> None:
    assert complaint(app, None) == (
        "The view 'index' returned None: a return statement is missing at its end or in one of its"
        " branches. Return '' for an empty body."
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (1.5, "float"),
        (object(), "object"),
        ({}.keys(), "dict_keys"),
        (range(3), "range"),
    ],
)
def test_what_is_no_answer_is_named(app: App, value: Any, kind: str) -> None:
    assert complaint(app, value) == (
        f"The view 'index' returned {'an' if kind == 'object' else 'a'} {kind}. Return text, bytes,"
        " a dict, a list, an iterator, a response, or a tuple of one of them with a status and"
        " headers."
    )


@pytest.mark.parametrize("value", [404, (404, "gone"), (404, {})])
def test_a_status_in_the_place_of_the_body_is_put_right(app: App, value: Any) -> None:
    assert complaint(app, value) == (
        "The view 'index' returned the number 404. The body comes first: return '', 404 for a"
        " status, '404' for a text."
    )


@pytest.mark.parametrize("value", [{1, 2}, ({1}, 200)])
def test_a_set_is_no_json(app: App, value: Any) -> None:
    assert complaint(app, value) == (
        "The view 'index' returned a set, which JSON does not have: return a list of its items,"
        " such as sorted()."
    )


def test_a_class_may_be_a_wsgi_application(app: App) -> None:
    class Application:
        def __init__(self, environ: Any, start_response: Any) -> None:
            start_response("200 OK", [("Content-Type", "text/plain")])

        def __iter__(self) -> Iterator[bytes]:
            yield b"of a class"

    assert answer(app, Application) == ("200 OK", "text/plain", b"of a class")


def test_headers_may_be_any_pairs(app: App) -> None:
    app.add_url_rule("/items", "items", lambda: ("", 200, {"X-A": "1"}.items()))
    app.add_url_rule("/pairs", "pairs", lambda: ("", 200, (pair for pair in [("X-A", "1")])))
    client = app.test_client()
    assert [client.get(path).headers["X-A"] for path in ("/items", "/pairs")] == ["1", "1"]


def test_a_class_that_was_not_called_is_named(app: App) -> None:
    assert complaint(app, Response) == (
        "The view 'index' returned the class Response: call it, or return something else."
    )


@pytest.mark.parametrize("status", ["nonsense", 99, 100, "20 low", 1000])
def test_a_status_has_three_digits(app: App, status: Any) -> None:
    assert complaint(app, ("", status)) == (
        f"The view 'index' returned the status {status!r}: it must be from 200 to 999, such as 404."
    )


def test_a_status_is_a_number_or_text(app: App) -> None:
    assert complaint(app, ("", 200.5)) == (
        "The view 'index' returned the status 200.5: it must be a number or text."
    )


@pytest.mark.parametrize("value", [("", {"X": "1"}, 201), ("", 200, "X: 1")])
def test_headers_stand_last_and_are_pairs(app: App, value: Any) -> None:
    message = complaint(app, value)
    if isinstance(value[1], dict):
        assert message == (
            "The view 'index' returned the status {'X': '1'}: it must be a number or text. Headers"
            " stand last: (body, status, headers)."
        )
    else:
        assert message == (
            "The view 'index' returned the headers 'X: 1': they must be a dict or a list of pairs,"
            " and stand in the last place, as in (body, status, headers)."
        )


def test_the_place_of_the_view_is_named(app: App) -> None:
    def index() -> None: ...

    app.add_url_rule("/", view_func=index)
    with pytest.raises(TypeError) as caught:
        app.test_client().get("/")
    assert str(caught.value).startswith(
        f"The view 'index' ({__file__}:{index.__code__.co_firstlineno}) returned None: "
    )


def test_a_hook_that_answers_wrongly_is_named_and_not_the_view(app: App) -> None:
    @app.before_request
    def check() -> Any:
        return True

    app.add_url_rule("/", "index", lambda: "")
    with pytest.raises(
        TypeError, match=r"^The before_request function '.*check' \(.*\) returned a"
    ):
        app.test_client().get("/")


def test_an_error_handler_that_answers_wrongly_is_named(app: App) -> None:
    @app.errorhandler(404)
    def missing(error: HTTPException) -> Any:
        return None

    with pytest.raises(TypeError, match=r"^The error handler '.*missing' \(.*\) returned None: "):
        app.test_client().get("/")


def test_an_after_function_that_forgets_the_response_is_named(app: App) -> None:
    @app.after_request
    def forget(response: Response) -> Any: ...

    app.add_url_rule("/", "index", lambda: "")
    with pytest.raises(TypeError) as caught:
        app.test_client().get("/")
    assert str(caught.value) == (
        f"The after_request function {describe(forget)} returned None: return the response that it"
        " was given, or another one."
    )


def test_a_header_that_no_server_can_send_is_a_server_error(app: App) -> None:
    app.testing = False
    app.add_url_rule("/", "index", lambda: ("", 200, {"X-A": "€"}))
    assert app.test_client().get("/").status_code == 500
    app.testing = True
    with pytest.raises(ValueError, match="^The header X-A has the value '€', which is not Latin-1"):
        app.test_client().get("/")


@pytest.mark.parametrize(("value", "length"), [((), 0), (("",), 1), (("", 200, {}, 1), 4)])
def test_a_tuple_of_another_length_is_named(app: App, value: Any, length: int) -> None:
    assert complaint(app, value) == (
        f"The view 'index' returned a tuple of {length}"
        f"{', which a comma at the end of a line makes' if length == 1 else ''}."
        " A tuple must be (body, status), (body, headers) or (body, status, headers)."
    )


def test_a_function_that_was_not_called_is_named(app: App) -> None:
    assert complaint(app, url_for) == (
        "The view 'index' returned the function 'url_for': call it, or return something else."
    )


def test_the_endpoint_is_named_with_its_blueprint(app: App) -> None:
    from microweb import Blueprint

    blog = Blueprint("blog", __name__)
    blog.add_url_rule("/", "post", lambda: None)
    app.register_blueprint(blog)
    with pytest.raises(TypeError, match=r"^The view 'blog\.post' \(.*\) returned None: "):
        app.test_client().get("/")


def test_a_wrong_answer_is_a_server_error_outside_of_tests(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False
    app.add_url_rule("/", "index", lambda: None)
    assert app.test_client().get("/").status_code == 500
    assert [type(record.exc_info[1]) for record in caplog.records if record.exc_info] == [TypeError]


# --- the function itself


def convert(value: Any) -> Response:
    """Convert without a request."""
    return to_response(
        value,
        response_class=Response,
        json=App("example").json,
        environ=create_environ("/"),
        who=lambda: "The test gave",
        error_response=lambda error: Response(f"error {error.code}", error.code),
        iterate=EventLoop(lambda message, error: None).iterate,
    )


def test_the_conversion_needs_no_request() -> None:
    response = convert(("text", 201, {"X-A": "1"}))
    assert (response.status_code, response.data, response.headers["X-A"]) == (201, b"text", "1")
    assert convert({"a": 1}).json == {"a": 1}
    assert convert(Unauthorized()).data == b"error 401"


def test_a_response_is_converted_to_itself() -> None:
    response = Response("same")
    assert convert(response) is response


def test_a_subclass_of_the_response_stays_what_it_is() -> None:
    class Page(Response):
        pass

    page = Page("page")
    assert convert(page) is page


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/json, text/html", False),
        ("application/json, text/html;q=0.9", True),
        ("text/html, application/json;q=0.9", False),
        ("application/json, */*", True),
        ("application/json, text/plain, */*", True),
        ("application/json, text/html, */*", False),
        ("application/json, */*;q=0.5", True),
        ("application/json;q=0", False),
        ("APPLICATION/JSON", True),
        ("application/vnd.api+json", False),
    ],
)
def test_json_is_preferred_where_it_ranks_above_html(accept: str, expected: bool) -> None:
    assert prefers_json(accept) is expected


def test_a_problem_has_the_members_of_the_standard() -> None:
    members = {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No user 7.",
    }
    assert problem(NotFound("No user 7."), None) == members
    assert problem(NotFound("No user 7."), "a7") == {**members, "request_id": "a7"}


def test_a_problem_of_an_error_without_words_has_empty_detail() -> None:
    class Silent(HTTPException):
        code = 418

    assert problem(Silent(), None)["detail"] == ""
