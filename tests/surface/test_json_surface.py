"""JSON in requests, responses and errors: the provider is the one seam for all of them."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests, Unauthorized

from microweb import App, Response, abort, json, jsonify, render_template_string, request
from microweb.errors import place
from microweb.identity import KEY
from microweb.json.provider import DefaultJSONProvider, JSONProvider

NAMED = {KEY: "a-7"}  # a request that has its id already

PLUS_TWO = timezone(timedelta(hours=2))


@dataclass
class Point:
    x: int
    inner: Any = None


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(str, Enum):
    YES = "yes"


class Fragment:
    def __html__(self) -> str:
        return "<b>"


Named = namedtuple("Named", "a b")

TYPES: list[tuple[Any, str]] = [
    ({"z": 1, "a": {"y": 2, "b": 3}}, '{"z":1,"a":{"y":2,"b":3}}'),
    ([], "[]"),
    ({}, "{}"),
    ({1: 2, "a": 3, None: 4, False: 5, 1.5: 6}, '{"1":2,"a":3,"null":4,"false":5,"1.5":6}'),
    ("é☃", '"\\u00e9\\u2603"'),
    (date(2024, 2, 29), '"2024-02-29"'),
    (datetime(2024, 2, 29, 12, 30), '"2024-02-29T12:30:00"'),
    (datetime(2024, 2, 29, 12, tzinfo=timezone.utc), '"2024-02-29T12:00:00+00:00"'),
    (datetime(2024, 2, 29, 12, tzinfo=PLUS_TWO), '"2024-02-29T12:00:00+02:00"'),
    (time(12, 30, 5), '"12:30:05"'),
    (timedelta(hours=1, milliseconds=5), "3600.005"),
    (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (Decimal("0.10"), '"0.10"'),
    (Point(1, Point(2, [Point(3)])), '{"x":1,"inner":{"x":2,"inner":[{"x":3,"inner":null}]}}'),
    (Colour.RED, '"red"'),
    (Level.HIGH, "3"),
    (Word.YES, '"yes"'),
    (Fragment(), '"<b>"'),
    (Markup("<i>"), '"<i>"'),
    ((1, (2,)), "[1,[2]]"),
    (Named(1, 2), "[1,2]"),
]


@pytest.mark.parametrize(("value", "text"), TYPES, ids=lambda value: str(value)[:20])
def test_every_type_has_its_form_everywhere(app: App, value: Any, text: str) -> None:
    app.add_url_rule("/view", "view", lambda: {"v": value})
    app.add_url_rule("/jsonify", "jsonify", lambda: jsonify(value))
    app.add_url_rule("/echo", "echo", lambda: [request.get_json()], methods=["POST"])
    client = app.test_client()
    assert client.get("/view").text == f'{{"v":{text}}}\n'
    assert client.get("/jsonify").text == f"{text}\n"
    with app.app_context():
        assert json.loads(json.dumps(value)) == json.loads(text)
        in_template = render_template_string("{{ v|tojson|safe }}", v=value)
        assert json.loads(in_template) == json.loads(text)
    assert client.post("/echo", json=value).get_json() == [json.loads(text)]


@pytest.mark.parametrize("value", [b"bytes", {1}, 1j, object(), range(3), iter([1])], ids=repr)
def test_any_other_type_is_an_error_that_names_it(app: App, value: Any) -> None:
    app.add_url_rule("/", "view", lambda: {"v": value})
    with pytest.raises(TypeError) as caught:
        app.test_client().get("/")
    assert str(caught.value) == (
        f"The view 'view' ({place(app.view_functions['view'])}) returned what is no JSON:"
        f" {type(value).__name__} cannot be written as JSON: convert it first, or extend 'default'"
        " of the application's JSON provider. It stands at ['v']."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_a_server_error_and_never_sent(value: float) -> None:
    app = App("example", static_folder=None)
    app.add_url_rule("/", "view", lambda: {"v": [value]})
    response = app.test_client().get("/")
    assert (response.status_code, "NaN" in response.text) == (500, False)
    app.testing = True
    with pytest.raises(ValueError, match="^NaN and infinity are not JSON"):
        app.test_client().get("/")


# --- jsonify and its lines


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, "null"),
        ((None,), {}, "null"),
        ((1,), {}, "1"),
        ((1, 2), {}, "[1,2]"),
        (([1, 2],), {}, "[1,2]"),
        (([1], [2]), {}, "[[1],[2]]"),
        (({},), {}, "{}"),
        ((), {"b": 1, "a": [2]}, '{"b":1,"a":[2]}'),
        (("é",), {}, '"\\u00e9"'),
    ],
)
def test_jsonify_takes_one_value_several_or_names(
    app: App, args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    with app.app_context():
        for make in (jsonify, app.json.response):
            response: Any = make(*args, **kwargs)
            assert type(response) is app.response_class
            assert response.status_code == 200
            assert response.headers.to_wsgi_list() == [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(text) + 1)),
            ]
            assert response.get_data(as_text=True) == f"{text}\n"


@pytest.mark.parametrize(
    ("debug", "compact", "lines"),
    [(False, None, 1), (True, None, 5), (True, True, 1), (False, False, 5), (True, False, 5)],
)
def test_responses_have_lines_of_their_own_in_debug_mode(
    debug: bool, compact: bool | None, lines: int
) -> None:
    app = App("example", static_folder=None)
    app.debug = debug
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.compact = compact
    app.add_url_rule("/", "view", lambda: {"a": [1]})
    assert app.test_client().get("/").text.count("\n") == lines
    with app.app_context():
        assert json.dumps({"a": [1]}) == '{"a": [1]}'


# --- another provider


class Own(JSONProvider):
    """Another notation altogether."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return f"own {obj!r}"

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        text = s if isinstance(s, str) else s.decode()
        if not text.startswith("own "):
            raise ValueError("it does not begin with 'own'")
        return {"read": text.removeprefix("own ")}


