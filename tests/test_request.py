"""The request beyond Werkzeug's: its limits, what it says of a bad body, and what was matched."""

from __future__ import annotations

import os
import pickle
from io import BytesIO, RawIOBase
from typing import Any

import pytest
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request as WerkzeugRequest

from microweb import App, Blueprint, Request, request
from microweb.input import Body

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def field(name: str, value: str, filename: str | None = None) -> bytes:
    extra = "" if filename is None else f'; filename="{filename}"'
    return (
        f'--x\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'
    ).encode()


def multipart(*fields: bytes) -> bytes:
    return b"".join(fields) + b"--x--\r\n"


def reading(app: App) -> None:
    """Views that read the body in each of the ways that there are."""
    ways: dict[str, Any] = {
        "data": lambda: request.get_data().decode(),
        "json": lambda: {"json": request.get_json()},
        "form": lambda: {"form": request.form.to_dict(flat=False)},
        "files": lambda: {"files": [file.filename for file in request.files.values()]},
        "values": lambda: {"values": request.values.to_dict(flat=False)},
        "stream": lambda: request.stream.read().decode(),
    }
    for name, view in ways.items():
        app.add_url_rule(f"/{name}", name, view, methods=["POST"])


def post(app: App, path: str, data: bytes, content_type: str = "", **kwargs: Any) -> TestResponse:
    return app.test_client().post(path, data=data, content_type=content_type, **kwargs)


# --- MAX_CONTENT_LENGTH

