"""The road of one request, from the URL to the last teardown function."""

from __future__ import annotations

import functools
import io
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, ValidationError
from werkzeug.test import create_environ
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import (
    App,
    Blueprint,
    Request,
    Response,
    abort,
    current_app,
    g,
    got_request_exception,
    has_app_context,
    redirect,
    request,
    request_tearing_down,
    session,
    stream_with_context,
    url_for,
)
from microweb.errors import SetupError


def start_response(
    status: str, headers: list[tuple[str, str]], exc_info: Any = None
) -> Callable[[bytes], object]:
    """Take status and headers like a server that does not care."""
    return lambda data: None


def call(app: App, path: str = "/", **kwargs: Any) -> Any:
    """Return the WSGI iterable of a request, for the test to iterate and close."""
    body: Any = app(create_environ(path, **kwargs), start_response)
    if not isinstance(body, list):
        OPENED.append(body)
    return body


#: What `call` returned: closed at the end of a test, also where it fails.
OPENED: list[Any] = []


@pytest.fixture(autouse=True)
def bodies_are_closed() -> Iterator[None]:
    """Close what a failing test leaves open."""
    yield
    while OPENED:
        OPENED.pop().close()


def place_of(function: Callable[..., Any]) -> str:
    """Return where a message says that a function is written."""
    code = function.__code__
    return f"{function.__qualname__!r} ({code.co_filename}:{code.co_firstlineno})"


# --- routes


def test_a_route_answers_with_what_its_view_returns(app: App) -> None:
    @app.route("/")
    def index() -> str:
        return "Hello!"

    response = app.test_client().get("/")
    assert response.status == "200 OK"
    assert response.text == "Hello!"
    assert response.headers.to_wsgi_list() == [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "6"),
    ]


def test_a_decorated_view_stays_the_function_that_it_was(app: App) -> None:
    def index() -> str:
        return "Hello!"

    assert app.route("/")(index) is index
    assert app.get("/again", endpoint="again")(index) is index


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_method_shortcut_answers_to_its_method_only(app: App, method: str) -> None:
    @getattr(app, method)("/")  # type: ignore[untyped-decorator]
    def index() -> str:
        return request.method

    client = app.test_client()
    answers = {
        other: client.open("/", method=other).status_code
        for other in ("GET", "POST", "PUT", "DELETE", "PATCH")
    }
    expected = {other: 200 if other.lower() == method else 405 for other in answers}
    assert answers == expected
    assert client.open("/", method=method.upper()).text == method.upper()


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_method_shortcut_refuses_other_methods(app: App, method: str) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(app, method)("/", methods=["GET", "POST"])
    assert str(caught.value) == (
        f"{method}('/') answers {method.upper()} only: use route() with methods=."
    )


def test_methods_must_not_be_one_string(app: App) -> None:
    with pytest.raises(TypeError) as caught:
        app.add_url_rule("/", "index", lambda: "", methods="POST")
    assert str(caught.value) == (
        "The methods of '/' must be a list of strings, such as ['POST'], not 'POST'."
    )


def test_methods_may_be_in_lower_case(app: App) -> None:
    @app.route("/", methods=["post"])
    def index() -> str:
        return request.method

    assert app.test_client().post("/").text == "POST"


def test_two_views_share_a_url_by_their_methods(app: App) -> None:
    @app.get("/")
    def show() -> str:
        return "show"

    @app.post("/")
    def change() -> str:
        return "change"

    client = app.test_client()
    assert [client.get("/").text, client.post("/").text] == ["show", "change"]
    assert client.put("/").headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_view_has_many_urls(app: App) -> None:
    @app.get("/")
    @app.get("/page/<int:page>")
    def index(page: int = 1) -> str:
        return f"page {page}"

    client = app.test_client()
    assert [client.get("/").text, client.get("/page/7").text] == ["page 1", "page 7"]


def test_a_route_may_name_its_endpoint(app: App) -> None:
    @app.get("/", endpoint="home")
    def index() -> str | None:
        return request.endpoint

    assert app.test_client().get("/").text == "home"
    assert list(app.view_functions) == ["home"]


def test_add_url_rule_and_endpoint_may_meet_later(app: App) -> None:
    app.add_url_rule("/", endpoint="home")

    @app.endpoint("home")
    def index() -> str:
        return "at home"

    assert app.test_client().get("/").text == "at home"


def test_a_view_function_may_be_put_into_the_table(app: App) -> None:
    app.add_url_rule("/", endpoint="home")
    app.view_functions["home"] = lambda: "by hand"
    assert app.test_client().get("/").text == "by hand"


def test_a_rule_without_a_view_is_named_at_the_first_request(app: App) -> None:
    app.add_url_rule("/", endpoint="home")
    with pytest.raises(SetupError) as caught:
        app.test_client().get("/")
    assert str(caught.value) == (
        "The rule '/' has the endpoint 'home', which no view function belongs to: add one with"
        " @app.endpoint('home')."
    )


def test_a_rule_needs_a_view_or_an_endpoint(app: App) -> None:
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("/")
    assert str(caught.value) == "The URL rule '/' needs a view function or an endpoint=."


def test_a_rule_starts_with_a_slash(app: App) -> None:
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("users", "users", lambda: "")
    assert str(caught.value) == "The URL rule 'users' must start with a slash: write '/users'."


def test_a_view_brings_its_own_methods(app: App) -> None:
    def index() -> str:
        return request.method

    index.methods = ["PUT"]  # type: ignore[attr-defined]
    index.required_methods = ["DELETE"]  # type: ignore[attr-defined]
    app.add_url_rule("/", view_func=index)
    client = app.test_client()
    assert [client.put("/").text, client.delete("/").text] == ["PUT", "DELETE"]
    assert client.get("/").headers["Allow"] == "DELETE, OPTIONS, PUT"


def test_methods_of_the_route_come_before_those_of_the_view(app: App) -> None:
    def index() -> str:
        return request.method

    index.methods = ["PUT"]  # type: ignore[attr-defined]
    app.add_url_rule("/", view_func=index, methods=["POST"])
    client = app.test_client()
    assert [client.post("/").status_code, client.put("/").status_code] == [200, 405]


def test_a_build_only_rule_is_never_matched(app: App) -> None:
    app.add_url_rule("/cdn/<name>", endpoint="cdn", build_only=True)
    assert app.test_client().get("/cdn/logo").status_code == 404
    with app.test_request_context():
        assert url_for("cdn", name="logo") == "/cdn/logo"


# --- converters


@pytest.mark.parametrize(
    ("rule", "url", "value"),
    [
        ("/<name>", "/ada", "ada"),
        ("/<string:name>", "/ada", "ada"),
        ("/<string(length=3):name>", "/ada", "ada"),
        ("/<string(minlength=2,maxlength=3):name>", "/ada", "ada"),
        ("/<int:name>", "/7", 7),
        ("/<int(signed=True):name>", "/-7", -7),
        ("/<int(fixed_digits=3):name>", "/007", 7),
        ("/<float:name>", "/1.5", 1.5),
        ("/<path:name>", "/a/b/c", "a/b/c"),
        ("/<any(about,help):name>", "/help", "help"),
        (
            "/<uuid:name>",
            "/12345678-1234-5678-1234-567812345678",
            uuid.UUID("12345678-1234-5678-1234-567812345678"),
        ),
        ("/<name>", "/%C3%A9t%C3%A9", "été"),
        ("/v<int:name>", "/v12", 12),
        ("/<int:name>/edit", "/5/edit", 5),
    ],
)
def test_a_converter_gives_the_view_a_value(app: App, rule: str, url: str, value: object) -> None:
    seen: list[object] = []

    @app.get(rule)
    def show(name: object) -> str:
        seen.append(name)
        return ""

    assert app.test_client().get(url).status_code == 200
    assert seen == [value]
    assert type(seen[0]) is type(value)


