"""Mistakes of the application's author, and what each of them is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from microweb import App, Blueprint, Request, Response, send_from_directory, url_for
from microweb.errors import ConfigError, OutsideContext, SetupError, place
from microweb.json.provider import JSONProvider
from microweb.json.tag import JSONTag
from microweb.sessions import SessionInterface
from microweb.views import MethodView


def view() -> str:
    return "view"


class Shelf(MethodView):
    def get(self) -> str:
        return ""


async def shout(text: str) -> str:
    return text


def build(app: App) -> Blueprint:
    return Blueprint("shop", "shop")


MISTAKES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an option with a typo": (
        lambda app: app.register_blueprint(build(app), prefix="/shop"),
        "The registration of blueprint 'shop' has the option 'prefix', which nothing looks at."
        " There are: cli_group, name, name_prefix, subdomain, url_defaults, url_prefix.",
    ),
    "the same on a nested blueprint": (
        lambda app: build(app).register_blueprint(Blueprint("cart", "cart"), url="/cart"),
        "The registration of blueprint 'cart' has the option 'url', which nothing looks at."
        " There are: cli_group, name, name_prefix, subdomain, url_defaults, url_prefix.",
    ),
    "a hook that is no function": (
        lambda app: app.before_request(None),
        "before_request takes a function, and not None: does a decorator below it lack its return?",
    ),
    "an error handler that is no function": (
        lambda app: app.register_error_handler(404, None),
        "The error handler of 404 is None and not a function.",
    ),
    "a filter without a name": (
        lambda app: app.add_template_filter(partial(int, base=2)),
        "functools.partial(<class 'int'>, base=2) is no function with a name, for templates to know"
        " it by: give a function, and name= where it has none.",
    ),
    "a rule that is no text": (
        lambda app: app.add_url_rule(3, "three", view),
        "A URL rule is text such as '/', and not 3.",
    ),
    "a class in place of a view": (
        lambda app: app.add_url_rule("/", view_func=Shelf),
        "The view of '/' is the class Shelf: write view_func=Shelf.as_view('shelf'), which makes a"
        " function of it.",
    ),
    "as_view that is not called": (
        lambda app: app.add_url_rule("/", view_func=Shelf.as_view),
        "The view of '/' is Shelf.as_view: write view_func=Shelf.as_view('shelf'), which makes a"
        " function of it.",
    ),
    "a view in place of the endpoint": (
        lambda app: app.add_url_rule("/", len),
        "The endpoint of '/' is text, and not <built-in function len>: give a view as view_func=.",
    ),
    "the name before the converter": (
        lambda app: app.add_url_rule("/<id:int>", "index", view),
        "The URL rule '/<id:int>' of 'view' (" + place(view) + ") has the name before the"
        " converter: write <int:id>.",
    ),
    "a static path without a slash": (
        lambda app: App("other", static_url_path="assets"),
        "The static_url_path 'assets' must start with a slash: write '/assets'.",
    ),
    "a limit that is no number": (
        lambda app: app.add_url_rule("/", "index", view, max_content_length="16MB"),
        "The max_content_length of '/' must be a whole number of bytes, not '16MB'.",
    ),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_registration_that_cannot_work_says_so(
    app: App, mistake: Callable[[App], Any], message: str
) -> None:
    with pytest.raises(SetupError) as raised:
        mistake(app)
    assert str(raised.value) == message


def test_options_of_its_own_are_for_a_blueprint_that_looks_at_them(app: App) -> None:
    seen: list[Any] = []
    blueprint = build(app)
    blueprint.record(lambda state: seen.append(state.options["colour"]))
    app.register_blueprint(blueprint, colour="red")
    assert seen == ["red"]


def test_only_a_blueprint_is_nested_in_a_blueprint(app: App) -> None:
    nested: Any = "cart"
    with pytest.raises(TypeError) as raised:
        build(app).register_blueprint(nested)
    assert str(raised.value) == "register_blueprint takes a Blueprint, not 'cart'."


def test_url_for_takes_the_name_of_a_view(app: App) -> None:
    app.add_url_rule("/", "view", view)
    function: Any = view
    nothing: Any = None
    with app.test_request_context():
        with pytest.raises(TypeError, match=r"write url_for\('view'\)\.$"):
            url_for(function)
        with pytest.raises(TypeError) as raised:
            url_for(nothing)
    assert str(raised.value) == (
        "url_for takes the name of an endpoint, and not None, text such as 'blog.index'."
    )


def test_a_change_of_the_views_comes_too_late(app: App) -> None:
    app.add_url_rule("/", "view", view)
    app.testing = False
    app.test_client().get("/")
    with pytest.raises(SetupError, match=r"^a change of view_functions comes too late: "):
        app.view_functions["view"] = view


def test_the_port_in_the_server_name_is_a_number(app: App) -> None:
    app.config["SERVER_NAME"] = "localhost:http"
    with pytest.raises(ConfigError) as raised:
        app.run()
    assert str(raised.value) == "SERVER_NAME has the port 'http', which is not a number."


def test_a_static_file_needs_a_folder_and_a_request(app: App) -> None:
    with pytest.raises(OutsideContext, match="'send_static_file' was used outside"):
        app.send_static_file("a.txt")
    with app.test_request_context(), pytest.raises(SetupError) as raised:
        app.send_static_file("a.txt")
    assert str(raised.value) == "'a.txt' cannot be sent: 'example' has no static_folder."


def test_what_a_subclass_must_write_is_named(app: App) -> None:
    class Unwritten(JSONProvider, SessionInterface, JSONTag):
        pass

    subject = Unwritten(app)
    request = Request({})
    calls: dict[str, Callable[[], Any]] = {
        "dumps": lambda: subject.dumps(1),
        "loads": lambda: subject.loads("1"),
        "open_session": lambda: subject.open_session(app, request),
        "save_session": lambda: subject.save_session(app, {}, Response()),  # type: ignore[arg-type]
        "check": lambda: subject.check(1),
        "to_json": lambda: subject.to_json(1),
        "to_python": lambda: subject.to_python(1),
    }
    for method, call in calls.items():
        with pytest.raises(NotImplementedError) as raised:
            call()
        assert str(raised.value) == f"Unwritten needs a method {method}."


def test_a_filter_is_not_asynchronous(app: App) -> None:
    with pytest.raises(SetupError, match="is asynchronous, and templates do not await: make it a"):
        app.add_template_filter(shout)


def test_a_background_task_is_given_as_a_function(app: App) -> None:
    coroutine = shout("a")
    for given in (None, coroutine):
        task: Any = given
        with pytest.raises(TypeError) as raised:
            app.add_background_task(task)
        assert str(raised.value) == (
            "add_background_task takes a function, and not what a call of it returned"
            f" ({given!r}): write add_background_task(function, argument)."
        )


def test_a_function_of_while_serving_is_not_decorated(app: App) -> None:
    @contextmanager
    def whole() -> Iterator[None]:
        yield

    with pytest.raises(SetupError, match="one that a decorator has changed: leave out @context"):
        app.while_serving(whole)


def test_another_name_for_a_url_builds_it_only(app: App) -> None:
    app.add_url_rule("/", "blog.index", view)
    app.add_url_rule("/", endpoint="index")
    assert app.test_client().get("/").text == "view"
    with app.test_request_context():
        assert url_for("index") == url_for("blog.index") == "/"


@pytest.mark.parametrize("debug", [True, False])
def test_in_debug_mode_a_missing_file_is_named(app: App, tmp_path: Path, debug: bool) -> None:
    app.debug = debug
    app.add_url_rule("/<name>", "file", lambda name: send_from_directory(tmp_path, name))
    page = app.test_client().get("/a.txt")
    assert page.status_code == 404
    assert (f"There is no file {str(tmp_path / 'a.txt')!r}." in unescape(page.text)) is debug


def test_applications_and_blueprints_say_their_names(app: App) -> None:
    assert repr(app) == "<App 'example'>"
    assert repr(build(app)) == "<Blueprint 'shop'>"
