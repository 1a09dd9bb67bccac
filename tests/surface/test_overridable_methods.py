"""The methods that a subclass overrides, or one application replaces, are the ones called."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import Aborter, Gone, HTTPException
from werkzeug.routing import RequestRedirect

from microweb import (
    App,
    Blueprint,
    Response,
    abort,
    g,
    redirect,
    render_template,
    render_template_string,
    request,
    session,
    url_for,
)


def stage(app: App) -> App:
    """Return the application with views that show what it works with."""

    def kinds() -> str:
        session["seen"] = True
        proxies: list[Any] = [request, g]
        return " ".join(type(proxy._get_current_object()).__name__ for proxy in proxies)

    app.config.update(SECRET_KEY="a key for tests only", TESTING=True)
    app.add_url_rule("/", "kinds", kinds)
    app.add_url_rule("/json", "json", lambda: {"a": 1})
    app.add_url_rule("/abort", "abort", lambda: abort(404))
    app.add_url_rule("/away", "away", lambda: redirect("/"))
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    app.add_url_rule("/page", "page", lambda: render_template_string("{{ '<' }}"))
    app.add_url_rule("/file", "file", lambda: render_template("page.html"))
    app.add_url_rule("/url", "url", lambda: url_for("kinds"))
    app.add_url_rule("/no-url", "no-url", lambda: url_for("nothing"))
    app.add_url_rule("/with-slash/", "with-slash", lambda: "")
    return app


def text(app: App, path: str = "/") -> str:
    return app.test_client().get(path).text


def rendered(app: App, source: str) -> str:
    with app.app_context():
        return render_template_string(source)


def visit(path: str, method: str = "GET", status: int = 200) -> Callable[[App], None]:
    """Return a function that sends one request and looks at the status of its answer."""

    def send(app: App) -> None:
        client = app.test_client()
        assert client.open(path, method=method, buffered=True).status_code == status

    return send


def visit_broken(app: App) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    visit("/broken", status=500)(app)


def visit_no_url(app: App) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    visit("/no-url", status=500)(app)


METHODS: dict[str, Callable[[App], None]] = {
    **dict.fromkeys(
        [
            *("wsgi_app", "full_dispatch_request", "preprocess_request", "dispatch_request"),
            *("finalize_request", "make_response", "process_response", "do_teardown_request"),
            *("do_teardown_appcontext", "create_url_adapter"),
        ],
        visit("/"),
    ),
    **dict.fromkeys(
        [
            *("handle_user_exception", "trap_http_exception", "handle_http_exception"),
            "raise_routing_exception",
        ],
        visit("/nowhere", status=404),
    ),
    **dict.fromkeys(["handle_exception", "log_exception"], visit_broken),
    "make_default_options_response": visit("/", "OPTIONS"),
    "update_template_context": visit("/page"),
    "redirect": visit("/away", status=302),
    "url_for": visit("/url"),
    "inject_url_defaults": visit("/url"),
    "handle_url_build_error": visit_no_url,
    "send_static_file": visit("/static/a.txt"),
    "get_send_file_max_age": visit("/static/a.txt"),
}


def static_stage(own_app: type[App], folder: Path) -> App:
    (folder / "static").mkdir()
    (folder / "static" / "a.txt").write_text("a")
    return stage(own_app("example", root_path=str(folder)))


@pytest.mark.parametrize("name", METHODS)
def test_an_overridden_method_is_called(tmp_path: Path, name: str) -> None:
    calls: list[str] = []

    def overridden(self: App, *args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return getattr(App, name)(self, *args, **kwargs)

    app = static_stage(type("Own", (App,), {name: overridden}), tmp_path)
    METHODS[name](app)
    assert calls == [name]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("late", [False, True], ids=["before", "after the first request"])
def test_a_method_of_one_application_is_called(tmp_path: Path, name: str, late: bool) -> None:
    calls: list[str] = []
    app = static_stage(App, tmp_path)
    if late and name != "create_url_adapter":  # it decides how the routes are compiled
        METHODS[name](app)
    own = getattr(app, name)

    def replaced(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return own(*args, **kwargs)

    setattr(app, name, replaced)
    METHODS[name](app)
    assert calls == [name]


def test_an_overridden_create_url_adapter_decides_what_matches() -> None:
    class Tolerant(App):
        def create_url_adapter(self, request: Any) -> Any:
            adapter = super().create_url_adapter(request)
            assert adapter is not None
            adapter.path_info = adapter.path_info.lower()
            return adapter

    assert text(stage(Tolerant("example")), "/URL") == "/"


def test_an_overridden_make_aborter_makes_the_aborter() -> None:
    class Own(App):
        def make_aborter(self) -> Aborter:
            aborter = Aborter()
            aborter.mapping = {**aborter.mapping, 404: Gone}
            return aborter

    assert stage(Own("example")).test_client().get("/abort").status_code == 410


def test_an_overridden_make_shell_context_adds_names() -> None:
    class Own(App):
        def make_shell_context(self) -> dict[str, Any]:
            return {**super().make_shell_context(), "own": "own"}

    app = Own("example")
    app.shell_context_processor(lambda: {"added": "added"})
    with app.app_context():
        names = app.make_shell_context()
    assert {name: names[name] for name in ("own", "added")} == {"own": "own", "added": "added"}


@pytest.mark.parametrize("on_the_class", [True, False])
@pytest.mark.parametrize("name", ["ensure_sync", "async_to_sync"])
def test_what_runs_asynchronous_views_may_be_another(name: str, on_the_class: bool) -> None:
    def run(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not iscoroutinefunction(function):
                return function(*args, **kwargs)
            coroutine = function(*args, **kwargs)
            try:
                coroutine.send(None)  # none of these waits for anything
            except StopIteration as stop:
                return f"own {stop.value}"
            raise AssertionError

        return wrapper

    own_app: type[App] = type(
        "Own", (App,), {name: lambda self, function: run(function)} if on_the_class else {}
    )
    app = own_app("example")
    if not on_the_class:
        setattr(app, name, run)

    async def index() -> str:
        return request.path

    app.add_url_rule("/", "index", index)
    assert text(app) == "own /"


def test_ensure_sync_leaves_a_plain_function_as_it_is() -> None:
    assert App("example").ensure_sync(text) is text


def test_an_overridden_raise_routing_exception_may_turn_a_redirect_into_an_error() -> None:
    class Strict(App):
        def raise_routing_exception(self, request: Any) -> Any:
            if isinstance(request.routing_exception, RequestRedirect):
                abort(404)
            super().raise_routing_exception(request)

    assert stage(Strict("example")).test_client().get("/with-slash").status_code == 404


def test_an_overridden_handle_http_exception_answers() -> None:
    class Own(App):
        def handle_http_exception(self, e: HTTPException) -> Any:
            return f"own {e.code}", 299

    response = stage(Own("example")).test_client().get("/nowhere")
    assert (response.status_code, response.text) == (299, "own 404")


def test_an_overridden_handle_exception_answers() -> None:
    class Own(App):
        def handle_exception(self, e: Exception) -> Response:
            return self.make_response((type(e).__name__, 299))

    app = stage(Own("example"))
    response = app.test_client().get("/broken")
    assert (response.status_code, response.text) == (299, "ZeroDivisionError")


def test_an_overridden_trap_http_exception_makes_an_error_an_exception() -> None:
    class Own(App):
        def trap_http_exception(self, e: Exception) -> bool:
            return True

    with pytest.raises(HTTPException, match=r"^404 Not Found"):
        stage(Own("example")).test_client().get("/nowhere")


def test_an_overridden_process_response_changes_every_response() -> None:
    class Own(App):
        def process_response(self, response: Response) -> Response:
            response = super().process_response(response)
            response.headers["X-Own"] = str(response.status_code)
            return response

    client = stage(Own("example")).test_client()
    answers = [client.get(path).headers["X-Own"] for path in ("/", "/nowhere", "/with-slash")]
    assert answers == ["200", "404", "308"]


def test_an_overridden_update_template_context_adds_names() -> None:
    class Own(App):
        def update_template_context(self, context: dict[str, Any]) -> None:
            super().update_template_context(context)
            context.setdefault("own", "own")

    assert rendered(Own("example"), "{{ own }}") == "own"


def test_an_overridden_inject_url_defaults_adds_values() -> None:
    class Own(App):
        def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
            super().inject_url_defaults(endpoint, values)
            values.setdefault("lang", "en")

    assert text(stage(Own("example")), "/url") == "/?lang=en"


def test_an_overridden_handle_url_build_error_builds() -> None:
    class Own(App):
        def handle_url_build_error(self, error: Any, endpoint: str, values: Any) -> str:
            return f"/elsewhere/{endpoint}"

    assert text(stage(Own("example")), "/no-url") == "/elsewhere/nothing"


def test_an_overridden_add_url_rule_sees_every_way_to_register() -> None:
    seen: list[str] = []

    class Own(App):
        def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
            seen.append(rule)
            super().add_url_rule(rule, *args, **options)

    app = Own("example", static_folder=None)
    app.route("/one")(lambda: "")
    app.get("/two", endpoint="two")(lambda: "")
    app.add_url_rule("/three", "three", lambda: "")
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.add_url_rule("/four", "four", lambda: "")
    app.register_blueprint(blog)
    assert seen == ["/one", "/two", "/three", "/blog/four"]