@pytest.mark.parametrize(
    ("rule", "url"),
    [
        ("/<int:name>", "/-7"),
        ("/<int:name>", "/seven"),
        ("/<int(min=5):name>", "/4"),
        ("/<int(max=5):name>", "/6"),
        ("/<int(fixed_digits=3):name>", "/07"),
        ("/<float:name>", "/1"),
        ("/<float:name>", "/-1.5"),
        ("/<string(length=3):name>", "/adam"),
        ("/<string(minlength=2):name>", "/a"),
        ("/<any(about,help):name>", "/contact"),
        ("/<uuid:name>", "/12345678"),
        ("/<name>", "/a/b"),
        ("/<name>", "/"),
    ],
)
def test_a_text_that_does_not_convert_is_not_found(app: App, rule: str, url: str) -> None:
    app.add_url_rule(rule, "show", lambda name: "")
    assert app.test_client().get(url).status_code == 404


class ListConverter(BaseConverter):
    """Texts between commas."""

    def to_python(self, value: str) -> list[str]:
        if value == "none":
            raise ValidationError
        return value.split(",")

    def to_url(self, value: Iterable[str]) -> str:
        return ",".join(BaseConverter.to_url(self, item) for item in value)


def test_an_application_has_converters_of_its_own(app: App) -> None:
    app.url_map.converters["list"] = ListConverter

    @app.get("/<list:names>")
    def show(names: list[str]) -> list[str]:
        return names

    client = app.test_client()
    assert client.get("/ada,grace").json == ["ada", "grace"]
    assert client.get("/none").status_code == 404
    with app.test_request_context():
        assert url_for("show", names=["a b", "c"]) == "/a%20b,c"


def test_a_converter_may_use_the_session(app: App) -> None:
    class MineConverter(BaseConverter):
        def to_python(self, value: str) -> str:
            return f"{session.get('user')}'s {value}"

    app.url_map.converters["mine"] = MineConverter

    @app.get("/<mine:thing>")
    def show(thing: str) -> str:
        return thing

    client = app.test_client()
    with client.session_transaction() as stored:
        stored["user"] = "ada"
    assert client.get("/engine").text == "ada's engine"


def test_a_converter_that_breaks_is_a_server_error(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenConverter(BaseConverter):
        def to_python(self, value: str) -> str:
            raise KeyError(value)

    app.url_map.converters["broken"] = BrokenConverter
    app.add_url_rule("/<broken:thing>", "show", lambda thing: thing)
    app.testing = False
    assert app.test_client().get("/engine").status_code == 500
    assert [record.getMessage() for record in caplog.records] == ["Exception on /engine [GET]"]


def test_a_static_segment_wins_over_a_variable(app: App) -> None:
    app.add_url_rule("/<name>", "user", lambda name: f"user {name}")
    app.add_url_rule("/about", "about", lambda: "about")
    app.add_url_rule("/<int:number>", "number", lambda number: f"number {number}")
    client = app.test_client()
    assert [client.get(url).text for url in ("/about", "/7", "/ada")] == [
        "about",
        "number 7",
        "user ada",
    ]


def test_defaults_fill_in_what_a_rule_leaves_out(app: App) -> None:
    app.add_url_rule("/", "page", lambda number: f"page {number}", defaults={"number": 1})
    app.add_url_rule("/<int:number>", "page")
    client = app.test_client()
    assert [client.get("/", buffered=True).text, client.get("/2", buffered=True).text] == [
        "page 1",
        "page 2",
    ]
    response = client.get("/1", buffered=True)
    assert (response.status_code, response.location) == (308, "http://localhost/")


# --- redirects of the router


def test_a_missing_slash_is_redirected_and_the_query_kept(app: App) -> None:
    app.add_url_rule("/users/", "users", lambda: "users")
    response = app.test_client().get("/users?page=2", buffered=True)
    assert (response.status_code, response.location) == (308, "http://localhost/users/?page=2")


def test_a_slash_too_many_is_not_found(app: App) -> None:
    app.add_url_rule("/users", "users", lambda: "users")
    assert app.test_client().get("/users/").status_code == 404


def test_a_rule_may_be_lenient_about_its_slash(app: App) -> None:
    app.add_url_rule("/users/", "users", lambda: "users", strict_slashes=False)
    client = app.test_client()
    assert [client.get("/users").text, client.get("/users/").text] == ["users", "users"]


def test_double_slashes_are_merged_by_a_redirect(app: App) -> None:
    app.add_url_rule("/a/b", "ab", lambda: "ab")
    response = app.test_client().get("/a//b", buffered=True)
    assert (response.status_code, response.location) == (308, "http://localhost/a/b")


def test_a_rule_may_redirect_to_another(app: App) -> None:
    app.add_url_rule("/old/<int:id>", "old", lambda id: "", redirect_to="/new/<id>")
    response = app.test_client().get("/old/7", buffered=True)
    assert (response.status_code, response.location) == (308, "http://localhost/new/7")


def test_a_redirect_of_the_router_never_meets_an_error_handler(app: App) -> None:
    app.add_url_rule("/users/", "users", lambda: "users")
    app.register_error_handler(Exception, lambda error: ("caught", 418))
    app.register_error_handler(HTTPException, lambda error: ("caught", 418))
    assert app.test_client().get("/users", buffered=True).status_code == 308


# --- HEAD, OPTIONS, 405


def test_head_is_answered_by_get_without_a_body(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "Hello!")
    response = app.test_client().head("/")
    assert response.status_code == 200
    assert response.data == b""
    assert response.headers["Content-Length"] == "6"


def test_head_of_a_stream_does_not_run_it_and_closes_it(app: App) -> None:
    log: list[str] = []

    class Body(Iterator[str]):
        def __next__(self) -> str:
            log.append("produced")
            return "x"

        def close(self) -> None:
            log.append("closed")

    app.add_url_rule("/", "index", Body)
    app.teardown_request(lambda exc: log.append("teardown"))
    response = app.test_client().head("/", buffered=True)
    response.close()
    assert (response.status_code, response.data, log) == (200, b"", ["closed", "teardown"])


def test_post_alone_does_not_answer_head(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "", methods=["POST"])
    assert app.test_client().head("/").status_code == 405


def test_options_are_answered_without_the_view(app: App) -> None:
    log: list[str] = []

    @app.route("/", methods=["GET", "POST"])
    def index() -> str:
        log.append("view")
        return ""

    response = app.test_client().options("/")
    assert response.status_code == 200
    assert response.data == b""
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert log == []


def test_options_name_the_methods_of_all_views_of_a_url(app: App) -> None:
    app.add_url_rule("/<int:id>", "show", lambda id: "")
    app.add_url_rule("/<int:id>", "change", lambda id: "", methods=["PUT"])
    assert app.test_client().options("/7").headers["Allow"] == "GET, HEAD, OPTIONS, PUT"


def test_a_view_that_names_options_answers_them(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "mine", methods=["GET", "OPTIONS"])
    assert app.test_client().options("/").text == "mine"


def test_automatic_options_can_be_switched_off_for_a_route(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "", provide_automatic_options=False)
    response = app.test_client().options("/")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_automatic_options_can_be_switched_off_by_the_view(app: App) -> None:
    def index() -> str:
        return ""

    index.provide_automatic_options = False  # type: ignore[attr-defined]
    app.add_url_rule("/", view_func=index)
    assert app.test_client().options("/").status_code == 405


def test_automatic_options_can_be_switched_off_for_the_application(app: App) -> None:
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.add_url_rule("/", "index", lambda: "")
    assert app.test_client().options("/").status_code == 405


def test_options_of_an_unknown_url_are_not_found(app: App) -> None:
    assert app.test_client().options("/nowhere").status_code == 404


def test_a_wrong_method_says_which_are_right(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "", methods=["GET", "DELETE"])
    response = app.test_client().post("/")
    assert response.status == "405 METHOD NOT ALLOWED"
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"


def test_a_method_that_no_rule_has_is_not_allowed(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "")
    assert app.test_client().open("/", method="TRACE").status_code == 405


# --- clashes


def test_two_functions_under_one_endpoint_are_both_named(app: App) -> None:
    def one() -> str:
        return ""

    def two() -> str:
        return ""

    app.add_url_rule("/one", "index", one)
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("/two", "index", two)
    assert str(caught.value) == (
        f"The endpoint 'index' is taken: {place_of(one)} has it and {place_of(two)} would get it"
        " too. Rename one of the functions, or give it another name with endpoint=."
    )


def test_an_unwrapped_function_is_what_a_clash_names(app: App) -> None:
    def login_required(view: Callable[[], str]) -> Callable[[], str]:
        @functools.wraps(view)
        def wrapper() -> str:
            return view()

        return wrapper

    def one() -> str:
        return ""

    def two() -> str:
        return ""

    app.add_url_rule("/one", "index", login_required(one))
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("/two", "index", login_required(two))
    assert place_of(one) in str(caught.value)
    assert place_of(two) in str(caught.value)


def test_one_function_may_have_an_endpoint_many_times(app: App) -> None:
    def index() -> str:
        return request.path

    app.add_url_rule("/one", view_func=index)
    app.add_url_rule("/two", view_func=index)
    client = app.test_client()
    assert [client.get("/one").text, client.get("/two").text] == ["/one", "/two"]


def test_a_url_registered_twice_names_both_functions(app: App) -> None:
    def one() -> str:
        return ""

    def two() -> str:
        return ""

    app.add_url_rule("/", view_func=one)
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("/", view_func=two)
    assert str(caught.value) == (
        f"GET '/' is registered twice: by '/' of {place_of(one)} and by '/' of {place_of(two)}."
        " Only the first would ever be called."
    )


def test_the_same_pattern_with_another_variable_is_the_same_url(app: App) -> None:
    app.add_url_rule("/<int:id>", "one", lambda id: "", methods=["GET", "POST"])
    with pytest.raises(SetupError, match=r"^GET and POST '/<int:number>' is registered twice: "):
        app.add_url_rule("/<int:number>", "two", lambda number: "", methods=["POST", "GET"])


def test_patterns_with_other_converters_are_other_urls(app: App) -> None:
    app.add_url_rule("/<int:id>", "one", lambda id: "one")
    app.add_url_rule("/<id>", "two", lambda id: "two")
    app.add_url_rule("/<int(max=3):id>", "three", lambda id: "three")
    assert app.test_client().get("/x").text == "two"


# --- the order of things


def record_hooks(log: list[str], scope: App | Blueprint, name: str) -> None:
    """Let every hook of a scope write its name."""

    @scope.url_value_preprocessor
    def preprocess(endpoint: str | None, values: dict[str, Any] | None) -> None:
        log.append(f"{name} values")

    for number in (1, 2):

        def before(number: int = number) -> None:
            log.append(f"{name} before {number}")

        def after(response: Response, number: int = number) -> Response:
            log.append(f"{name} after {number}")
            return response

        def teardown(exc: BaseException | None, number: int = number) -> None:
            log.append(f"{name} teardown {number} {exc!r}")

        scope.before_request(before)
        scope.after_request(after)
        scope.teardown_request(teardown)


def nested_app(app: App, log: list[str]) -> App:
    """Return an application with hooks on itself, on a blueprint and on one nested in it."""
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    child = Blueprint("child", __name__, url_prefix="/child")
    record_hooks(log, child, "child")
    record_hooks(log, parent, "parent")
    record_hooks(log, app, "app")
    app.teardown_appcontext(lambda exc: log.append(f"context 1 {exc!r}"))
    app.teardown_appcontext(lambda exc: log.append(f"context 2 {exc!r}"))

    @child.get("/")
    def index() -> str:
        log.append("view")
        return "answer"

    @child.get("/missing")
    def missing() -> str:
        log.append("view")
        abort(404)

    @child.get("/broken")
    def broken() -> str:
        log.append("view")
        raise ValueError("broken")

    @child.get("/handled")
    def handled() -> str:
        log.append("view")
        raise LookupError("handled")

    @child.errorhandler(LookupError)
    def explain(error: LookupError) -> str:
        log.append("handler")
        return "explained"

    @child.get("/away")
    def away() -> Any:
        log.append("view")
        return redirect("/")

    @child.get("/stream")
    def stream() -> Iterator[str]:
        log.append("view")

        def body() -> Iterator[str]:
            log.append("body")
            yield "answer"

        return body()

    parent.register_blueprint(child)
    app.register_blueprint(parent)
    return app


BEFORE = [
    *("app values", "parent values", "child values"),
    *("app before 1", "app before 2", "parent before 1", "parent before 2"),
    *("child before 1", "child before 2"),
]
AFTER = [
    *("child after 2", "child after 1", "parent after 2", "parent after 1"),
    *("app after 2", "app after 1"),
]
TEARDOWN = [
    *("child teardown 2 None", "child teardown 1 None"),
    *("parent teardown 2 None", "parent teardown 1 None"),
    *("app teardown 2 None", "app teardown 1 None", "context 2 None", "context 1 None"),
]
APP_ONLY = [
    *("app values", "app before 1", "app before 2", "app after 2", "app after 1"),
    *("app teardown 2 None", "app teardown 1 None", "context 2 None", "context 1 None"),
]


@pytest.mark.parametrize(
    ("url", "status", "middle"),
    [
        ("/parent/child/", 200, ["view"]),
        ("/parent/child/missing", 404, ["view"]),
        ("/parent/child/handled", 200, ["view", "handler"]),
        ("/parent/child/away", 302, ["view"]),
    ],
)
def test_hooks_stand_around_the_view_like_shells(
    app: App, url: str, status: int, middle: list[str]
) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()
    assert client.get(url).status_code == status
    assert log == [*BEFORE, *middle, *AFTER, *TEARDOWN]


def test_hooks_run_in_the_same_order_for_a_stream_and_teardown_after_it(app: App) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()
    response = client.get("/parent/child/stream", buffered=True)
    assert response.text == "answer"
    assert log == [*BEFORE, "view", *AFTER, "body", *TEARDOWN]


def test_an_unhandled_error_runs_the_after_hooks_and_reaches_teardown(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()
    app.testing = False
    assert client.get("/parent/child/broken").status_code == 500
    with_error = [line.replace("None", "ValueError('broken')") for line in TEARDOWN]
    assert log == [*BEFORE, "view", *AFTER, *with_error]


def test_an_error_that_is_propagated_reaches_teardown_and_no_after_hook(app: App) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()
    with pytest.raises(ValueError, match="^broken$"):
        client.get("/parent/child/broken")
    with_error = [line.replace("None", "ValueError('broken')") for line in TEARDOWN]
    assert log == [*BEFORE, "view", *with_error]


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/parent/child/nowhere", 404),
        ("POST", "/parent/child/", 405),
        ("GET", "/parent/child", 308),
    ],
)
def test_a_miss_runs_the_hooks_of_the_application_only(
    app: App, method: str, url: str, status: int
) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()
    assert client.open(url, method=method, buffered=True).status_code == status
    assert log == APP_ONLY