@pytest.mark.parametrize("how", ["class", "instance"])
def test_one_provider_is_used_wherever_json_is(how: str) -> None:
    class WithOwn(App):
        json_provider_class = Own

    app = WithOwn("example", static_folder=None) if how == "class" else App("example")
    if how == "instance":
        app.json = Own(app)
    app.testing = True
    app.add_url_rule("/view", "view", lambda: {"a": 1})
    app.add_url_rule("/list", "list", lambda: ([1], 201))
    app.add_url_rule("/jsonify", "jsonify", lambda: jsonify(a=1))
    app.add_url_rule("/read", "read", lambda: str(request.get_json()), methods=["POST"])
    app.add_url_rule("/dumps", "dumps", lambda: json.dumps(2))
    app.add_url_rule("/tojson", "tojson", lambda: render_template_string("{{ 3|tojson }}"))
    client = app.test_client()
    assert client.get("/view").text == "own {'a': 1}"
    assert (client.get("/list").text, client.get("/list").status_code) == ("own [1]", 201)
    assert client.get("/jsonify").text == "own {'a': 1}"
    assert client.post("/read", json={"sent": 1}).text == "{'read': \"{'sent': 1}\"}"
    assert client.get("/dumps").text == "own 2"
    assert client.get("/tojson").text == "own 3"
    assert client.get("/view").json == {"read": "{'a': 1}"}
    failed = client.get("/missing", headers={"Accept": "application/json"})
    assert (failed.mimetype, failed.text[:4]) == ("application/problem+json", "own ")
    bad = client.post("/read", data=b"{}", content_type="application/json")
    assert bad.status_code == 400
    assert "The body is not JSON: it does not begin with &#39;own&#39;" in bad.text


