"""What a subclass or one application may set in place of microweb's own, at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from werkzeug.exceptions import Aborter
from werkzeug.routing import Map, Rule

from microweb import (
    App,
    Config,
    Request,
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
from microweb.ctx import _AppCtxGlobals
from microweb.json.provider import DefaultJSONProvider
from microweb.sessions import SecureCookieSessionInterface
from microweb.templating import Environment


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


# --- classes and objects that each request asks for


class OwnRequest(Request):
    pass


class OwnResponse(Response):
    default_mimetype = "text/x-own"


class OwnSessions(SecureCookieSessionInterface):
    def get_cookie_name(self, app: Any) -> str:
        return "own"


class OwnGlobals(_AppCtxGlobals):
    pass


class OwnJSON(DefaultJSONProvider):
    mimetype = "application/x-own"


class OwnAborter(Aborter):
    def __call__(self, code: Any, *args: Any, **kwargs: Any) -> Any:
        super().__call__(410, *args, **kwargs)


class OwnClient(type(App("clients").test_client())):  # type: ignore[misc]
    def get(self, *args: Any, **kwargs: Any) -> Any:
        return "own"


def text(app: App, path: str = "/") -> str:
    return app.test_client().get(path).text


PER_REQUEST: dict[str, tuple[Any, Callable[[App], object], object, object]] = {
    "request_class": (OwnRequest, lambda app: text(app).split()[0], "Request", "OwnRequest"),
    "response_class": (
        OwnResponse,
        lambda app: [app.test_client().get(path).mimetype for path in ("/", "/abort", "/away")],
        ["text/html", "text/html", "text/html"],
        ["text/x-own", "text/html", "text/html"],
    ),
    "session_interface": (
        OwnSessions(),
        lambda app: app.test_client().get("/").headers["Set-Cookie"].partition("=")[0],
        "session",
        "own",
    ),
    "app_ctx_globals_class": (
        OwnGlobals,
        lambda app: text(app).split()[1],
        _AppCtxGlobals.__name__,
        "OwnGlobals",
    ),
    "json": (
        OwnJSON(App("json")),
        lambda app: app.test_client().get("/json").content_type,
        "application/json",
        "application/x-own",
    ),
    "aborter": (OwnAborter(), lambda app: app.test_client().get("/abort").status_code, 404, 410),
    "test_client_class": (
        OwnClient,
        lambda app: str(app.test_client().get("/")) == "own",
        False,
        True,
    ),
}
OF_THE_CLASS = sorted(PER_REQUEST.keys() - {"json", "aborter"})


@pytest.mark.parametrize("name", OF_THE_CLASS)
def test_a_subclass_sets_it(name: str) -> None:
    value, observe, _, expected = PER_REQUEST[name]
    own_app: type[App] = type("OwnApp", (App,), {name: value})
    assert observe(stage(own_app("example"))) == expected


@pytest.mark.parametrize("name", PER_REQUEST)
def test_one_application_sets_it_before_its_first_request(name: str) -> None:
    value, observe, _, expected = PER_REQUEST[name]
    app = stage(App("example"))
    setattr(app, name, value)
    assert observe(app) == expected


@pytest.mark.parametrize("name", PER_REQUEST)
@pytest.mark.parametrize("testing", [True, False])
def test_one_application_sets_it_after_its_first_request(name: str, testing: bool) -> None:
    value, observe, default, expected = PER_REQUEST[name]
    app = stage(App("example"))
    app.testing = testing
    assert observe(app) == default
    setattr(app, name, value)
    assert observe(app) == expected


# --- what the constructor asks for


def test_the_class_of_the_configuration_is_the_applications() -> None:
    class OwnConfig(Config):
        pass

    class Own(App):
        config_class = OwnConfig

    assert type(Own("example").config) is OwnConfig


def test_make_config_makes_the_configuration() -> None:
    class Own(App):
        def make_config(self, instance_relative: bool = False) -> Config:
            config = super().make_config(instance_relative)
            config.update(OWN=instance_relative)
            return config

    assert Own("example").config["OWN"] is False
    assert Own("example", instance_relative_config=True).config["OWN"] is True


def test_the_defaults_of_the_configuration_are_the_classes() -> None:
    class Own(App):
        default_config = {**App.default_config, "SESSION_COOKIE_NAME": "own"}  # noqa: RUF012

    app = stage(Own("example"))
    assert app.test_client().get("/").headers["Set-Cookie"].startswith("own=")


def test_the_class_of_the_json_provider_is_the_applications() -> None:
    class Own(App):
        json_provider_class = OwnJSON

    app = stage(Own("example"))
    assert type(app.json) is OwnJSON
    assert app.test_client().get("/json").content_type == "application/x-own"


def test_the_class_of_the_aborter_is_the_applications() -> None:
    class Own(App):
        aborter_class = OwnAborter

    app = stage(Own("example"))
    assert type(app.aborter) is OwnAborter
    assert app.test_client().get("/abort").status_code == 410


def test_the_class_of_the_url_map_is_the_applications() -> None:
    class OwnMap(Map):
        pass

    class Own(App):
        url_map_class = OwnMap

    app = stage(Own("example"))
    assert type(app.url_map) is OwnMap
    assert text(app, "/url") == "/"
    assert app.test_client().get("/with-slash").status_code == 308
    assert app.test_client().post("/").status_code == 405


class UpperRule(Rule):
    def __init__(self, string: str, **options: Any) -> None:
        super().__init__(string.upper(), **options)


def test_the_class_of_url_rules_is_the_applications() -> None:
    class Own(App):
        url_rule_class = UpperRule

    app = stage(Own("example", static_folder=None))
    assert {type(rule) for rule in app.url_map.iter_rules()} == {UpperRule}
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/URL", "/url")] == [200, 404]
    assert client.options("/URL").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_the_class_of_url_rules_may_change_between_registrations() -> None:
    app = App("example", static_folder=None)
    app.add_url_rule("/one", "one", lambda: "one")
    app.url_rule_class = UpperRule
    app.add_url_rule("/two", "two", lambda: "two")
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/one", "/TWO", "/two")] == [200, 200, 404]


def test_rules_may_be_put_into_the_map_by_hand() -> None:
    app = App("example")

    @app.endpoint("show")
    def show(number: int) -> str:
        return f"{request.method} {number}"

    app.url_map.add(Rule("/show/<int:number>", endpoint="show"))
    client = app.test_client()
    # A rule that names no methods is for all of them.
    answers = [client.open("/show/7", method=method).text for method in ("GET", "POST", "OPTIONS")]
    assert answers == ["GET 7", "POST 7", "OPTIONS 7"]


# --- Jinja


class OwnEnvironment(Environment):
    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self.globals["own"] = "own"


def rendered(app: App, source: str) -> str:
    with app.app_context():
        return render_template_string(source)


def test_the_class_of_the_jinja_environment_is_the_classes() -> None:
    class Own(App):
        jinja_environment = OwnEnvironment

    assert rendered(Own("example"), "{{ own }}") == "own"


def test_the_class_of_the_jinja_environment_may_be_set_on_one_application() -> None:
    app = App("example")
    app.jinja_environment = OwnEnvironment
    assert rendered(app, "{{ own }}") == "own"


def test_the_class_of_the_jinja_environment_can_be_subclassed_where_it_is() -> None:
    default: Any = App.jinja_environment
    assert issubclass(default, jinja2.Environment)


@pytest.mark.parametrize("on_the_class", [True, False])
def test_jinja_options_are_honoured(on_the_class: bool) -> None:
    class Own(App):
        jinja_options = {"variable_start_string": "[["} if on_the_class else {}

    app = Own("example")
    if not on_the_class:
        app.jinja_options = {"variable_start_string": "[["}
    assert rendered(app, "{{ [[ 1 }}") == "{{ 1"
    assert App.jinja_options == {}


def test_jinja_options_may_replace_what_the_application_chooses() -> None:
    class Own(App):
        jinja_options = {"autoescape": False, "auto_reload": True}  # noqa: RUF012

    app = Own("example")
    assert rendered(app, "{{ '<' }}") == "<"
    assert app.jinja_env.auto_reload is True


def test_autoescaping_is_chosen_by_the_subclass() -> None:
    class Own(App):
        def select_jinja_autoescape(self, filename: str | None) -> bool:
            return False

    assert rendered(Own("example"), "{{ '<' }}") == "<"


def test_autoescaping_is_chosen_by_one_application() -> None:
    app = App("example")
    setattr(app, "select_jinja_autoescape", lambda filename: False)  # noqa: B010 - a method
    assert rendered(app, "{{ '<' }}") == "<"


def test_the_subclass_makes_the_jinja_environment() -> None:
    class Own(App):
        def create_jinja_environment(self) -> Any:
            environment = super().create_jinja_environment()
            environment.filters["twice"] = lambda value: value * 2
            return environment

    assert rendered(Own("example"), "{{ 'a' | twice }}") == "aa"


def test_the_subclass_makes_the_loader_of_all_templates() -> None:
    class Own(App):
        def create_global_jinja_loader(self) -> Any:
            return jinja2.DictLoader({"page.html": "from a dict"})

    assert text(stage(Own("example")), "/file") == "from a dict"


@pytest.mark.parametrize("on_the_class", [True, False])
def test_the_loader_of_the_application_may_be_any(on_the_class: bool) -> None:
    loader = jinja2.DictLoader({"page.html": "from a dict"})
    own_app: type[App] = type("Own", (App,), {"jinja_loader": loader} if on_the_class else {})
    app = stage(own_app("example"))
    if not on_the_class:
        app.jinja_loader = loader
    assert text(app, "/file") == "from a dict"
