"""What an application, a hook or a receiver of a signal may do to a request on its way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import Gone, NotFound

from microweb import (
    App,
    Blueprint,
    Request,
    Response,
    after_this_request,
    appcontext_popped,
    copy_current_request_context,
    got_request_exception,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    url_for,
)
from microweb.errors import SetupError


def numbered(app: App) -> App:
    app.add_url_rule("/<int:id>", "number", lambda id: f"{id}")
    app.add_url_rule("/other/<int:id>", "other", lambda id: f"other {id}")
    return app


# --- the match may be changed before the view


class Dispatching(App):
    def dispatch_request(self) -> Any:
        request.view_args = {"id": 99}
        return super().dispatch_request()


class Preprocessing(App):
    def preprocess_request(self) -> Any:
        request.view_args = {"id": 99}
        return super().preprocess_request()


@pytest.mark.parametrize("own_app", [Dispatching, Preprocessing])
def test_a_method_may_change_the_values_of_the_url(own_app: type[App]) -> None:
    app = numbered(own_app("example", static_folder=None))
    assert app.test_client().get("/1").text == "99"


def test_a_receiver_of_a_signal_may_change_the_values_of_the_url(app: App) -> None:
    def change(sender: App) -> None:
        request.view_args = {"id": 8}

    with request_started.connected_to(change, app):
        assert numbered(app).test_client().get("/1").text == "8"


def test_a_hook_may_change_the_rule_and_the_error(app: App) -> None:
    rules = {rule.endpoint: rule for rule in numbered(app).url_map.iter_rules()}

    @app.before_request
    def change() -> None:
        if "rule" in request.args:
            request.url_rule = rules["other"]
        if "error" in request.args:
            request.routing_exception = Gone()

    client = app.test_client()
    assert client.get("/1?rule").text == "other 1"
    assert client.get("/1?error").status_code == 410
    assert client.get("/1").text == "1"


# --- receivers of signals


def test_receivers_may_be_asynchronous(app: App) -> None:
    log: list[str] = []

    def receiver(name: str) -> Callable[..., Any]:
        async def receive(sender: App, **values: Any) -> None:
            await asyncio.sleep(0)
            log.append(name)

        return receive

    signals = {
        "started": request_started,
        "finished": request_finished,
        "exception": got_request_exception,
        "tearing down": request_tearing_down,
        "popped": appcontext_popped,
    }
    receivers = [receiver(name) for name in signals]
    for signal, receive in zip(signals.values(), receivers, strict=True):
        signal.connect(receive, app)
    app.testing = False
    app.add_url_rule("/", "broken", lambda: 1 / 0)
    assert app.test_client().get("/").status_code == 500
    assert log == ["started", "exception", "finished", "tearing down", "popped"]
    for signal, receive in zip(signals.values(), receivers, strict=True):
        signal.disconnect(receive, app)


def test_a_receiver_of_an_error_cannot_take_the_place_of_its_answer(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(sender: App, exception: Exception) -> None:
        raise LookupError("receiver")

    app.testing = False
    app.add_url_rule("/", "broken", lambda: 1 / 0)
    app.register_error_handler(500, lambda error: ("our page", 500))
    with got_request_exception.connected_to(fail, app):
        assert app.test_client().get("/").text == "our page"
    assert "A receiver of got_request_exception failed" in caplog.messages


def test_a_receiver_at_the_end_cannot_take_a_background_task(app: App) -> None:
    done: list[int] = []

    def fail(sender: App) -> None:
        raise LookupError("receiver")

    @app.get("/")
    def index() -> str:
        app.add_background_task(done.append, 1)
        return "answer"

    with appcontext_popped.connected_to(fail, app):
        assert app.test_client().get("/").text == "answer"
        app.shutdown()
    assert done == [1]


# --- hosts


def test_the_trusted_hosts_of_a_request_class_count(app: App) -> None:
    class Careful(Request):
        trusted_hosts = ["good.example"]  # noqa: RUF012 - as users write it

    app.request_class = Careful
    client = numbered(app).test_client()
    assert client.get("/1", base_url="http://evil.example").status_code == 400
    assert client.get("/1", base_url="http://good.example").text == "1"


# --- misses below the prefix of a blueprint


def owning(name: str, **options: Any) -> Blueprint:
    blueprint = Blueprint(name, name, **options)
    blueprint.errorhandler(404)(lambda error: (f"{name} misses", 404))
    return blueprint


@pytest.mark.parametrize("order", [1, -1])
def test_static_text_in_a_prefix_comes_before_a_variable(app: App, order: int) -> None:
    blueprints = [owning("lang", url_prefix="/<lang>"), owning("admin", url_prefix="/admin")]
    for blueprint in blueprints[::order]:
        app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/admin/nothing").text == "admin misses"
    assert client.get("/de/nothing").text == "lang misses"


def test_a_blueprint_on_a_subdomain_owns_its_misses_there() -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    app.register_blueprint(owning("api", subdomain="api", url_prefix="/v1"))
    client = app.test_client()
    assert client.get("/v1/no", base_url="http://api.example.com").text == "api misses"
    assert "api misses" not in client.get("/v1/no", base_url="http://example.com").text


def test_a_handler_of_everything_is_for_what_fails_in_the_views(app: App) -> None:
    blueprint = Blueprint("api", "api", url_prefix="/api")
    blueprint.add_url_rule("/", "index", lambda: 1 / 0)
    blueprint.errorhandler(Exception)(lambda error: ({"error": type(error).__name__}, 500))
    app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/api/").json == {"error": "ZeroDivisionError"}
    assert client.get("/api/nothing").status_code == 404
    assert client.post("/api/").status_code == 405


@pytest.mark.parametrize("error", [NotFound, 404])
def test_a_handler_of_http_errors_answers_misses(app: App, error: Any) -> None:
    blueprint = Blueprint("api", "api", url_prefix="/api")
    blueprint.errorhandler(error)(lambda error: ({"error": error.name}, error.code))
    app.register_blueprint(blueprint)
    assert app.test_client().get("/api/nothing").json == {"error": "Not Found"}


# --- contexts by hand


def test_contexts_by_hand_compile_once_until_something_is_added(app: App) -> None:
    numbered(app)
    for path, matched in (("/1", {"id": 1}), ("/2", {"id": 2}), ("/late", None)):
        with app.test_request_context(path):
            assert request.view_args == matched
    first = app._provisional
    assert first is not None
    with app.test_request_context("/3"):
        assert app._provisional is first
    app.add_url_rule("/late", "late", lambda: "late")
    with app.test_request_context("/late"):
        assert request.endpoint == "late"


def test_a_copied_context_has_functions_of_its_own(app: App) -> None:
    log: list[str] = []

    def logging(name: str) -> Callable[[Response], Response]:
        def after(response: Response) -> Response:
            log.append(name)
            return response

        return after

    @app.get("/")
    def index() -> str:
        after_this_request(logging("of the request"))

        @copy_current_request_context
        def part() -> None:
            after_this_request(logging("of the copy"))

        thread = threading.Thread(target=part)
        thread.start()
        thread.join()
        return ""

    app.test_client().get("/")
    assert log == ["of the request"]


def test_copies_on_the_loop_run_asynchronous_teardown_functions(app: App) -> None:
    log: list[str] = []

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        log.append(request.path)

    @app.get("/")
    async def index() -> str:
        @copy_current_request_context
        async def part(number: int) -> str:
            return f"{request.path}{number}"

        return " ".join(await asyncio.gather(part(1), part(2)))

    assert app.test_client().get("/").text == "/1 /2"
    assert log == ["/"] * 3


# --- small print


def test_a_variable_of_a_url_may_have_any_name(app: App) -> None:
    app.add_url_rule("/<self>", "own", lambda **values: "")
    with app.test_request_context():
        assert url_for("own", self="x") == "/x"


def test_headers_of_a_tuple_replace_those_of_its_response(app: App) -> None:
    pairs = [("X-A", "2"), ("X-A", "3")]
    app.add_url_rule("/", "index", lambda: (Response("", headers={"X-A": "1"}), pairs))
    assert app.test_client().get("/").headers.getlist("X-A") == ["3"]


CHANGES: list[tuple[Any, ...]] = [
    ("__delitem__", "number"),
    ("__ior__", {"number": len}),
    ("__setitem__", "number", len),
    ("clear",),
    ("pop", "number"),
    ("popitem",),
    ("setdefault", "new", len),
    ("update", {"number": len}),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_no_change_of_the_views_goes_unnoticed(app: App, change: tuple[Any, ...]) -> None:
    client = numbered(app).test_client()
    client.get("/1")
    app.testing = False
    mutator = getattr(app.view_functions, change[0])
    with pytest.raises(SetupError, match="^a change of view_functions comes too late"):
        mutator(*change[1:])
    assert client.get("/1").text == "1"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_before_the_first_request_the_views_are_a_dict(app: App, change: tuple[Any, ...]) -> None:
    views = dict(numbered(app).view_functions)
    for changed in (views, app.view_functions):
        getattr(changed, change[0])(*change[1:])
    assert app.view_functions == views


def test_an_error_handler_of_a_blueprint_says_what_it_handles() -> None:
    def handler(error: Exception) -> str:
        return ""

    function: Any = handler
    with pytest.raises(SetupError, match=r"^errorhandler needs what it handles: write @app"):
        Blueprint("blog", "blog").app_errorhandler(function)


def test_blueprints_are_not_nested_in_a_circle() -> None:
    first, second = Blueprint("first", "first"), Blueprint("second", "second")
    first.register_blueprint(second)
    with pytest.raises(SetupError, match="^Blueprint 'second' cannot be nested in itself"):
        second.register_blueprint(first)
