"""Blueprints as Flask's users know them: arguments, options, nesting, records, templates."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from werkzeug.routing import BaseConverter

from microweb import (
    App,
    Blueprint,
    Response,
    abort,
    g,
    render_template,
    render_template_string,
    request,
    session,
    url_for,
)


def where(**values: Any) -> str:
    """A view that says by which endpoint, URL and values it was reached."""
    shown = "".join(f" {name}={value}" for name, value in sorted(values.items()))
    return f"{request.endpoint} {request.path}{shown}"


def rules(app: App) -> list[tuple[str, str]]:
    """The rules of an application and their endpoints, in the order of registration."""
    return [(rule.rule, rule.endpoint) for rule in app.url_map.iter_rules()]


# --- the constructor and the options of a registration


def test_the_constructor_has_flasks_arguments_in_flasks_order() -> None:
    parameters = inspect.signature(Blueprint).parameters
    assert list(parameters) == [
        *("name", "import_name", "static_folder", "static_url_path", "template_folder"),
        *("url_prefix", "subdomain", "url_defaults", "root_path", "cli_group"),
    ]
    defaults = [parameter.default for parameter in parameters.values()]
    assert defaults[:2] == [inspect.Parameter.empty] * 2
    assert defaults[2:9] == [None] * 7


def test_the_arguments_are_attributes(tmp_path: Path) -> None:
    blog = Blueprint(
        *("blog", "blog.module", "files", "/own", "pages", "/blog", "www", {"lang": "en"}),
        root_path=str(tmp_path),
    )
    assert (blog.name, blog.import_name, blog.url_prefix, blog.subdomain) == (
        *("blog", "blog.module", "/blog", "www"),
    )
    assert (blog.static_folder, blog.static_url_path) == (str(tmp_path / "files"), "/own")
    assert (blog.has_static_folder, blog.template_folder) == (True, "pages")
    assert (blog.root_path, blog.url_values_defaults) == (str(tmp_path), {"lang": "en"})


def test_the_defaults_have_no_folders() -> None:
    blog = Blueprint("blog", __name__)
    assert (blog.static_folder, blog.static_url_path, blog.template_folder) == (None, None, None)
    assert (blog.has_static_folder, blog.jinja_loader) == (False, None)
    assert (blog.url_prefix, blog.subdomain, blog.url_values_defaults) == (None, None, {})


PREFIXES: list[tuple[str | None, dict[str, Any], str]] = [
    (None, {}, "/"),
    ("/own", {}, "/own/"),
    ("/own/", {}, "/own/"),
    ("/own", {"url_prefix": None}, "/own/"),
    ("/own", {"url_prefix": ""}, "/"),
    ("/own", {"url_prefix": "/given"}, "/given/"),
    (None, {"url_prefix": "/given/"}, "/given/"),
    ("/<int:year>", {"url_prefix": "/<lang>"}, "/<lang>/"),
]


@pytest.mark.parametrize(("own", "options", "rule"), PREFIXES)
def test_the_prefix_of_a_registration_replaces_the_blueprints(
    app: App, own: str | None, options: dict[str, Any], rule: str
) -> None:
    blog = Blueprint("blog", __name__, url_prefix=own)
    blog.add_url_rule("/", "index", where)
    app.register_blueprint(blog, **options)
    assert rules(app) == [(rule, "blog.index")]


@pytest.mark.parametrize(
    ("prefix", "rule", "expected"),
    [
        ("/blog", "", "/blog"),
        ("/blog", "/", "/blog/"),
        ("/blog", "page", "/blog/page"),
        ("/blog/", "/page", "/blog/page"),
        ("/blog", "//page", "/blog/page"),
        ("/", "/page", "/page"),
        ("/", "/", "/"),
    ],
)
def test_one_slash_is_between_prefix_and_rule(
    app: App, prefix: str, rule: str, expected: str
) -> None:
    blog = Blueprint("blog", __name__, url_prefix=prefix)
    blog.add_url_rule(rule, "index", where)
    app.register_blueprint(blog)
    assert rules(app) == [(expected, "blog.index")]


def test_defaults_of_a_registration_add_to_the_blueprints(app: App) -> None:
    blog = Blueprint("blog", __name__, url_defaults={"a": 1, "b": 1, "c": 1})
    blog.add_url_rule("/", "index", where, defaults={"c": 3, "d": 3})
    app.register_blueprint(blog, url_defaults={"b": 2})
    assert app.test_client().get("/").text == "blog.index / a=1 b=2 c=3 d=3"


def test_a_rule_keeps_its_own_options_in_a_blueprint(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.add_url_rule("/open/", "open", where, strict_slashes=False, methods=["PUT"])
    blog.add_url_rule("/old", "old", where, redirect_to="blog/open/")
    app.register_blueprint(blog)
    client = app.test_client()
    assert client.put("/blog/open").text == "blog.open /blog/open"
    assert client.get("/blog/old").headers["Location"] == "http://localhost/blog/open/"


def test_the_subdomain_of_a_registration_replaces_the_blueprints() -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    blog = Blueprint("blog", __name__, subdomain="blog")
    blog.add_url_rule("/", "index", where)
    app.register_blueprint(blog)
    app.register_blueprint(blog, subdomain="news", name="news")
    client = app.test_client()
    answers = [
        client.get("/", base_url=f"http://{host}")
        for host in ("blog.example.com", "news.example.com", "example.com")
    ]
    assert [response.status_code for response in answers] == [200, 200, 404]
    assert [response.text for response in answers[:2]] == ["blog.index /", "news.index /"]


def test_nested_subdomains_stand_child_first() -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    parent = Blueprint("parent", __name__)
    child = Blueprint("child", __name__, subdomain="child")
    child.add_url_rule("/", "index", where)
    parent.register_blueprint(child)
    parent.register_blueprint(child, subdomain="other", name="other")
    app.register_blueprint(parent, subdomain="parent")
    with app.test_request_context():
        assert url_for("parent.child.index") == "http://child.parent.example.com/"
        assert url_for("parent.other.index") == "http://other.parent.example.com/"


def test_three_levels_have_names_and_prefixes_joined(app: App) -> None:
    one, two, three = (
        Blueprint(name, __name__, url_prefix=f"/{name}") for name in ("one", "two", "three")
    )
    three.add_url_rule("/", "index", where)
    two.register_blueprint(three)
    two.register_blueprint(three, name="again", url_prefix="/again/")
    one.register_blueprint(two)
    app.register_blueprint(one, url_prefix="/<lang>", name="first")
    assert list(app.blueprints) == ["first", "first.two", "first.two.three", "first.two.again"]
    assert rules(app) == [
        ("/<lang>/two/three/", "first.two.three.index"),
        ("/<lang>/two/again/", "first.two.again.index"),
    ]
    assert app.test_client().get("/en/two/three/").text == (
        "first.two.three.index /en/two/three/ lang=en"
    )


def test_one_blueprint_is_registered_often_under_names(app: App) -> None:
    blog = Blueprint("blog", __name__)
    blog.add_url_rule("/", "index", lambda: f"{request.blueprint} {url_for('.index')}")
    for name in ("one", "two"):
        app.register_blueprint(blog, name=name, url_prefix=f"/{name}")
    client = app.test_client()
    assert [client.get(f"/{name}/").text for name in ("one", "two")] == ["one /one/", "two /two/"]
    assert app.blueprints == {"one": blog, "two": blog}


def test_a_leading_dot_stays_in_the_nested_blueprint(app: App) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    child = Blueprint("child", __name__, url_prefix="/child")
    for blueprint in (parent, child):
        blueprint.add_url_rule("/", "index", lambda: url_for(".other"))
        blueprint.add_url_rule("/other", "other", where)
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    client = app.test_client()
    assert [client.get(url).text for url in ("/parent/", "/parent/child/")] == [
        *("/parent/other", "/parent/child/other")
    ]


# --- decorators

HOOKS = {
    "before_request": lambda: None,
    "before_app_request": lambda: None,
    "after_request": lambda response: response,
    "after_app_request": lambda response: response,
    "teardown_request": lambda exc: None,
    "teardown_app_request": lambda exc: None,
    "context_processor": dict,
    "app_context_processor": dict,
    "url_value_preprocessor": lambda endpoint, values: None,
    "app_url_value_preprocessor": lambda endpoint, values: None,
    "url_defaults": lambda endpoint, values: None,
    "app_url_defaults": lambda endpoint, values: None,
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_decorator_of_a_hook_returns_the_function(name: str) -> None:
    assert getattr(Blueprint("blog", __name__), name)(HOOKS[name]) is HOOKS[name]


@pytest.mark.parametrize("name", ["errorhandler", "app_errorhandler"])
def test_a_decorator_of_an_error_handler_returns_the_function(name: str) -> None:
    assert getattr(Blueprint("blog", __name__), name)(404)(where) is where


KINDS = {"filter": "{{ 'a' | %s }}", "test": "{{ 'A' is %s }}", "global": "{{ %s('a') }}"}
SHOWN = {"filter": "A", "test": "True", "global": "A"}


def shout(text: str) -> Any:
    return text.upper() if text == "a" else text.isupper()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("register", "name"),
    [
        (lambda decorator, add: decorator(shout), "shout"),
        (lambda decorator, add: decorator()(shout), "shout"),
        (lambda decorator, add: decorator("loud")(shout), "loud"),
        (lambda decorator, add: decorator(name="loud")(shout), "loud"),
        (lambda decorator, add: add(shout), "shout"),
        (lambda decorator, add: add(shout, "loud"), "loud"),
        (lambda decorator, add: add(shout, name="loud"), "loud"),
    ],
    ids=["bare", "()", "('name')", "(name=)", "add", "add with name", "add with name="],
)
@pytest.mark.parametrize("of_a_blueprint", [True, False])
def test_template_functions_are_registered_in_all_ways(
    app: App,
    kind: str,
    register: Callable[[Any, Any], Any],
    name: str,
    of_a_blueprint: bool,
) -> None:
    blog = Blueprint("blog", __name__)
    scope, word = (blog, f"app_template_{kind}") if of_a_blueprint else (app, f"template_{kind}")
    returned = register(getattr(scope, word), getattr(scope, f"add_{word}"))
    assert returned in (shout, None)
    app.register_blueprint(blog)
    with app.app_context():
        assert render_template_string(KINDS[kind] % name) == SHOWN[kind]


def test_context_processors_of_a_blueprint_are_for_its_views(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.context_processor(lambda: {"own": "own"})
    blog.app_context_processor(lambda: {"everywhere": "everywhere"})

    def page() -> str:
        return render_template_string("{{ own }} {{ everywhere }}")

    blog.add_url_rule("/", "index", page)
    app.register_blueprint(blog)
    app.add_url_rule("/", "index", page)
    client = app.test_client()
    assert [client.get(url).text for url in ("/blog/", "/")] == ["own everywhere", " everywhere"]


def test_url_processors_of_a_blueprint_for_all_see_every_url(app: App) -> None:
    blog = Blueprint("blog", __name__)

    @blog.app_url_value_preprocessor
    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.lang = (values or {}).pop("lang", "none")

    @blog.app_url_defaults
    def give(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("lang", g.lang)

    app.register_blueprint(blog)
    app.add_url_rule("/<lang>/", "index", lambda: url_for("index"))
    assert app.test_client().get("/de/").text == "/de/"


# --- errors


def test_own_handlers_answer_errors_of_own_views_and_misses_below_the_prefix(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    for code in (403, 404, 405):
        blog.register_error_handler(code, lambda error: (f"blog {error.code}", error.code))
        app.register_error_handler(code, lambda error: (f"app {error.code}", error.code))
    blog.add_url_rule("/<int:code>", "stop", abort)
    app.add_url_rule("/<int:code>", "stop", abort)
    app.register_blueprint(blog)
    client = app.test_client()
    urls = ("/blog/403", "/blog/404", "/403", "/404", "/blog/none/here", "/none/here", "/blogs")
    assert [client.get(url).text for url in urls] == [
        *("blog 403", "blog 404", "app 403", "app 404", "blog 404", "app 404", "app 404")
    ]
    assert [client.post(url).text for url in ("/blog/1", "/1")] == ["blog 405", "app 405"]
    assert client.post("/blog/1").status_code == 405


def test_a_handler_for_all_of_the_child_answers_errors_of_the_parent(app: App) -> None:
    parent, child = Blueprint("parent", __name__), Blueprint("child", __name__)
    child.app_errorhandler(403)(lambda error: ("child", 403))
    parent.add_url_rule("/", "index", lambda: abort(403))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert app.test_client().get("/").text == "child"


# --- files


def test_a_blueprint_sends_its_own_static_files(tmp_path: Path) -> None:
    for folder in ("app", "blog"):
        (tmp_path / folder / "static").mkdir(parents=True)
        (tmp_path / folder / "static" / "a.txt").write_text(folder)
    app = App("example", root_path=str(tmp_path / "app"))
    blog = Blueprint(
        "blog", __name__, "static", url_prefix="/blog", root_path=str(tmp_path / "blog")
    )
    blog.add_url_rule("/own", "own", lambda: blog.send_static_file("a.txt"))
    blog.add_url_rule("/urls", "urls", lambda: url_for(".static", filename="a.txt"))
    app.register_blueprint(blog)
    client = app.test_client()
    urls = ("/static/a.txt", "/blog/static/a.txt", "/blog/own", "/blog/urls")
    assert [client.get(url, buffered=True).text for url in urls] == [
        *("app", "blog", "blog", "/blog/static/a.txt")
    ]


def test_a_blueprint_decides_how_long_its_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")

    class Kept(Blueprint):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            return 60

    app = App("example", static_folder=None)
    blog = Kept("blog", __name__, static_folder=str(tmp_path), static_url_path="/files")
    app.register_blueprint(blog)
    response = app.test_client().get("/files/a.txt", buffered=True)
    assert response.headers["Cache-Control"] == "public, max-age=60"


def test_a_blueprint_opens_resources_of_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with Blueprint("blog", __name__, root_path=str(tmp_path)).open_resource("a.txt") as file:
        assert file.read() == b"a"


def test_the_loader_of_a_blueprint_may_be_any(app: App) -> None:
    blog = Blueprint("blog", __name__)
    blog.jinja_loader = jinja2.DictLoader({"page": "from a dict"})
    app.register_blueprint(blog)
    with app.app_context():
        assert render_template("page") == "from a dict"


# --- records


class ListConverter(BaseConverter):
    def to_python(self, value: str) -> Any:
        return value.split("+")

    def to_url(self, value: Any) -> str:
        return "+".join(super(ListConverter, self).to_url(item) for item in value)


def test_a_recorded_function_may_add_a_converter_for_the_rules_behind_it(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.record_once(lambda state: state.app.url_map.converters.update(list=ListConverter))
    blog.add_url_rule("/<list:names>", "show", where)
    app.register_blueprint(blog)
    assert app.test_client().get("/blog/a+b").text == "blog.show /blog/a+b names=['a', 'b']"


def test_records_and_rules_come_in_the_order_of_their_calls(app: App) -> None:
    seen: list[list[str]] = []
    blog = Blueprint("blog", __name__)
    blog.record(lambda state: seen.append(list(state.app.view_functions)))
    blog.add_url_rule("/", "index", where)
    blog.record(lambda state: seen.append(list(state.app.view_functions)))
    app.register_blueprint(blog)
    assert seen == [[], ["blog.index"]]


def test_a_state_says_how_the_blueprint_is_registered(app: App) -> None:
    states: list[Any] = []
    blog = Blueprint("blog", __name__, url_prefix="/blog", url_defaults={"a": 1})
    blog.record(states.append)
    app.register_blueprint(blog, url_defaults={"b": 2})
    app.register_blueprint(blog, name="news", url_prefix="/news", subdomain="www")
    assert [(state.app, state.blueprint, state.first_registration) for state in states] == [
        *((app, blog, True), (app, blog, False))
    ]
    assert [(state.name, state.url_prefix, state.subdomain) for state in states] == [
        *(("blog", "/blog", None), ("news", "/news", "www"))
    ]
    assert [state.url_defaults for state in states] == [{"a": 1, "b": 2}, {"a": 1}]
    assert [state.options for state in states] == [
        {"url_defaults": {"b": 2}},
        {"name": "news", "url_prefix": "/news", "subdomain": "www"},
    ]


def test_the_state_of_a_nested_blueprint_has_its_name_and_that_of_its_parents(app: App) -> None:
    states: list[Any] = []
    parent, child = Blueprint("parent", __name__), Blueprint("child", __name__)
    child.record(states.append)
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert [(state.name_prefix, state.name) for state in states] == [("parent", "child")]


def test_a_state_adds_rules_below_the_prefix(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog", url_defaults={"lang": "en"})

    @blog.record
    def add(state: Any) -> None:
        state.add_url_rule("/one", "one", where)
        state.add_url_rule("/two", view_func=where, methods=["PUT"], defaults={"n": 1})
        state.app.add_url_rule("/three", "three", where)

    app.register_blueprint(blog)
    client = app.test_client()
    assert client.get("/blog/one").text == "blog.one /blog/one lang=en"
    assert client.put("/blog/two").text == "blog.where /blog/two lang=en n=1"
    assert client.get("/three").text == "three /three"


def test_record_once_is_once_for_each_application() -> None:
    log: list[str] = []
    blog = Blueprint("blog", __name__)
    blog.record_once(lambda state: log.append(f"{state.app.name} {state.name}"))
    for name in ("one", "two"):
        app = App(name, static_folder=None)
        app.register_blueprint(blog)
        app.register_blueprint(blog, name="again")
    assert log == ["one blog", "two blog"]


def test_a_subclass_makes_the_state_of_its_registrations(app: App) -> None:
    seen: list[object] = []

    class Own(Blueprint):
        def make_setup_state(self, app: Any, options: Any, first_registration: bool = False) -> Any:
            seen.append((app.name, options, first_registration))
            return super().make_setup_state(app, options, first_registration)

    blog = Own("blog", __name__)
    blog.record(lambda state: seen.append(state.options))
    app.register_blueprint(blog, url_prefix="/own")
    assert seen == [("example", {"url_prefix": "/own"}, True), {"url_prefix": "/own"}]


def test_a_subclass_may_do_more_when_it_is_registered(app: App) -> None:
    seen: list[object] = []

    class Own(Blueprint):
        def register(self, app: Any, options: dict[str, Any]) -> None:
            seen.append((app.name, options))
            super().register(app, options)

    blog = Own("blog", __name__)
    blog.add_url_rule("/", "index", where)
    app.register_blueprint(blog, url_prefix="/own")
    assert seen == [("example", {"url_prefix": "/own"})]
    assert app.test_client().get("/own/").text == "blog.index /own/"


def test_an_overridden_add_url_rule_of_a_blueprint_sees_every_way_to_register(app: App) -> None:
    seen: list[str] = []

    class Own(Blueprint):
        def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
            seen.append(rule)
            super().add_url_rule(rule, *args, **options)

    blog = Own("blog", __name__)
    blog.route("/one")(where)
    blog.get("/two", endpoint="two")(where)
    blog.add_url_rule("/three", "three", where)
    assert seen == ["/one", "/two", "/three"]


# --- commands


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ({}, {}, ["blog", "hello"]),
        ({"cli_group": "group"}, {}, ["group", "hello"]),
        ({"cli_group": None}, {}, ["hello"]),
        ({}, {"cli_group": "other"}, ["other", "hello"]),
        ({}, {"cli_group": None}, ["hello"]),
        ({}, {"name": "news"}, ["news", "hello"]),
    ],
)
def test_commands_of_a_blueprint_are_in_a_group(
    app: App, arguments: dict[str, Any], options: dict[str, Any], words: list[str]
) -> None:
    blog: Any = Blueprint("blog", __name__, **arguments)
    blog.cli.command("hello")(lambda: print("hello"))
    app.register_blueprint(blog, **options)
    any_app: Any = app
    result = any_app.test_cli_runner().invoke(args=words)
    assert (result.exit_code, result.output) == (0, "hello\n")


# --- sessions and responses


def test_hooks_of_a_blueprint_may_use_session_and_response(app: App) -> None:
    blog = Blueprint("blog", __name__)
    blog.add_url_rule("/", "index", lambda: str(session.get("seen")))

    @blog.after_request
    def remember(response: Response) -> Response:
        session["seen"] = True
        response.headers["X-Blueprint"] = str(request.blueprint)
        return response

    app.register_blueprint(blog)
    client = app.test_client()
    answers = [client.get("/") for _ in range(2)]
    assert [response.text for response in answers] == ["None", "True"]
    assert answers[0].headers["X-Blueprint"] == "blog"