BODIES = {
    "data": ("text/plain", b"x" * 100),
    "stream": ("text/plain", b"x" * 100),
    "json": ("application/json", b'"' + b"x" * 98 + b'"'),
    "form": (FORM, b"a=" + b"x" * 98),
    "values": (FORM, b"a=" + b"x" * 98),
    "files": (MULTIPART, multipart(field("f", "x" * 19, "f"))),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_any_kind_may_be_as_long_as_the_limit_and_no_longer(app: App, kind: str) -> None:
    reading(app)
    content_type, body = BODIES[kind]
    app.config["MAX_CONTENT_LENGTH"] = len(body)
    assert post(app, f"/{kind}", body, content_type).status_code == 200
    app.config["MAX_CONTENT_LENGTH"] = len(body) - 1
    assert post(app, f"/{kind}", body, content_type).status_code == 413


def test_by_default_a_body_may_take_16_mib(app: App) -> None:
    reading(app)
    whole = b"x" * (16 * 1024 * 1024)
    assert post(app, "/data", whole).status_code == 200
    assert post(app, "/data", whole + b"x").status_code == 413


def test_no_limit_is_a_limit_that_one_can_choose(app: App) -> None:
    reading(app)
    app.config["MAX_CONTENT_LENGTH"] = None
    assert post(app, "/data", b"x" * (17 * 1024 * 1024)).status_code == 200


@pytest.mark.parametrize("kind", BODIES)
def test_a_route_has_a_limit_of_its_own_in_either_direction(app: App, kind: str) -> None:
    content_type, body = BODIES[kind]
    reading(app)
    view = app.view_functions[kind]
    app.add_url_rule("/less", "less", view, methods=["POST"], max_content_length=len(body) - 1)
    app.add_url_rule("/more", "more", view, methods=["POST"], max_content_length=len(body))
    assert post(app, "/less", body, content_type).status_code == 413
    app.config["MAX_CONTENT_LENGTH"] = 1
    assert post(app, "/more", body, content_type).status_code == 200


def test_the_limit_of_a_route_counts_where_its_rule_needs_werkzeug(app: App) -> None:
    @app.post("/<a>-<b>", max_content_length=5)
    def view(a: str, b: str) -> str:
        return request.get_data(as_text=True)

    assert post(app, "/a-b", b"12345").text == "12345"
    assert post(app, "/a-b", b"123456").status_code == 413


@pytest.mark.parametrize("kind", BODIES)
def test_a_request_changes_its_own_limit(app: App, kind: str) -> None:
    reading(app)
    limits: list[int | None] = []

    @app.before_request
    def change() -> None:
        limits.append(request.max_content_length)
        request.max_content_length = new

    content_type, body = BODIES[kind]
    app.config["MAX_CONTENT_LENGTH"] = 10
    new: int | None = None
    assert post(app, f"/{kind}", body, content_type).status_code == 200
    new = len(body) - 1
    assert post(app, f"/{kind}", body, content_type).status_code == 413
    assert limits == [10, 10]


def test_a_body_without_a_length_is_counted_while_it_is_read(app: App) -> None:
    reading(app)
    app.config["MAX_CONTENT_LENGTH"] = 10
    for body, status in ((b"x" * 10, 200), (b"x" * 11, 413)):
        response = app.test_client().post(
            "/data",
            input_stream=BytesIO(body),
            environ_overrides={
                "CONTENT_LENGTH": "",
                "wsgi.input_terminated": True,
                "HTTP_TRANSFER_ENCODING": "chunked",
            },
        )
        assert response.status_code == status


def test_a_body_is_read_up_to_the_length_that_was_said(app: App) -> None:
    reading(app)
    response = app.test_client().post(
        "/data",
        input_stream=BytesIO(b"0123456789"),
        environ_overrides={"CONTENT_LENGTH": "4"},
    )
    assert response.text == "0123"


# --- MAX_FORM_MEMORY_SIZE, MAX_FORM_PARTS


@pytest.mark.parametrize("path", ["/form", "/values", "/files"])
def test_a_form_may_take_as_much_memory_as_the_limit(app: App, path: str) -> None:
    reading(app)
    # A multipart form is read in steps of 64 KiB, which the limit must not be below.
    app.config["MAX_FORM_MEMORY_SIZE"] = size = 100_000
    for extra, status in ((0, 200), (1, 413)):
        value = "x" * (size + extra)
        assert post(app, path, b"a=" + value[2:].encode(), FORM).status_code == status
        assert post(app, path, multipart(field("a", value)), MULTIPART).status_code == status


def test_files_do_not_count_as_memory(app: App) -> None:
    reading(app)
    app.config["MAX_FORM_MEMORY_SIZE"] = 100_000
    body = multipart(field("f", "x" * 300_000, "large.txt"))
    assert post(app, "/files", body, MULTIPART).json == {"files": ["large.txt"]}


def test_a_file_of_a_form_is_one_on_disk_as_soon_as_that_is_asked_for() -> None:
    content = "x" * 600_000
    body = multipart(field("f", content, "large.txt"))
    environ = {
        "CONTENT_TYPE": MULTIPART,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": Body(BytesIO(body), len(body)),
    }
    with Request(environ) as asked:
        file = asked.files["f"]
        assert file.read(3) == b"xxx"
        assert os.fstat(file.fileno()).st_size == len(content)
        assert file.read().decode() == content[3:]


@pytest.mark.parametrize("query", ["a=%", "%=%%", "a=%4", "a=%3D", "a=%0", "a=x=%41", "a=%\n%41"])
def test_what_is_no_escape_stays_as_it_is(query: str) -> None:
    stock = WerkzeugRequest({"QUERY_STRING": query}, populate_request=False)
    assert Request({"QUERY_STRING": query}).args == stock.args


@pytest.mark.parametrize("pickled", [True, False])
def test_values_are_copied_as_werkzeugs(pickled: bool) -> None:
    args = Request({"QUERY_STRING": "a=1&a=2&b=3"}).args
    other = pickle.loads(pickle.dumps(args)) if pickled else args.copy()
    assert type(other) is (ImmutableMultiDict if pickled else MultiDict)
    assert list(other.items(multi=True)) == [("a", "1"), ("a", "2"), ("b", "3")]
    assert other == args
    assert args.get("a", type=int) == 1
    assert args.get("c", 5, type=int) == 5
    with pytest.raises(BadRequestKeyError):
        args["c"]


def test_headers_are_found_in_any_case() -> None:
    headers = Request({"HTTP_X_ONE": "1", "CONTENT_TYPE": "a/b"}).headers
    assert (headers["x-one"], headers["X_ONE"], headers.get("Content-Type")) == ("1", "1", "a/b")
    assert headers.get("X-One", type=int) == 1
    assert headers.get("Content-Type", 0, type=int) == 0
    assert ("x-oNe" in headers, "Two" in headers) == (True, False)
    assert 1 not in headers  # type: ignore[operator]
    assert headers.get(1) is None  # type: ignore[call-overload]
    with pytest.raises(BadRequestKeyError):
        headers[1]  # type: ignore[index]
    with pytest.raises(KeyError):
        headers["Two"]


@pytest.mark.parametrize("path", ["/form", "/values", "/files"])
def test_a_form_may_have_as_many_parts_as_the_limit(app: App, path: str) -> None:
    reading(app)
    app.config["MAX_FORM_PARTS"] = 3
    fields = [field("a", "1")] * 3
    assert post(app, path, b"a=1&a=2&a=3", FORM).status_code == 200
    assert post(app, path, b"a=1&a=2&a=3&a=4", FORM).status_code == 413
    assert post(app, path, multipart(*fields), MULTIPART).status_code == 200
    assert post(app, path, multipart(*fields, field("f", "", "f")), MULTIPART).status_code == 413


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"a=" + b"x" * 500_000),
        (FORM, b"a&" * 1_000 + b"a"),
        (MULTIPART, multipart(field("a", "x" * 500_001))),
        (MULTIPART, multipart(*[field("a", "")] * 1_001)),
    ],
    ids=["memory, urlencoded", "parts, urlencoded", "memory, multipart", "parts, multipart"],
)
def test_the_default_limits_of_a_form_are_those_of_both_encodings(
    app: App, content_type: str, body: bytes
) -> None:
    reading(app)
    assert post(app, "/form", body, content_type).status_code == 413
    app.config.update(MAX_FORM_MEMORY_SIZE=None, MAX_FORM_PARTS=None)
    assert post(app, "/form", body, content_type).status_code == 200


