"""The request as a view sees it: every attribute through the application, beside Werkzeug's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import CombinedMultiDict, ImmutableMultiDict, MultiDict
from werkzeug.user_agent import UserAgent
from werkzeug.wrappers import Request as WerkzeugRequest

from microweb import App, Blueprint, Request, json, request

WHEN = "Tue, 14 Nov 2023 22:13:20 GMT"
THEN = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
HEADERS = {
    "Accept": "text/html;q=0.5, application/json",
    "Accept-Charset": "utf-8",
    "Accept-Encoding": "gzip, br;q=0.1",
    "Accept-Language": "de-AT, en;q=0.7",
    "Access-Control-Request-Headers": "X-A, X-B",
    "Access-Control-Request-Method": "PUT",
    "Authorization": "Basic YWRhOnNlY3JldA==",
    "Cache-Control": "no-cache, max-age=3",
    "Content-Encoding": "gzip",
    "Content-MD5": "Q2hlY2sgSW50ZWdyaXR5IQ==",
    "Cookie": 'a=1; b="two words"; a=3',
    "Date": WHEN,
    "If-Match": '"a"',
    "If-Modified-Since": WHEN,
    "If-None-Match": 'W/"c"',
    "If-Range": '"d"',
    "If-Unmodified-Since": WHEN,
    "Max-Forwards": "3",
    "Origin": "https://origin.example",
    "Pragma": "no-cache",
    "Range": "bytes=0-99, 200-",
    "Referer": "https://referrer.example/page",
    "User-Agent": "Agent/1.0 (test)",
    "X-Forwarded-For": "203.0.113.7, 10.0.0.1",
}
#: The attributes of the checklist that are Werkzeug's, with the value that they have here as text.
ATTRIBUTES: dict[str, str] = {
    "args": "ImmutableMultiDict([('q', '1'), ('q', '2'), ('ü', 'é')])",
    "form": "ImmutableMultiDict([('f', 'form'), ('q', '3')])",
    "files": "ImmutableMultiDict([])",
    "is_json": "False",
    "data": "b''",
    "method": "'POST'",
    "path": "'/shop/items/7'",
    "full_path": "'/shop/items/7?q=1&q=2&%C3%BC=%C3%A9'",
    "url": "'https://example.com:8443/app/shop/items/7?q=1&q=2&ü=é'",
    "base_url": "'https://example.com:8443/app/shop/items/7'",
    "url_root": "'https://example.com:8443/app/'",
    "root_url": "'https://example.com:8443/app/'",
    "root_path": "'/app'",
    "script_root": "'/app'",
    "host": "'example.com:8443'",
    "host_url": "'https://example.com:8443/'",
    "scheme": "'https'",
    "server": "('example.com', 8443)",
    "query_string": "b'q=1&q=2&%C3%BC=%C3%A9'",
    "remote_addr": "'127.0.0.1'",
    "access_route": "ImmutableList(['203.0.113.7', '10.0.0.1'])",
    "remote_user": "'ada'",
    "cookies": "ImmutableMultiDict([('a', '1'), ('a', '3'), ('b', 'two words')])",
    "referrer": "'https://referrer.example/page'",
    "origin": "'https://origin.example'",
    "mimetype": "'application/x-www-form-urlencoded'",
    "mimetype_params": "{'charset': 'utf-8'}",
    "content_type": "'application/x-www-form-urlencoded; charset=utf-8'",
    "content_length": "10",
    "content_encoding": "'gzip'",
    "content_md5": "'Q2hlY2sgSW50ZWdyaXR5IQ=='",
    "date": repr(THEN),
    "max_forwards": "3",
    "range": "<Range 'bytes=0-99,200-'>",
    "if_range": "<IfRange '\"d\"'>",
    "if_match": "<ETags '\"a\"'>",
    "if_none_match": "<ETags 'W/\"c\"'>",
    "if_modified_since": repr(THEN),
    "if_unmodified_since": repr(THEN),
    "cache_control": "<RequestCacheControl max-age='3' no-cache=None>",
    "pragma": "HeaderSet(['no-cache'])",
    "accept_mimetypes": "MIMEAccept([('application/json', 1), ('text/html', 0.5)])",
    "accept_languages": "LanguageAccept([('de-AT', 1), ('en', 0.7)])",
    "accept_encodings": "Accept([('gzip', 1), ('br', 0.1)])",
    "accept_charsets": "CharsetAccept([('utf-8', 1)])",
    "access_control_request_headers": "HeaderSet(['X-A', 'X-B'])",
    "access_control_request_method": "'PUT'",
    "is_secure": "True",
    "is_multithread": "False",
    "is_multiprocess": "False",
    "is_run_once": "False",
    "trusted_hosts": "None",
    "want_form_data_parsed": "True",
}
BODY = b"f=form&q=3"


def in_the_view(look: Any) -> Any:
    """Return what a function finds in the view of a request with all of these headers."""
    app = App("example", static_folder=None)
    app.testing = True
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    found: list[Any] = []

    @shop.post("/items/<int:id>")
    def item(id: int) -> str:
        found.append(look())
        return ""

    app.register_blueprint(shop)
    response = app.test_client(use_cookies=False).post(
        "/shop/items/7",
        base_url="https://example.com:8443/app",
        query_string="q=1&q=2&%C3%BC=%C3%A9",
        data=BODY,
        content_type="application/x-www-form-urlencoded; charset=utf-8",
        headers=HEADERS,
        environ_overrides={"REMOTE_USER": "ada"},
    )
    assert response.status_code == 200
    return found[0]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_has_the_value_that_werkzeugs_request_has(name: str) -> None:
    ours, environ = in_the_view(lambda: (repr(getattr(request, name)), request.environ))
    stock = WerkzeugRequest({**environ, "wsgi.input": BytesIO(BODY)}, populate_request=False)
    assert (ours, repr(getattr(stock, name))) == (ATTRIBUTES[name], ATTRIBUTES[name])


def test_credentials_are_read() -> None:
    def look() -> tuple[Any, ...]:
        given = request.authorization
        assert given is not None
        return given.type, given.username, given.password

    assert in_the_view(look) == ("basic", "ada", "secret")


def test_the_user_agent_is_its_text_unless_a_class_parses_it() -> None:
    class Parsed(UserAgent):
        def __init__(self, string: str) -> None:
            super().__init__(string)
            self.browser = string.partition("/")[0].lower()

    class Own(Request):
        user_agent_class = Parsed

    app = App("example", static_folder=None)
    app.add_url_rule("/", "view", lambda: [request.user_agent.string, request.user_agent.browser])
    headers = {"User-Agent": "Agent/1.0"}
    assert app.test_client().get("/", headers=headers).json == ["Agent/1.0", None]
    app.request_class = Own
    assert app.test_client().get("/", headers=headers).json == ["Agent/1.0", "agent"]


def test_headers_are_found_in_any_case() -> None:
    def look() -> list[Any]:
        headers = request.headers
        return [
            headers["origin"],
            headers.get("ORIGIN"),
            headers.get("X-None", "default"),
            "max-forwards" in headers,
            headers.get("Max-Forwards", type=int),
            headers.get("Origin", 7, type=int),
        ]

    origin = "https://origin.example"
    assert in_the_view(look) == [origin, origin, "default", True, 3, 7]


# --- what Flask adds


def test_a_request_knows_what_was_matched_and_its_limits() -> None:
    def look() -> dict[str, Any]:
        return {
            "rule": str(request.url_rule),
            "view_args": request.view_args,
            "endpoint": request.endpoint,
            "blueprint": request.blueprint,
            "blueprints": request.blueprints,
            "routing_exception": request.routing_exception,
            "max_content_length": request.max_content_length,
            "max_form_memory_size": request.max_form_memory_size,
            "max_form_parts": request.max_form_parts,
        }

    assert in_the_view(look) == {
        "rule": "/shop/items/<int:id>",
        "view_args": {"id": 7},
        "endpoint": "shop.item",
        "blueprint": "shop",
        "blueprints": ["shop"],
        "routing_exception": None,
        "max_content_length": 16_777_216,
        "max_form_memory_size": 500_000,
        "max_form_parts": 1_000,
    }


def test_its_json_module_is_the_provider_of_the_application(app: App) -> None:
    with app.test_request_context():
        module: Any = request.json_module
        assert module is app.json


@pytest.mark.parametrize(
    ("path", "method", "name"),
    [("/missing", "GET", "NotFound"), ("/only", "GET", "MethodNotAllowed")],
)
def test_a_miss_has_its_reason_and_no_rule(app: App, path: str, method: str, name: str) -> None:
    app.add_url_rule("/only", "only", lambda: "", methods=["POST"])
    found: list[Any] = []

    @app.before_request
    def look() -> None:
        found.append((request.url_rule, request.endpoint, request.view_args))
        found.append(type(request.routing_exception).__name__)

    app.test_client().open(path, method=method)
    assert found == [(None, None, None), name]


def test_a_slash_redirect_is_the_reason_too(app: App) -> None:
    app.add_url_rule("/slash/", "slash", lambda: "")
    found: list[str] = []
    app.before_request(lambda: found.append(type(request.routing_exception).__name__))
    assert app.test_client().get("/slash").status_code == 308
    assert found == ["RequestRedirect"]


# --- values


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("GET", [["a", ["url"]]]),
        ("DELETE", [["a", ["url", "form"]], ["b", ["form"]]]),
        ("OPTIONS", [["a", ["url", "form"]], ["b", ["form"]]]),
        ("POST", [["a", ["url", "form"]], ["b", ["form"]]]),
        ("PUT", [["a", ["url", "form"]], ["b", ["form"]]]),
        ("PATCH", [["a", ["url", "form"]], ["b", ["form"]]]),
    ],
)
def test_values_have_the_form_for_every_method_but_get(
    app: App, method: str, expected: Any
) -> None:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    app.add_url_rule(
        "/", "view", lambda: [list(pair) for pair in request.values.lists()], methods=methods
    )
    response = app.test_client().open("/?a=url", method=method, data={"a": "form", "b": "form"})
    assert response.json == expected


def test_values_put_the_url_before_the_form(app: App) -> None:
    with app.test_request_context("/?a=url", method="POST", data={"a": "form"}):
        assert isinstance(request.values, CombinedMultiDict)
        assert request.values["a"] == "url"
        assert request.values.getlist("a") == ["url", "form"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("page",), "2"),
        (("page", 1, int), 2),
        (("word", 1, int), 1),
        (("word", None, int), None),
        (("missing", 1, int), 1),
        (("missing", "text"), "text"),
        (("empty", 5, int), 5),
        (("empty",), ""),
    ],
)
def test_a_value_that_does_not_convert_is_the_default_in_silence(
    app: App, arguments: tuple[Any, ...], expected: Any
) -> None:
    with app.test_request_context("/?page=2&page=3&word=x&empty="):
        key, *rest = arguments
        options = dict(zip(("default", "type"), rest, strict=False))
        assert request.args.get(key, **options) == expected


def test_a_list_leaves_out_what_does_not_convert(app: App) -> None:
    with app.test_request_context("/?n=1&n=x&n=3"):
        assert request.args.getlist("n", type=int) == [1, 3]
        assert request.args.getlist("none") == []
        assert request.args.to_dict() == {"n": "1"}
        assert request.args.to_dict(flat=False) == {"n": ["1", "x", "3"]}


def test_values_of_a_request_cannot_be_changed(app: App) -> None:
    with app.test_request_context("/?a=1", method="POST", data={"b": "2"}):
        for values in (request.args, request.form, request.files, request.cookies):
            with pytest.raises(TypeError, match="immutable"):
                values["a"] = "x"


def test_a_class_of_requests_chooses_how_values_are_kept(app: App) -> None:
    class Own(Request):
        parameter_storage_class = MultiDict[str, Any]
        dict_storage_class = MultiDict[str, Any]

    app.request_class = Own
    with app.test_request_context(
        "/?a=1", method="POST", data={"b": "2"}, headers={"Cookie": "c=3"}
    ):
        found = [request.args, request.form, request.cookies]
        assert [type(values) for values in found] == [MultiDict] * 3
        request.args["a"] = "changed"
        assert request.args["a"] == "changed"
    app.request_class = Request
    with app.test_request_context("/?a=1"):
        assert isinstance(request.args, ImmutableMultiDict)


# --- JSON

NOT_JSON = {
    "": "Expecting value: line 1 column 1 (char 0)",
    "{": "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    '{"a": 1,}': None,  # the words differ between versions of Python
    "[1, 2": "Expecting ',' delimiter: line 1 column 6 (char 5)",
    "secret": "Expecting value: line 1 column 1 (char 0)",
    '{"a": NaN}': "NaN is not JSON.",
    "[" * 100_000: "The document is nested too deeply.",
}


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: body[:10])
@pytest.mark.parametrize("debug", [False, True])
def test_a_body_that_is_not_json_is_a_400_with_the_reason(body: str, debug: bool) -> None:
    app = App("example", static_folder=None)
    app.debug = debug
    app.add_url_rule("/", "view", lambda: {"got": request.get_json()}, methods=["POST"])
    response = app.test_client().post(
        "/", data=body, content_type="application/json", headers={"Accept": "application/json"}
    )
    assert response.status_code == 400
    assert response.json is not None
    detail = response.json["detail"]
    assert detail.startswith("The body is not JSON: ")
    reason = NOT_JSON[body]
    if reason is not None:
        assert detail == f"The body is not JSON: {reason}"


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        ("application/json", True),
        ("APPLICATION/JSON", True),
        ("application/json; charset=utf-8", True),
        ("application/problem+json", True),
        ("application/vnd.api+json; ext=x", True),
        ("text/json", False),
        ("application/jsonp", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_which_types_are_json(app: App, content_type: str, is_json: bool) -> None:
    app.add_url_rule("/", "view", lambda: {"got": request.get_json()}, methods=["POST"])
    app.add_url_rule("/is", "is", lambda: [request.is_json], methods=["POST"])
    app.add_url_rule("/force", "force", lambda: [request.get_json(force=True)], methods=["POST"])
    app.add_url_rule("/silent", "silent", lambda: [request.get_json(silent=True)], methods=["POST"])
    client = app.test_client()
    answers = {
        path: client.post(path, data=b'{"a": 1}', content_type=content_type)
        for path in ("/", "/is", "/force", "/silent")
    }
    assert answers["/"].status_code == (200 if is_json else 415)
    assert answers["/is"].json == [is_json]
    assert answers["/force"].json == [{"a": 1}]
    assert answers["/silent"].json == [{"a": 1} if is_json else None]


def test_the_json_property_is_get_json_without_arguments(app: App) -> None:
    with app.test_request_context(method="POST", json={"a": 1}):
        assert request.json == {"a": 1}
        assert request.json is request.get_json()


def test_json_that_was_forced_in_silence_does_not_hide_the_error_later(app: App) -> None:
    app.add_url_rule(
        "/", "view", lambda: [request.get_json(silent=True), request.get_json()], methods=["POST"]
    )
    response = app.test_client().post("/", data=b"{", content_type="application/json")
    assert response.status_code == 400


def test_the_face_of_json_reads_a_request_as_get_json_does(app: App) -> None:
    with app.test_request_context(method="POST", data=b'{"a": [1.5]}'):
        assert json.loads(request.get_data()) == {"a": [1.5]}


# --- the body


@pytest.mark.parametrize(
    ("options", "again"),
    [({}, b"a=1"), ({"cache": False}, b""), ({"as_text": True}, b"a=1")],
)
def test_a_body_is_kept_unless_it_is_asked_for_without(
    app: App, options: dict[str, Any], again: bytes
) -> None:
    with app.test_request_context(method="POST", data=b"a=1", content_type="text/plain"):
        first = request.get_data(**options)
        assert first == ("a=1" if options.get("as_text") else b"a=1")
        assert request.get_data() == again


def test_a_form_that_was_parsed_leaves_no_data_and_the_other_way_round(app: App) -> None:
    kind = {"data": b"a=1", "content_type": "application/x-www-form-urlencoded"}
    with app.test_request_context(method="POST", **kind):
        assert (request.form["a"], request.get_data()) == ("1", b"")
    with app.test_request_context(method="POST", **kind):
        assert (request.get_data(), request.form.to_dict()) == (b"a=1", {"a": "1"})
    with app.test_request_context(method="POST", **kind):
        assert (request.get_data(parse_form_data=True), request.form["a"]) == (b"", "1")
    with app.test_request_context(method="POST", **kind):
        assert (request.data, request.form["a"]) == (b"", "1")


def test_a_stream_is_read_once_and_to_its_length(app: App) -> None:
    @app.post("/")
    def view() -> list[str]:
        return [request.stream.read(2).decode(), request.stream.read().decode(), str(request.data)]

    assert app.test_client().post("/", data=b"12345").json == ["12", "345", "b''"]


def test_an_uploaded_file_has_what_the_browser_said_and_can_be_saved(
    app: App, tmp_path: Path
) -> None:
    @app.post("/")
    def upload() -> list[Any]:
        file = request.files["picture"]
        file.save(tmp_path / "saved")
        return [
            file.filename,
            file.name,
            file.content_type,
            file.mimetype,
            request.form["title"],
            [each.filename for each in request.files.getlist("more")],
        ]

    response = app.test_client().post(
        "/",
        data={
            "title": "Ün",
            "picture": (BytesIO(b"\x89PNG"), "ü.png", "image/png"),
            "more": [(BytesIO(b"1"), "1.txt"), (BytesIO(b"2"), "2.txt")],
        },
    )
    assert response.json == ["ü.png", "picture", "image/png", "image/png", "Ün", ["1.txt", "2.txt"]]
    assert (tmp_path / "saved").read_bytes() == b"\x89PNG"


def test_a_request_is_a_context_that_closes_its_files(app: App) -> None:
    data = {"f": (BytesIO(b"x"), "f")}
    with app.test_request_context(method="POST", data=data), request as entered:
        stream = entered.files["f"].stream
        assert not stream.closed
    assert stream.closed


@pytest.mark.parametrize(
    ("limit", "body"),
    [
        ({"MAX_CONTENT_LENGTH": 20}, {"data": b"x" * 21}),
        ({"MAX_CONTENT_LENGTH": 20}, {"json": "x" * 20}),
        ({"MAX_CONTENT_LENGTH": 20}, {"data": {"a": "x" * 20}}),
        ({"MAX_CONTENT_LENGTH": 20}, {"data": {"f": (BytesIO(b""), "f")}}),
        ({"MAX_FORM_MEMORY_SIZE": 20}, {"data": {"a": "x" * 20}}),
        ({"MAX_FORM_PARTS": 1}, {"data": {"a": "1", "b": "2"}}),
    ],
)
def test_a_body_over_a_limit_is_a_413_page_and_can_be_handled(
    limit: dict[str, int], body: dict[str, Any]
) -> None:
    app = App("example", static_folder=None)
    app.config.update(limit)

    @app.post("/")
    def view() -> list[Any]:
        return [len(request.form), len(request.files), len(request.get_data())]

    client = app.test_client()
    assert client.post("/", **body).status_code == 413
    app.testing = True
    app.register_error_handler(413, lambda error: ("too much", 413))
    response = client.post("/", data={"a": "x" * 20, "b": "2"})
    assert (response.status_code, response.text) == (413, "too much")


def test_a_body_may_come_a_little_at_a_time(app: App) -> None:
    class Slow(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1 if size is None or size < 0 or size > 1 else size)

    def chunks() -> Iterator[bytes]:
        while chunk := request.stream.read(3):
            yield chunk

    app.add_url_rule("/", "view", chunks, methods=["POST"])
    response = app.test_client().post(
        "/", input_stream=Slow(b"0123456789"), content_length=10, buffered=True
    )
    assert response.data == b"0123456789"


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ("at once", 9),
        ("at once", 10),
        ("at once", 11),
        ("in pieces", 9),
        ("in pieces", 10),
        ("in pieces", 11),
        ("by lines", 9),
        ("by lines", 10),
        ("by lines", 11),
    ],
)
def test_a_body_of_unknown_length_may_be_as_long_as_the_limit(
    app: App, how: str, size: int
) -> None:
    ways: dict[str, Any] = {
        "at once": lambda stream: stream.read(),
        "in pieces": lambda stream: b"".join(iter(lambda: stream.read(3), b"")),
        "by lines": b"".join,
    }
    app.config["MAX_CONTENT_LENGTH"] = 10
    app.add_url_rule("/", "view", lambda: ways[how](request.stream), methods=["POST"])
    response = app.test_client().post(
        "/",
        input_stream=BytesIO(b"x" * size),
        environ_overrides={
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_LENGTH": "",
        },
    )
    assert response.status_code == (413 if size > 10 else 200)
    assert size > 10 or response.data == b"x" * size