def test_automatic_options_run_all_hooks(app: App) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()
    assert client.options("/parent/child/").status_code == 200
    assert log == [*BEFORE, *AFTER, *TEARDOWN]


def test_static_files_run_the_hooks_of_the_application(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.txt").write_text("a")
    app = App("example", root_path=str(tmp_path))
    log: list[str] = []
    record_hooks(log, app, "app")
    response = app.test_client().get("/static/a.txt", buffered=True)
    assert response.text == "a"
    assert log == APP_ONLY[:-2]


def test_a_before_hook_that_answers_skips_the_rest_but_not_the_after_hooks(app: App) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()

    @app.before_request
    def stop() -> str:
        log.append("stop")
        return ""

    response = client.get("/parent/child/")
    assert (response.status_code, response.text) == (200, "")
    assert log == [*BEFORE[:5], "stop", *AFTER, *TEARDOWN]


def test_a_before_hook_may_abort(app: App) -> None:
    log: list[str] = []
    client = nested_app(app, log).test_client()

    @app.before_request
    def stop() -> None:
        abort(403)

    assert client.get("/parent/child/").status_code == 403
    assert log == [*BEFORE[:5], *AFTER, *TEARDOWN]


def test_a_before_hook_answers_in_place_of_a_404(app: App) -> None:
    app.before_request(lambda: ("closed for repairs", 503))
    response = app.test_client().get("/nowhere")
    assert (response.status_code, response.text) == (503, "closed for repairs")


def test_an_after_hook_may_answer_with_another_response(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "first")
    app.after_request(lambda response: Response(response.get_data() + b" and third"))
    app.after_request(lambda response: Response(response.get_data() + b" and second"))
    assert app.test_client().get("/").text == "first and second and third"


def test_an_after_hook_that_fails_runs_again_for_the_500(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    app.testing = False
    app.add_url_rule("/", "index", lambda: "")

    @app.after_request
    def fail(response: Response) -> Response:
        log.append(response.status)
        raise ValueError("no")

    assert app.test_client().get("/").status_code == 500
    assert log == ["200 OK", "500 INTERNAL SERVER ERROR"]
    assert [record.getMessage() for record in caplog.records] == [
        "Exception on / [GET]",
        "Request finalizing failed with an error while handling an error",
    ]


def test_url_value_preprocessors_see_and_change_the_values(app: App) -> None:
    seen: list[tuple[str | None, dict[str, Any] | None]] = []

    @app.url_value_preprocessor
    def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
        seen.append((endpoint, None if values is None else dict(values)))
        if values is not None:
            g.lang = values.pop("lang")

    @app.get("/<lang>/<name>")
    def show(name: str) -> str:
        return f"{g.lang} {name} {request.view_args}"

    client = app.test_client()
    assert client.get("/en/ada").text == "en ada {'name': 'ada'}"
    assert client.get("/").status_code == 404
    assert seen == [("show", {"lang": "en", "name": "ada"}), (None, None)]


def test_values_of_one_request_are_not_those_of_the_next(app: App) -> None:
    @app.url_value_preprocessor
    def add(endpoint: str | None, values: dict[str, Any] | None) -> None:
        assert values == {}
        values["number"] = 1

    app.add_url_rule("/", "index", lambda number: f"{number}")
    client = app.test_client()
    assert [client.get("/").text, client.get("/").text] == ["1", "1"]


def test_the_session_is_saved_after_all_hooks(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "")

    @app.after_request
    def remember(response: Response) -> Response:
        session["seen"] = True
        assert "Set-Cookie" not in response.headers
        return response

    assert "session=" in app.test_client().get("/").headers["Set-Cookie"]


# --- teardown


def test_every_teardown_runs_and_the_response_survives(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    signalled: list[Exception] = []

    @app.teardown_appcontext
    def third(exc: BaseException | None) -> None:
        log.append("third")

    @app.teardown_request
    def second(exc: BaseException | None) -> None:
        log.append("second")
        raise ValueError("second")

    @app.teardown_request
    def first(exc: BaseException | None) -> None:
        log.append("first")
        raise ValueError("first")

    app.add_url_rule("/", "index", lambda: "answer")

    def keep(sender: App, exception: Exception) -> None:
        signalled.append(exception)

    with got_request_exception.connected_to(keep, app):
        assert app.test_client().get("/", buffered=True).text == "answer"
    assert log == ["first", "second", "third"]
    assert [str(error) for error in signalled] == ["first", "second"]
    assert [(record.levelname, record.exc_info is not None) for record in caplog.records] == [
        ("ERROR", True),
        ("ERROR", True),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        f"Teardown function {place_of(first)} failed",
        f"Teardown function {place_of(second)} failed",
    ]


def test_a_teardown_without_a_name_fails_like_any_other(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []

    def fail(reason: str, exc: BaseException | None) -> None:
        raise ValueError(reason)

    app.teardown_request(lambda exc: log.append("the next one"))
    app.teardown_request(functools.partial(fail, "no"))
    app.add_url_rule("/", "index", lambda: "answer")
    assert app.test_client().get("/").text == "answer"
    assert log == ["the next one"]
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["no"]


def test_a_teardown_that_exits_leaves_no_context(app: App) -> None:
    @app.teardown_request
    def leave(exc: BaseException | None) -> None:
        raise KeyboardInterrupt

    app.add_url_rule("/", "index", lambda: "answer")
    with pytest.raises(KeyboardInterrupt):
        app.test_client().get("/")
    assert not has_app_context()


def test_a_receiver_that_fails_at_the_end_is_logged_and_the_response_survives(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/", "index", lambda: "answer")

    def fail(sender: App, exc: BaseException | None) -> None:
        raise ValueError("receiver")

    with request_tearing_down.connected_to(fail, app):
        assert app.test_client().get("/").text == "answer"
    assert [repr(record.exc_info[1]) for record in caplog.records if record.exc_info] == [
        "ValueError('receiver')"
    ]
    assert not has_app_context()


def test_an_after_function_may_return_a_response_of_werkzeug(app: App) -> None:
    @app.after_request
    def replace(response: Response) -> WerkzeugResponse:
        session["a"] = 1
        return WerkzeugResponse("replaced", 201, {"X-A": "1"})

    app.add_url_rule("/", "index", lambda: "answer")
    response = app.test_client().get("/")
    assert (response.status_code, response.text, response.headers["X-A"]) == (201, "replaced", "1")
    assert response.headers["Vary"] == "Cookie"


def test_a_page_that_cannot_be_sent_becomes_a_plain_server_error(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False

    @app.errorhandler(500)
    def page(error: Exception) -> tuple[str, int, dict[str, str]]:
        return "page", 500, {"X-A": "€"}

    app.add_url_rule("/", "index", lambda: 1 / 0)
    response = app.test_client().get("/")
    assert (response.status_code, "Internal Server Error" in response.text) == (500, True)
    assert [record.getMessage() for record in caplog.records] == [
        "Exception on / [GET]",
        "The page for an error cannot be sent",
    ]


@pytest.mark.parametrize("status", ["200 OK\r\nX-Evil: 1", "200 \x00", "200 €"])
def test_a_status_that_must_not_be_sent_is_refused(app: App, status: str) -> None:
    app.add_url_rule("/", "index", lambda: ("", status))
    with pytest.raises(ValueError, match="has characters that must not be sent"):
        app.test_client().get("/")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X\r\nEvil": "1"}, "cannot be the name of a header"),
        ({"": "1"}, "cannot be the name of a header"),
        ({"X A": "1"}, "cannot be the name of a header"),
        ({"X-A": "a\x00b"}, "has a control character"),
    ],
)
def test_a_header_that_must_not_be_sent_is_refused(
    app: App, headers: dict[str, str], message: str
) -> None:
    app.add_url_rule("/", "index", lambda: ("", 200, headers))
    with pytest.raises(ValueError, match=message):
        app.test_client().get("/")


def test_headers_may_have_latin_1_and_more_than_letters_in_their_name(app: App) -> None:
    headers = {"X-A_b1": "and é"}
    app.add_url_rule("/", "index", lambda: ("", 200, headers))
    assert app.test_client().get("/").headers["X-A_b1"] == "and é"


@pytest.mark.parametrize("path", ["/s?q=é", "/s?q=%C3%A9"])
def test_a_redirect_keeps_a_query_that_is_not_ascii(app: App, path: str) -> None:
    app.add_url_rule("/s/", "search", lambda: "")
    environ = {"QUERY_STRING": path.partition("?")[2].encode().decode("latin-1")}
    response = app.test_client().get("/s", environ_overrides=environ)
    assert (response.status_code, response.location) == (308, "http://localhost/s/?q=%C3%A9")


def test_a_redirect_to_an_iri_is_sent_as_a_uri(app: App) -> None:
    app.add_url_rule("/", "index", lambda: redirect("/é€"))
    assert app.test_client().get("/").location == "/%C3%A9%E2%82%AC"


def test_teardown_of_a_handled_error_sees_none(app: App) -> None:
    seen: list[BaseException | None] = []
    app.teardown_request(seen.append)
    app.teardown_appcontext(seen.append)
    app.register_error_handler(ValueError, lambda error: "handled")

    @app.get("/")
    def index() -> str:
        raise ValueError

    assert app.test_client().get("/").text == "handled"
    assert seen == [None, None]


def test_teardown_still_has_request_session_and_g(app: App) -> None:
    seen: list[object] = []

    @app.get("/")
    def index() -> str:
        g.user = "ada"
        session["n"] = 1
        return ""

    @app.teardown_appcontext
    def look(exc: BaseException | None) -> None:
        seen.extend([request.path, session["n"], g.user, current_app.name])

    app.test_client().get("/")
    assert seen == ["/", 1, "ada", "example"]


def test_a_base_exception_reaches_teardown_and_the_server(app: App) -> None:
    seen: list[BaseException | None] = []
    app.teardown_request(seen.append)
    app.testing = False

    @app.get("/")
    def index() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app.test_client().get("/")
    assert [type(error) for error in seen] == [KeyboardInterrupt]
    assert not has_app_context()


def test_files_of_a_form_are_closed_at_the_end(app: App) -> None:
    kept: list[Any] = []

    @app.post("/")
    def upload() -> str:
        kept.append(request.files["file"].stream)
        return str(kept[0].closed)

    response = app.test_client().post("/", data={"file": (BytesIO(b"content"), "a.bin")})
    assert response.text == "False"
    assert kept[0].closed


# --- streams


def streaming_app(app: App, log: list[str]) -> App:
    """Return an application whose stream says which request it is part of."""

    @app.get("/<name>")
    def stream(name: str) -> Iterator[str]:
        g.name = name

        def body() -> Iterator[str]:
            for number in range(3):
                log.append(f"{g.name} {request.path} {number}")
                yield f"{number}"

        return body()

    app.teardown_request(lambda exc: log.append(f"teardown {g.name} {exc!r}"))
    return app


def test_the_request_lasts_until_its_stream_is_closed(app: App) -> None:
    log: list[str] = []
    stream = call(streaming_app(app, log), "/a")
    log.append("called")
    assert not has_app_context()
    assert list(stream) == [b"0", b"1", b"2"]
    assert not has_app_context()
    log.append("all read")
    stream.close()
    assert log == ["a /a 0", "called", "a /a 1", "a /a 2", "all read", "teardown a None"]


def test_closing_a_stream_twice_tears_down_once(app: App) -> None:
    log: list[str] = []
    environ = create_environ("/a")
    stream: Any = streaming_app(app, log).wsgi_app(environ, start_response)
    list(stream)
    stream.close()
    stream.close()
    assert log[3:] == ["teardown a None"]


def test_interleaved_streams_on_one_thread_see_their_own_request(app: App) -> None:
    log: list[str] = []
    streaming_app(app, log)
    one, two = call(app, "/one"), call(app, "/two")
    steps_one, steps_two = iter(one), iter(two)
    for _ in range(3):
        next(steps_one)
        next(steps_two)
    one.close()
    two.close()
    assert log == [
        *("one /one 0", "two /two 0", "one /one 1", "two /two 1", "one /one 2", "two /two 2"),
        *("teardown one None", "teardown two None"),
    ]


def test_another_request_between_two_steps_changes_nothing_for_a_stream(app: App) -> None:
    log: list[str] = []
    streaming_app(app, log)

    @app.get("/plain/answer")
    def plain() -> str:
        g.name = "plain"
        return ""

    stream = call(app, "/one")
    steps = iter(stream)
    next(steps)
    app.test_client().get("/plain/answer")
    next(steps)
    stream.close()
    assert log == ["one /one 0", "teardown plain None", "one /one 1", "teardown one None"]


def test_a_stream_may_use_the_session_and_build_urls(app: App) -> None:
    @app.get("/")
    def index() -> Iterator[str]:
        user = session.get("user", "nobody")

        def body() -> Iterator[str]:
            yield f"{user} "
            yield url_for("index", _external=True)

        return body()

    assert app.test_client().get("/", buffered=True).text == "nobody http://localhost/"


def test_stream_with_context_changes_nothing(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Any:
        @stream_with_context
        def body() -> Iterator[str]:
            log.append(request.path)
            yield "decorated "

        return stream_with_context(part for part in [*body(), "wrapped"])

    app.teardown_request(lambda exc: log.append("teardown"))
    assert app.test_client().get("/", buffered=True).text == "decorated wrapped"
    assert log == ["/", "teardown"]


def test_a_stream_that_is_not_read_to_its_end_is_closed_within_its_request(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Iterator[str]:
        def body() -> Iterator[str]:
            try:
                yield "first"
                yield "second"
            finally:
                log.append(f"body closed at {request.path}")

        return body()

    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))
    stream = call(app)
    assert next(iter(stream)) == b"first"
    stream.close()
    assert log == ["body closed at /", "teardown None"]


def test_a_stream_that_is_left_early_calls_its_close_functions_once(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Response:
        response = Response(iter(["first", "second"]))
        response.call_on_close(lambda: log.append("closed"))
        return response

    stream: Any = app.wsgi_app(create_environ("/"), start_response)
    steps = iter(stream)
    next(steps)
    stream.close()
    del steps, stream
    assert log == ["closed"]


def test_an_error_in_mid_stream_is_logged_signalled_and_raised(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    signalled: list[Exception] = []
    app.testing = False

    @app.get("/")
    def index() -> Iterator[str]:
        def body() -> Iterator[str]:
            yield "first"
            raise ValueError("in the middle")

        return body()

    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))

    def keep(sender: App, exception: Exception) -> None:
        signalled.append(exception)

    with got_request_exception.connected_to(keep, app):
        stream = call(app)
        steps = iter(stream)
        assert next(steps) == b"first"
        with pytest.raises(ValueError, match="^in the middle$"):
            next(steps)
        assert log == []
        stream.close()
    assert log == ["teardown ValueError('in the middle')"]
    assert [str(error) for error in signalled] == ["in the middle"]
    assert [record.getMessage() for record in caplog.records] == ["Exception on / [GET]"]


def failing_at_first(app: App, error: BaseException, log: list[str]) -> App:
    """Return an application whose stream fails before its first piece."""

    @app.get("/")
    def index() -> Response:
        def body() -> Iterator[str]:
            raise error
            yield ""

        response = Response(body(), headers={"X-Of": "the stream", "Content-Length": "7"})
        response.call_on_close(lambda: log.append("stream closed"))
        return response

    app.get("/plain")(lambda: index().response)
    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))
    app.testing = False
    return app


@pytest.mark.parametrize("path", ["/", "/plain"])
def test_an_error_before_the_first_piece_is_answered_like_that_of_a_view(
    app: App, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    log: list[str] = []
    client = failing_at_first(app, ValueError("at once"), log).test_client()
    response = client.get(path, buffered=True)
    assert response.status_code == 500
    assert "Internal Server Error" in response.text
    assert "X-Of" not in response.headers
    assert response.headers.getlist("Content-Length") == [str(len(response.data))]
    closed = ["stream closed"] if path == "/" else []
    assert log == [*closed, "teardown ValueError('at once')"]
    assert [record.getMessage() for record in caplog.records] == [f"Exception on {path} [GET]"]


def test_an_error_before_the_first_piece_can_be_an_http_error(app: App) -> None:
    log: list[str] = []
    client = failing_at_first(app, NotFound(), log).test_client()
    assert client.get("/", buffered=True).status_code == 404
    assert log == ["stream closed", "teardown None"]


def test_an_error_before_the_first_piece_goes_to_its_handler(app: App) -> None:
    log: list[str] = []

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> tuple[Iterator[str], int]:
        return iter(["another ", f"stream at {request.path}"]), 409

    response = failing_at_first(app, LookupError(), log).test_client().get("/", buffered=True)
    assert (response.status_code, response.text) == (409, "another stream at /")
    assert log == ["stream closed", "teardown None"]


def test_an_error_before_the_first_piece_is_raised_in_tests(app: App) -> None:
    log: list[str] = []
    failing_at_first(app, ValueError("at once"), log).testing = True
    with pytest.raises(ValueError, match="^at once$"):
        app.test_client().get("/", buffered=True)
    assert log == ["stream closed", "teardown ValueError('at once')"]


def test_an_exit_before_the_first_piece_closes_the_stream_and_goes_on(app: App) -> None:
    log: list[str] = []
    failing_at_first(app, SystemExit(3), log)
    with pytest.raises(SystemExit):
        app.test_client().get("/", buffered=True)
    assert log == ["stream closed", "teardown SystemExit(3)"]


def refusing(begun: list[str]) -> Callable[..., Any]:
    """A `start_response` like that of wsgiref: some headers are the server's own to send."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        assert exc_info or not begun, "Headers already set!"
        assert "Connection" not in dict(headers), "Hop-by-hop header"
        begun.append(status)

    return start


def test_a_stream_whose_headers_a_server_refuses_gives_nothing_to_the_answer(app: App) -> None:
    app.testing = False
    app.get("/")(lambda: Response(iter(["first", "second"]), headers={"Connection": "keep-alive"}))
    begun: list[str] = []
    stream: Any = app.wsgi_app(create_environ("/"), refusing(begun))
    body = b"".join(stream)
    stream.close()
    assert begun == ["500 INTERNAL SERVER ERROR"]
    assert body.startswith(b"<!doctype html>")


def test_the_answer_to_a_failing_stream_is_closed_where_it_cannot_be_sent(app: App) -> None:
    log: list[str] = []

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> Response:
        response = Response("not found", headers={"Connection": "close"})
        response.call_on_close(lambda: log.append("answer closed"))
        return response

    failing_at_first(app, LookupError(), log)
    begun: list[str] = []
    stream: Any = app.wsgi_app(create_environ("/"), refusing(begun))
    stream.close()
    assert begun == ["500 INTERNAL SERVER ERROR"]
    assert log[:2] == ["stream closed", "answer closed"]


def test_a_stream_of_a_class_with_headers_of_its_own_waits_for_its_first_piece_too(
    app: App,
) -> None:
    class Signed(Response):
        def get_wsgi_headers(self, environ: Any) -> Any:
            headers = super().get_wsgi_headers(environ)
            headers["X-Signed"] = "yes"
            return headers

    app.response_class = Signed
    log: list[str] = []
    failing_at_first(app, NotFound(), log)
    begun: list[str] = []
    for path in "/", "/plain":
        stream: Any = app.wsgi_app(create_environ(path), refusing(begun))
        stream.close()
        assert begun.pop() == "404 NOT FOUND"
        assert begun == []


def test_after_functions_see_a_stream_that_fails_at_first_and_the_answer_to_it(app: App) -> None:
    log: list[str] = []
    failing_at_first(app, NotFound(), log)

    @app.after_request
    def after(response: Response) -> Response:
        log.append(f"after {response.status_code}")
        return response

    app.test_client().get("/", buffered=True)
    assert log == ["after 200", "stream closed", "after 404", "teardown None"]


def test_the_status_of_a_stream_waits_for_its_first_piece(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Iterator[str]:
        log.append("piece")
        yield "first"

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        log.append(status)

    stream: Any = app.wsgi_app(create_environ("/"), start)
    assert log == ["piece", "200 OK"]
    assert list(stream) == [b"first"]
    stream.close()


def test_an_error_while_closing_a_stream_is_logged_and_teardown_runs(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Iterator[str]:
        def body() -> Iterator[str]:
            try:
                yield "first"
            finally:
                raise ValueError("while closing")

        return body()

    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))
    stream = call(app)
    next(iter(stream))
    stream.close()
    assert log == ["teardown ValueError('while closing')"]
    assert [record.getMessage() for record in caplog.records] == ["Exception on / [GET]"]


def test_functions_on_close_run_before_teardown_with_the_request(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Response:
        response = Response("complete")
        response.call_on_close(lambda: log.append(f"close {request.path}"))
        return response

    app.teardown_request(lambda exc: log.append("teardown"))
    assert app.test_client().get("/", buffered=True).text == "complete"
    assert log == ["close /", "teardown"]


def test_a_complete_body_is_torn_down_before_it_is_sent(app: App) -> None:
    log: list[str] = []
    app.add_url_rule("/", "index", lambda: "answer")
    app.teardown_request(lambda exc: log.append("teardown"))
    body = call(app)
    assert log == ["teardown"]
    assert list(body) == [b"answer"]


def test_a_stream_that_is_handed_through_directly_has_its_request_too(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def index() -> Response:
        def body() -> Iterator[bytes]:
            log.append(request.path)
            yield b"direct"

        return Response(body(), direct_passthrough=True)

    app.teardown_request(lambda exc: log.append("teardown"))
    stream = call(app)
    assert list(stream) == [b"direct"]
    stream.close()
    assert log == ["/", "teardown"]


def test_a_wsgi_application_that_a_view_returns_is_streamed(app: App) -> None:
    log: list[str] = []

    def inner(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"inner "
        log.append(request.path)
        yield b"body"

    app.add_url_rule("/", "index", lambda: inner)
    app.teardown_request(lambda exc: log.append("teardown"))
    response = app.test_client().get("/", buffered=True)
    assert (response.text, response.content_type) == ("inner body", "text/plain")
    assert log == ["/", "teardown"]


# --- what a subclass may change


def test_overridden_dispatch_methods_are_called_in_order() -> None:
    log: list[str] = []

    class Watched(App):
        def wsgi_app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
            log.append("wsgi_app")
            return super().wsgi_app(environ, start_response)

        def full_dispatch_request(self) -> Response:
            log.append("full_dispatch_request")
            return super().full_dispatch_request()

        def preprocess_request(self) -> Any:
            log.append("preprocess_request")
            return super().preprocess_request()

        def dispatch_request(self) -> Any:
            log.append("dispatch_request")
            return super().dispatch_request()

        def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
            log.append(f"finalize_request {rv!r} {from_error_handler}")
            return super().finalize_request(rv, from_error_handler)

        def make_response(self, rv: Any) -> Response:
            log.append("make_response")
            return super().make_response(rv)

        def process_response(self, response: Response) -> Response:
            log.append("process_response")
            return super().process_response(response)

        def do_teardown_request(self, exc: BaseException | None = None) -> None:
            log.append(f"do_teardown_request {exc!r}")
            super().do_teardown_request(exc)

        def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
            log.append(f"do_teardown_appcontext {exc!r}")
            super().do_teardown_appcontext(exc)

    app = Watched("example")
    app.add_url_rule("/", "index", lambda: "answer")
    assert app.test_client().get("/").text == "answer"
    assert log == [
        *("wsgi_app", "full_dispatch_request", "preprocess_request", "dispatch_request"),
        *("finalize_request 'answer' False", "make_response", "process_response"),
        *("do_teardown_request None", "do_teardown_appcontext None"),
    ]


def test_overridden_error_methods_are_called_in_order(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []

    class Watched(App):
        def handle_user_exception(self, e: Exception) -> Any:
            log.append(f"handle_user_exception {getattr(e, 'code', None)}")
            return super().handle_user_exception(e)

        def trap_http_exception(self, e: Exception) -> bool:
            log.append("trap_http_exception")
            return super().trap_http_exception(e)

        def handle_http_exception(self, e: HTTPException) -> Any:
            log.append(f"handle_http_exception {e.code}")
            return super().handle_http_exception(e)

        def handle_exception(self, e: Exception) -> Response:
            log.append(f"handle_exception {e!r}")
            return super().handle_exception(e)

        def log_exception(self, exc_info: Any) -> None:
            log.append(f"log_exception {exc_info[0].__name__}")

    app = Watched("example")

    @app.get("/")
    def index() -> str:
        raise ValueError("broken")

    assert app.test_client().get("/nowhere").status_code == 404
    assert app.test_client().get("/").status_code == 500
    assert log == [
        "handle_user_exception 404",
        "trap_http_exception",
        "handle_http_exception 404",
        "handle_user_exception None",
        "handle_exception ValueError('broken')",
        "log_exception ValueError",
    ]
    assert caplog.records == []


def test_an_overridden_preprocess_request_may_answer() -> None:
    class Closed(App):
        def preprocess_request(self) -> Any:
            return "closed", 503

    app = Closed("example")
    assert app.test_client().get("/").status_code == 503


def test_an_overridden_dispatch_request_replaces_the_view() -> None:
    class Other(App):
        def dispatch_request(self) -> Any:
            return f"{request.endpoint} {request.view_args}"

    app = Other("example")
    app.add_url_rule("/<int:id>", "show", lambda id: "view")
    assert app.test_client().get("/7").text == "show {'id': 7}"


def test_an_overridden_make_response_sees_what_the_view_returned() -> None:
    class Marked(App):
        def make_response(self, rv: Any) -> Response:
            return super().make_response("nothing" if rv is None else rv)

    app = Marked("example")
    app.add_url_rule("/", "index", lambda: None)
    assert app.test_client().get("/").text == "nothing"


def test_an_overridden_raise_routing_exception_gets_the_request() -> None:
    seen: list[object] = []

    class Watched(App):
        def raise_routing_exception(self, request: Any) -> Any:
            seen.extend([request.path, type(request.routing_exception)])
            return super().raise_routing_exception(request)

    assert Watched("example").test_client().get("/nowhere").status_code == 404
    assert seen == ["/nowhere", NotFound]


def test_an_overridden_make_default_options_response_answers_options() -> None:
    class Own(App):
        def make_default_options_response(self) -> Response:
            response = super().make_default_options_response()
            response.headers["X-Own"] = "yes"
            return response

    app = Own("example")
    app.add_url_rule("/", "index", lambda: "")
    response = app.test_client().options("/")
    assert (response.headers["Allow"], response.headers["X-Own"]) == ("GET, HEAD, OPTIONS", "yes")


def test_a_subclass_names_its_own_classes() -> None:
    class OwnRequest(Request):
        @property
        def shout(self) -> str:
            return self.path.upper()

    class OwnResponse(Response):
        default_mimetype = "text/plain"

    class Own(App):
        request_class = OwnRequest
        response_class = OwnResponse

    app = Own("example")

    @app.get("/quiet")
    def quiet() -> Any:
        return request.shout  # type: ignore[attr-defined]

    @app.get("/response")
    def response() -> Response:
        return Response("a plain Response")

    client = app.test_client()
    answer = client.get("/quiet")
    assert (answer.text, answer.content_type) == ("/QUIET", "text/plain; charset=utf-8")
    assert client.get("/response").text == "a plain Response"


# --- the lock


LATE = (
    "{}() comes too late: the application has answered its first request, and a server with"
    " several processes would know of this in one of them only. Register everything before, at"
    " import or in the application factory."
)

REGISTRATIONS: list[tuple[str, Callable[[App], object]]] = [
    ("add_url_rule", lambda app: app.get("/late")(lambda: "")),
    ("add_url_rule", lambda app: app.add_url_rule("/late", "late", lambda: "")),
    ("endpoint", lambda app: app.endpoint("late")(lambda: "")),
    ("before_request", lambda app: app.before_request(lambda: None)),
    ("after_request", lambda app: app.after_request(lambda response: response)),
    ("teardown_request", lambda app: app.teardown_request(lambda exc: None)),
    ("teardown_appcontext", lambda app: app.teardown_appcontext(lambda exc: None)),
    ("url_value_preprocessor", lambda app: app.url_value_preprocessor(lambda e, v: None)),
    ("url_defaults", lambda app: app.url_defaults(lambda e, v: None)),
    ("context_processor", lambda app: app.context_processor(dict)),
    ("register_error_handler", lambda app: app.errorhandler(404)(lambda error: "")),
    ("register_error_handler", lambda app: app.register_error_handler(404, lambda error: "")),
    ("register_blueprint", lambda app: app.register_blueprint(Blueprint("late", __name__))),
    ("template_filter", lambda app: app.add_template_filter(str.upper)),
    ("template_test", lambda app: app.add_template_test(str.isupper)),
    ("template_global", lambda app: app.add_template_global(str.upper)),
]


@pytest.mark.parametrize(("call_name", "register"), REGISTRATIONS)
def test_registering_after_the_first_request_is_refused(
    app: App, call_name: str, register: Callable[[App], object]
) -> None:
    app.testing = False
    app.test_client().get("/")
    with pytest.raises(SetupError) as caught:
        register(app)
    assert str(caught.value) == LATE.format(call_name)


@pytest.mark.parametrize(("call_name", "register"), REGISTRATIONS)
@pytest.mark.parametrize("mode", ["TESTING", "DEBUG"])
def test_registering_late_is_allowed_in_debug_and_testing(
    app: App, mode: str, call_name: str, register: Callable[[App], object]
) -> None:
    app.config.update(TESTING=False, DEBUG=False)
    app.config[mode] = True
    app.test_client().get("/")
    register(app)


def test_what_is_registered_late_in_testing_takes_part_in_the_next_request(app: App) -> None:
    client = app.test_client()
    log: list[str] = []
    assert client.get("/late").status_code == 404
    app.add_url_rule("/late", "late", lambda: "late")
    assert client.get("/late").text == "late"
    app.before_request(lambda: log.append("before"))
    app.register_error_handler(404, lambda error: ("mine", 404))
    assert client.get("/late").text == "late"
    assert client.get("/nowhere").text == "mine"
    assert log == ["before", "before"]


def test_a_request_context_for_a_test_does_not_lock_the_setup(app: App) -> None:
    app.testing = False
    with app.test_request_context():
        pass
    with app.test_client().session_transaction() as session:
        session["a"] = 1
    app.add_url_rule("/", "index", lambda: "still open")
    assert app.test_client().get("/").text == "still open"


def test_a_context_without_a_request_does_not_lock_the_setup(app: App) -> None:
    app.testing = False
    with app.app_context():
        pass
    app.add_url_rule("/", "index", lambda: "still open")
    assert app.test_client().get("/").text == "still open"


# --- limits


def test_a_body_over_the_limit_of_the_application_is_refused_unread(app: App) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/")
    def index() -> str:
        return str(len(request.get_data()))

    client = app.test_client()
    assert client.post("/", data=b"x" * 10).text == "10"
    assert client.post("/", data=b"x" * 11).status_code == 413


def test_a_route_has_a_limit_of_its_own(app: App) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/large", max_content_length=20)
    def large() -> str:
        return f"{len(request.get_data())} of {request.max_content_length}"

    @app.post("/small", max_content_length=5)
    def small() -> str:
        return f"{len(request.get_data())} of {request.max_content_length}"

    client = app.test_client()
    assert client.post("/large", data=b"x" * 20).text == "20 of 20"
    assert client.post("/large", data=b"x" * 21).status_code == 413
    assert client.post("/small", data=b"x" * 5).text == "5 of 5"
    assert client.post("/small", data=b"x" * 6).status_code == 413


def test_a_limit_holds_for_json_and_forms_as_well(app: App) -> None:
    @app.post("/json", max_content_length=10)
    def document() -> Any:
        return request.get_json()

    @app.post("/form", max_content_length=10)
    def form() -> Any:
        return dict(request.form)

    client = app.test_client()
    assert client.post("/json", json={"a": 1}).json == {"a": 1}
    assert client.post("/json", json={"a": "x" * 10}).status_code == 413
    assert client.post("/form", data={"a": "1"}).json == {"a": "1"}
    assert client.post("/form", data={"a": "x" * 10}).status_code == 413


def test_the_limit_of_one_request_may_be_set_in_its_view(app: App) -> None:
    @app.post("/")
    def index() -> str:
        request.max_content_length = 3
        return str(len(request.get_data()))

    client = app.test_client()
    assert [client.post("/", data=b"abc").status_code for _ in range(2)] == [200, 200]
    assert client.post("/", data=b"abcd").status_code == 413


def test_the_default_limit_is_sixteen_mebibytes(app: App) -> None:
    with app.test_request_context():
        assert request.max_content_length == 16 * 1024 * 1024


# --- hosts


def test_an_untrusted_host_is_a_bad_request(app: App) -> None:
    app.config["TRUSTED_HOSTS"] = [".example.com"]
    app.add_url_rule("/", "index", lambda: "welcome")
    client = app.test_client()
    assert client.get("/", base_url="http://www.example.com").text == "welcome"
    assert client.get("/", base_url="http://evil.test").status_code == 400


def test_the_server_name_does_not_restrict_hosts(app: App) -> None:
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "index", lambda: "welcome")
    assert app.test_client().get("/", base_url="http://other.test").text == "welcome"


def test_subdomains_are_matched_below_the_server_name() -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "index", lambda: "main")
    app.add_url_rule("/", "api", lambda: "api", subdomain="api")
    app.add_url_rule("/", "user", lambda user: f"user {user}", subdomain="<user>")
    client = app.test_client()
    hosts = ("example.com", "api.example.com", "ada.example.com")
    assert [client.get("/", base_url=f"http://{host}").text for host in hosts] == [
        "main",
        "api",
        "user ada",
    ]


def test_hosts_are_matched_where_rules_name_them() -> None:
    app = App("example", host_matching=True, static_folder=None)
    app.add_url_rule("/", "one", lambda: "one", host="one.test")
    app.add_url_rule("/", "two", lambda: "two", host="two.test")
    client = app.test_client()
    assert client.get("/", base_url="http://one.test").text == "one"
    assert client.get("/", base_url="http://two.test").text == "two"
    assert client.get("/", base_url="http://three.test").status_code == 404


def test_static_files_need_a_host_with_host_matching() -> None:
    with pytest.raises(SetupError) as caught:
        App("example", host_matching=True)
    assert str(caught.value) == (
        "With host_matching=True the static files need a host: give static_host=, or"
        " static_folder=None to serve none."
    )


# --- applications within applications


def test_an_application_may_call_another_one(app: App) -> None:
    inner = App("inner")

    @inner.get("/")
    def answer() -> str:
        g.name = "inner"
        return f"{current_app.name} {request.path}"

    @app.get("/outer")
    def outer() -> str:
        g.name = "outer"
        text = inner.test_client().get("/").text
        return f"{text}, {current_app.name} {request.path} {g.name}"

    assert app.test_client().get("/outer").text == "inner /, example /outer outer"


def test_an_application_may_call_itself(app: App) -> None:
    @app.get("/<int:depth>")
    def deeper(depth: int) -> str:
        inner = "" if depth == 0 else app.test_client().get(f"/{depth - 1}").text
        return f"{request.path}{inner}"

    assert app.test_client().get("/3").text == "/3/2/1/0"


def test_an_inner_stream_of_another_application_keeps_its_own_request(app: App) -> None:
    inner = App("inner")

    @inner.get("/")
    def pieces() -> Iterator[str]:
        def body() -> Iterator[str]:
            for _ in range(2):
                yield f"{current_app.name};"

        return body()

    @app.get("/")
    def outer() -> Iterator[str]:
        def body() -> Iterator[str]:
            with inner.test_client().get("/", buffered=True) as response:
                for piece in response.iter_encoded():
                    yield f"{current_app.name}>{piece.decode()}"

        return body()

    assert app.test_client().get("/", buffered=True).text == "example>inner;example>inner;"


def test_middleware_goes_around_wsgi_app(app: App) -> None:
    log: list[str] = []
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Iterable[bytes]:
        log.append(environ["PATH_INFO"])
        environ["PATH_INFO"] = "/new"
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    app.add_url_rule("/new", "new", lambda: request.path)
    assert app.test_client().get("/old").text == "/new"
    assert log == ["/old"]


def test_a_mounted_application_builds_urls_below_its_prefix(app: App) -> None:
    @app.get("/users/")
    def users() -> str:
        return f"{request.path} {request.root_path} {url_for('users')}"

    client = app.test_client()
    assert client.get("/users/", base_url="http://localhost/app", buffered=True).text == (
        "/users/ /app /app/users/"
    )
    assert client.get("/users", base_url="http://localhost/app", buffered=True).location == (
        "http://localhost/app/users/"
    )


# --- static files


def test_static_files_are_served_under_the_name_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "assets" / "css").mkdir(parents=True)
    (tmp_path / "assets" / "css" / "a.css").write_text("a {}")
    app = App("example", static_folder="assets", root_path=str(tmp_path))
    client = app.test_client()
    response = client.get("/assets/css/a.css", buffered=True)
    assert response.text == "a {}"
    assert response.content_type == "text/css; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Accept-Ranges"] == "bytes"
    condition = {"If-None-Match": response.headers["ETag"]}
    response = client.get("/assets/css/a.css", headers=condition, buffered=True)
    assert (response.status_code, response.data) == (304, b"")
    assert client.get("/assets/css/none.css").status_code == 404
    assert client.get("/assets/../secret").status_code == 404
    with app.test_request_context():
        assert url_for("static", filename="css/a.css") == "/assets/css/a.css"


def test_static_files_may_have_another_url(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.txt").write_text("a")
    app = App("example", static_url_path="/files", root_path=str(tmp_path))
    assert app.test_client().get("/files/a.txt", buffered=True).text == "a"


def test_a_missing_static_folder_is_a_404(tmp_path: Path) -> None:
    app = App("example", root_path=str(tmp_path))
    assert app.test_client().get("/static/a.txt").status_code == 404


def test_static_files_may_be_kept_by_clients(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.txt").write_text("a")
    app = App("example", root_path=str(tmp_path))
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 60
    response = app.test_client().get("/static/a.txt", buffered=True)
    assert response.headers["Cache-Control"] == "public, max-age=60"


# --- the rest of the application


def test_the_request_knows_its_rule_endpoint_and_values(app: App) -> None:
    seen: list[object] = []

    @app.get("/users/<int:id>")
    def user(id: int) -> str:
        assert request.url_rule is not None
        seen.extend([request.url_rule.rule, request.endpoint, request.view_args])
        seen.extend([request.blueprint, request.blueprints, request.routing_exception])
        return ""

    app.test_client().get("/users/7")
    assert seen == ["/users/<int:id>", "user", {"id": 7}, None, [], None]


def test_a_request_that_matched_nothing_knows_why(app: App) -> None:
    seen: list[object] = []

    @app.before_request
    def look() -> None:
        seen.extend([request.url_rule, request.endpoint, request.view_args])
        seen.append(type(request.routing_exception))

    app.add_url_rule("/", "index", lambda: "", methods=["POST"])
    client = app.test_client()
    client.get("/nowhere")
    client.get("/")
    assert seen == [None, None, None, NotFound, None, None, None, MethodNotAllowed]


def test_the_logger_is_called_like_the_application(app: App) -> None:
    assert app.logger.name == "example"
    assert app.logger is logging.getLogger("example")


def test_a_resource_of_the_application_is_opened_for_reading(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text("é", encoding="utf-8")
    app = App("example", root_path=str(tmp_path))
    with app.open_resource("schema.sql") as binary:
        assert binary.read() == "é".encode()
    with app.open_resource("schema.sql", "r") as text:
        assert text.read() == "é"
    with pytest.raises(ValueError, match=r"^open_resource only reads: mode 'w' is not "):
        app.open_resource("schema.sql", "w")


def test_an_instance_path_is_absolute() -> None:
    with pytest.raises(SetupError) as caught:
        App("example", instance_path="instance")
    assert str(caught.value) == "instance_path must be absolute; 'instance' is not."


def test_configuration_of_the_instance_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("ANSWER = 42\n")
    app = App("example", instance_path=str(tmp_path), instance_relative_config=True)
    app.config.from_pyfile("settings.py")
    assert app.config["ANSWER"] == 42
    with app.open_instance_resource("settings.py", "r") as file:
        assert file.read() == "ANSWER = 42\n"


def test_a_server_that_refuses_an_answer_gets_another_in_its_place(app: App) -> None:
    app.testing = False
    app.add_url_rule("/", "index", lambda: "answer")
    calls: list[tuple[str, bool]] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if calls and exc_info is None:
            raise AssertionError("Headers already set!")
        calls.append((status, exc_info is not None))
        if len(calls) == 1:
            raise AssertionError("Hop-by-hop headers not allowed")

    body = app.wsgi_app(create_environ("/"), start_response)
    assert calls == [("200 OK", False), ("500 INTERNAL SERVER ERROR", True)]
    assert b"Internal Server Error" in b"".join(body)


def test_a_response_that_cannot_be_sent_is_closed(app: App) -> None:
    app.testing = False
    closed: list[str] = []

    @app.get("/")
    def index() -> Response:
        response = Response("answer", headers={"X-A": "€"})
        response.call_on_close(lambda: closed.append("closed"))
        return response

    assert app.test_client().get("/").status_code == 500
    assert closed == ["closed"]


def test_a_file_that_cannot_be_closed_stops_no_teardown(app: App) -> None:
    log: list[str] = []
    app.teardown_appcontext(lambda error: log.append("teardown"))

    @app.post("/")
    def index() -> str:
        upload = request.files["file"]

        def fail() -> None:
            upload.stream.close()
            raise OSError("disk full")

        upload.close = fail  # type: ignore[method-assign]
        return "answer"

    data = {"file": (io.BytesIO(b"content"), "a.txt")}
    assert app.test_client().post("/", data=data).text == "answer"
    assert log == ["teardown"]


def test_a_rule_that_was_refused_can_be_registered_again(app: App) -> None:
    def index(a: str) -> str:
        return a

    with pytest.raises(SetupError, match="uses the converter 'late', which does not exist"):
        app.add_url_rule("/<late:a>", view_func=index)
    app.url_map.converters["late"] = BaseConverter
    app.add_url_rule("/<late:a>", view_func=index)
    assert app.test_client().get("/x").text == "x"


def test_an_after_function_of_a_wrong_type_is_named(app: App) -> None:
    app.after_request(lambda response: "text")  # type: ignore[type-var]
    app.add_url_rule("/", "index", lambda: "")
    with pytest.raises(
        TypeError, match=r"^The after_request function .* returned a str: return the"
    ):
        app.test_client().get("/")