def test_a_request_changes_its_own_limits_of_forms(app: App) -> None:
    reading(app)
    chosen: list[tuple[int | None, int | None]] = []

    @app.before_request
    def change() -> None:
        chosen.append((request.max_form_memory_size, request.max_form_parts))
        request.max_form_memory_size = 5
        request.max_form_parts = 2

    assert post(app, "/form", b"a&b", FORM).status_code == 200
    for content_type, bodies in {
        FORM: (b"abcdef", b"a&b&c"),
        MULTIPART: (multipart(field("a", "123456")), multipart(*[field("a", "")] * 3)),
    }.items():
        for body in bodies:
            assert post(app, "/form", body, content_type).status_code == 413
    assert set(chosen) == {(500_000, 1_000)}


def test_a_subclass_sets_limits_as_class_attributes() -> None:
    class Small(Request):
        max_content_length = 5
        max_form_parts = 1

    assert (Small({}).max_content_length, Small({}).max_form_parts) == (5, 1)
    environ = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "3", "wsgi.input": BytesIO(b"a&b")}
    with pytest.raises(RequestEntityTooLarge):
        Small(environ).form  # noqa: B018


def test_a_form_is_whole_where_the_input_gives_a_little_at_a_time() -> None:
    class Slow(RawIOBase):
        rest = b"a=1&b=2&c=" + b"x" * 100

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            data, self.rest = self.rest[:3], self.rest[3:]
            buffer[: len(data)] = data
            return len(data)

    environ = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "110", "wsgi.input": Slow()}
    assert Request(environ).form.to_dict() == {"a": "1", "b": "2", "c": "x" * 100}


def test_a_form_with_bytes_that_are_not_utf8_keeps_its_other_fields(app: App) -> None:
    reading(app)
    assert post(app, "/form", b"a=1&b=\xff&c=%ff&d=\xc3\xa9", FORM).json == {
        "form": {"a": ["1"], "b": ["%FF"], "c": ["%FF"], "d": ["é"]}
    }


@pytest.mark.parametrize("query", ["\xff", "a=\xff", "%ff", "\xc3\xa9=\xe9", "&&=&", "%"])
def test_no_query_string_is_a_server_error(app: App, query: str) -> None:
    app.add_url_rule("/", "view", lambda: [request.args, request.url, request.full_path])
    response = app.test_client().get("/", environ_overrides={"QUERY_STRING": query})
    assert response.status_code == 200


def test_a_semicolon_does_not_separate_fields(app: App) -> None:
    app.add_url_rule("/", "view", lambda: request.args.to_dict(flat=False))
    assert app.test_client().get("/?a=1;b=2").json == {"a": ["1;b=2"]}


# --- JSON


def json_error(app: App, body: bytes) -> str:
    with (
        app.test_request_context("/", method="POST", data=body, content_type="application/json"),
        pytest.raises(BadRequest) as caught,
    ):
        request.get_json()
    assert caught.value.code == 400
    return str(caught.value.description)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": 1,\n', "Expecting property name enclosed in double quotes: line 2 column 1"),
        (b"[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
        (b"[NaN]", "NaN is not JSON."),
        (b"[" * 100_000, "The document is nested too deeply."),
        (b"1" * 5_000, "Exceeds the limit (4300"),
        (b'"\xff"', "'utf-8' codec can't decode byte 0xff in position 1"),
        ('"é"'.encode("utf-16"), "'utf-8' codec can't decode byte 0xff in position 0"),
        (b"1 2", "Extra data: line 1 column 3 (char 2)"),
    ],
)
def test_a_body_that_is_not_json_is_a_400_with_the_reason(
    app: App, body: bytes, reason: str
) -> None:
    assert json_error(app, body).startswith(f"The body is not JSON: {reason}")