def test_a_provider_extends_the_types_of_the_default_one() -> None:
    class Extended(DefaultJSONProvider):
        sort_keys = True
        ensure_ascii = False
        mimetype = "application/vnd.api+json"

        @staticmethod
        def default(value: Any) -> Any:
            if isinstance(value, complex):
                return [value.real, value.imag]
            return DefaultJSONProvider.default(value)

    class Extending(App):
        json_provider_class = Extended

    app = Extending("example", static_folder=None)
    app.add_url_rule("/", "view", lambda: {"é": 1j, "a": date(2024, 2, 29)})
    response = app.test_client().get("/")
    assert response.text == '{"a":"2024-02-29","é":[0.0,1.0]}\n'
    assert response.content_type == "application/vnd.api+json"
    assert response.json == {"a": "2024-02-29", "é": [0.0, 1.0]}


def test_attributes_of_the_provider_may_change_later(app: App) -> None:
    provider: Any = app.json
    app.add_url_rule("/", "view", lambda: {"b": "é", "a": 1})
    client = app.test_client()
    found = [client.get("/").text]
    provider.sort_keys = True
    found.append(client.get("/").text)
    provider.ensure_ascii = False
    found.append(client.get("/").text)
    provider.default = lambda value: "anything"
    with app.app_context():
        found.append(json.dumps(object()))
    assert found == [
        '{"b":"\\u00e9","a":1}\n',
        '{"a":1,"b":"\\u00e9"}\n',
        '{"a":1,"b":"é"}\n',
        '"anything"',
    ]


# --- errors


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/html", "text/html"),
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/json, */*", "application/problem+json"),
        ("text/html, application/json;q=0.9", "text/html"),
        ("text/html;q=0.8, application/json", "application/problem+json"),
        ("application/json;q=0", "text/html"),
        ("application/xml", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
    ],
)
def test_who_prefers_json_gets_problem_details(app: App, accept: str, mimetype: str) -> None:
    response = app.test_client().get(
        "/missing", headers={"Accept": accept} if accept else {}, environ_base=NAMED
    )
    assert (response.status_code, response.mimetype) == (404, mimetype)
    assert response.headers["Vary"] == "Accept"
    if mimetype == "application/problem+json":
        assert response.json == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": NotFound.description,
            "request_id": "a-7",
        }


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (TooManyRequests(retry_after=5), ("Retry-After", "5")),
        (Unauthorized("Who are you?"), None),
    ],
)
def test_problem_details_keep_the_headers_of_the_error(
    app: App, error: HTTPException, header: tuple[str, str] | None
) -> None:
    @app.get("/")
    def view() -> str:
        raise error

    response = app.test_client().get("/", headers={"Accept": "application/json"})
    assert response.json is not None
    assert response.json["status"] == response.status_code == error.code
    assert response.json["detail"] == error.description
    if header is not None:
        assert response.headers[header[0]] == header[1]


def test_the_form_of_errors_is_one_method_of_the_application() -> None:
    class Api(App):
        def make_error_response(self, e: HTTPException) -> Response:
            response = self.response_class(json.dumps({"error": e.name}), e.code)
            response.mimetype = "application/json"
            return response

    app = Api("example", static_folder=None)
    app.add_url_rule("/abort", "abort", lambda: abort(403))
    app.add_url_rule("/returned", "returned", lambda: NotFound("There is none."))
    app.add_url_rule("/error", "error", lambda: 1 / 0)
    app.add_url_rule("/only", "only", lambda: "", methods=["POST"])
    client = app.test_client()
    found = {
        path: (client.get(path).status_code, client.get(path).json)
        for path in ("/abort", "/returned", "/error", "/only", "/missing")
    }
    assert found == {
        "/abort": (403, {"error": "Forbidden"}),
        "/returned": (404, {"error": "Not Found"}),
        "/error": (500, {"error": "Internal Server Error"}),
        "/only": (405, {"error": "Method Not Allowed"}),
        "/missing": (404, {"error": "Not Found"}),
    }


def test_a_handler_for_all_http_errors_may_write_json_as_well(app: App) -> None:
    @app.errorhandler(HTTPException)
    def handle(error: HTTPException) -> Any:
        return {"code": error.code, "name": error.name}, error.code

    response = app.test_client().get("/missing")
    assert (response.status_code, response.json) == (404, {"code": 404, "name": "Not Found"})