def test_the_reason_is_in_the_answer_outside_of_debug_mode_too_and_the_body_is_not(
    app: App,
) -> None:
    reading(app)
    app.config.update(TESTING=False, DEBUG=False)
    response = post(app, "/json", b'{"password": s3cret}', "application/json")
    assert response.status_code == 400
    assert "Expecting value: line 1 column 14 (char 13)" in response.text
    assert "s3cret" not in response.text


@pytest.mark.parametrize("content_type", ["", "text/plain", FORM, "application/jsonp", "text/json"])
def test_a_body_of_another_type_is_a_415(app: App, content_type: str) -> None:
    with app.test_request_context("/", method="POST", data=b"{}", content_type=content_type):
        with pytest.raises(UnsupportedMediaType):
            request.get_json()
        with pytest.raises(UnsupportedMediaType):
            request.json  # noqa: B018
        assert request.get_json(silent=True) is None
        assert request.get_json(force=True) == {}


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/ld+json"]
)
def test_every_type_of_json_is_read(app: App, content_type: str) -> None:
    with app.test_request_context("/", method="POST", data=b"[1]", content_type=content_type):
        assert request.is_json
        assert request.get_json() == [1]


def test_silent_gives_none_for_what_is_not_json(app: App) -> None:
    with app.test_request_context("/", method="POST", data=b"{", content_type="application/json"):
        assert request.get_json(silent=True) is None
        with pytest.raises(BadRequest):
            request.get_json()
        assert request.get_json(silent=True) is None


def test_json_is_parsed_once_unless_asked_otherwise(app: App) -> None:
    with app.test_request_context("/", method="POST", json={"a": 1}):
        assert request.get_json() is request.get_json()
        assert request.json is request.get_json()
        assert request.get_json(cache=False) is not request.json


def test_the_provider_of_the_application_reads_json(app: App) -> None:
    class Reading(type(app.json)):  # type: ignore[misc]
        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return ["own", s]

    app.json = Reading(app)
    with app.test_request_context("/", method="POST", data=b"x", content_type="application/json"):
        assert request.get_json() == ["own", b"x"]


def test_a_subclass_decides_what_a_bad_body_means(app: App) -> None:
    class Lenient(Request):
        def on_json_loading_failed(self, e: ValueError | None) -> Any:
            return "another type" if e is None else "not JSON"

    app.request_class = Lenient
    with app.test_request_context("/", method="POST", data=b"{"):
        assert request.get_json() == "another type"
        assert request.get_json(force=True) == "not JSON"


# --- what was matched


def matched(app: App, path: str) -> Any:
    return app.test_client().get(path).json


def describe_request(**values: Any) -> list[Any]:
    rule = request.url_rule
    return [
        request.endpoint,
        request.view_args,
        request.blueprint,
        request.blueprints,
        rule.rule if rule is not None else None,
        repr(request.routing_exception),
    ]


def test_a_request_knows_its_rule_and_the_values_of_its_url(app: App) -> None:
    app.add_url_rule("/users/<int:id>", "user", describe_request)
    assert matched(app, "/users/7") == [
        "user",
        {"id": 7},
        None,
        [],
        "/users/<int:id>",
        "None",
    ]


@pytest.mark.parametrize(
    ("rule", "path", "values"),
    [
        ("/<a>-<b>", "/x-y", {"a": "x", "b": "y"}),
        ("/<path:p>/edit", "/x/y/edit", {"p": "x/y"}),
        ("/page/<int:n>", "/page/2", {"n": 2}),
    ],
)
def test_it_knows_them_where_werkzeug_had_to_match(
    app: App, rule: str, path: str, values: dict[str, Any]
) -> None:
    app.add_url_rule("/page/", "view", describe_request, defaults={"n": 1})
    app.add_url_rule(rule, "view", describe_request)
    assert matched(app, path) == ["view", values, None, [], rule, "None"]


def test_it_knows_them_with_trusted_hosts(app: App) -> None:
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    app.add_url_rule("/users/<int:id>", "user", describe_request)
    assert matched(app, "/users/7")[:2] == ["user", {"id": 7}]


def test_it_knows_the_blueprint_and_those_around_it(app: App) -> None:
    inner, outer = Blueprint("inner", __name__), Blueprint("outer", __name__)
    inner.add_url_rule("/", "view", describe_request)
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    assert matched(app, "/outer/inner/")[:4] == [
        "outer.inner.view",
        {},
        "outer.inner",
        ["outer.inner", "outer"],
    ]


def test_a_request_that_nothing_matched_has_the_reason_instead(app: App) -> None:
    app.register_error_handler(404, lambda error: (describe_request(), 404))
    response = app.test_client().get("/missing")
    assert response.status_code == 404
    assert response.json == [None, None, None, [], None, "<NotFound '404: Not Found'>"]


def test_the_environ_does_not_refer_to_the_request() -> None:
    environ: dict[str, Any] = {}
    Request(environ)
    assert environ == {}
    populated = Request(environ, populate_request=True)
    assert environ == {"werkzeug.request": populated}
    environ.clear()


def test_a_shallow_request_does_not_read_the_body() -> None:
    environ = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "1", "wsgi.input": BytesIO(b"a")}
    shallow = Request(environ, shallow=True)
    for read in (shallow.get_data, lambda: shallow.form, lambda: shallow.stream):
        with pytest.raises(RuntimeError, match="shallow=True"):
            read()


# --- subclasses


def posted(cls: type[WerkzeugRequest], content_type: str, body: bytes) -> WerkzeugRequest:
    environ = {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "a=1&b=2&a=3",
        "HTTP_COOKIE": "a=1; b=2; a=3",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": Body(BytesIO(body), len(body)),
    }
    return cls(environ, populate_request=False)


FORMS = [
    (FORM, b"a=1&b=2&a=3"),
    (MULTIPART, multipart(field("a", "1"), field("b", "2"), field("a", "3"))),
]


class Pairs(list[tuple[str, str]]):
    """What keeps the order of all pairs."""


@pytest.mark.parametrize("storage", [dict, Pairs, MultiDict, ImmutableMultiDict])
@pytest.mark.parametrize(("content_type", "body"), FORMS)
def test_a_storage_class_of_ones_own_gets_the_pairs_as_they_came(
    storage: Any, content_type: str, body: bytes
) -> None:
    class Own(Request):
        parameter_storage_class = storage
        dict_storage_class = storage

    class Stock(WerkzeugRequest):
        parameter_storage_class = storage
        dict_storage_class = storage

    ours, werkzeugs = posted(Own, content_type, body), posted(Stock, content_type, body)
    for name in ("args", "cookies", "form", "files"):
        assert getattr(ours, name) == getattr(werkzeugs, name)
        assert isinstance(getattr(ours, name), storage)


@pytest.mark.parametrize(("content_type", "body"), FORMS)
def test_a_property_of_a_subclass_may_look_at_what_ours_gives(
    content_type: str, body: bytes
) -> None:
    class Looking(Request):
        @property
        def args(self) -> Any:
            return super().args

        @property
        def form(self) -> Any:
            return super().form

        @property
        def files(self) -> Any:
            return super().files

        @property
        def headers(self) -> Any:  # type: ignore[override]
            return super().headers

        @property
        def stream(self) -> Any:
            return super().stream

    looking = posted(Looking, content_type, body)
    for _ in range(2):
        assert looking.args.getlist("a") == ["1", "3"]
        assert looking.form.getlist("a") == ["1", "3"]
        assert not looking.files
        assert looking.headers["Content-Type"] == content_type
        assert looking.stream.read() == b""
    assert looking.form is looking.form
    assert looking.values.getlist("b") == ["2", "2"]


def test_a_body_of_unknown_length_that_is_too_long_is_refused_each_time() -> None:
    environ = {"wsgi.input": BytesIO(b"12345+"), "wsgi.input_terminated": True}
    request = Request(environ)
    request.max_content_length = 5
    for _ in range(2):
        with pytest.raises(RequestEntityTooLarge):
            request.get_data()
    with pytest.raises(RequestEntityTooLarge):
        request.stream.read(3)


def test_a_length_that_is_empty_is_none() -> None:
    # As nginx hands over a request without a body.
    assert Request({"CONTENT_LENGTH": ""}).content_length is None
    assert Request({"CONTENT_LENGTH": "0"}).content_length == 0
