"""The application object as Flask's users know it: its arguments, names, attributes and files."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from microweb import (
    App,
    Blueprint,
    current_app,
    g,
    has_request_context,
    request,
    url_for,
)

# --- what is imported from where

MODULES = {
    "cli": "AppGroup ScriptInfo with_appcontext pass_script_info load_dotenv",
    "ctx": "after_this_request copy_current_request_context has_app_context has_request_context"
    " AppContext RequestContext _AppCtxGlobals",
    "globals": "current_app g request session app_ctx request_ctx",
    "helpers": "abort redirect url_for make_response flash get_flashed_messages send_file"
    " send_from_directory stream_with_context get_template_attribute",
    "json": "dumps dump loads load jsonify",
    "json.provider": "JSONProvider DefaultJSONProvider",
    "json.tag": "TaggedJSONSerializer JSONTag",
    "logging": "default_handler wsgi_errors_stream create_logger RequestIdFilter",
    "sessions": "SessionInterface SessionMixin SecureCookieSession SecureCookieSessionInterface"
    " NullSession",
    "signals": "Namespace template_rendered before_render_template request_started"
    " request_finished request_tearing_down got_request_exception appcontext_pushed"
    " appcontext_popped appcontext_tearing_down message_flashed",
    "templating": "render_template render_template_string stream_template stream_template_string"
    " Environment DispatchingJinjaLoader",
    "testing": "EnvironBuilder Client CliRunner",
    "typing": "ResponseReturnValue ResponseValue HeadersValue StatusCode RouteCallable"
    " ErrorHandlerCallable BeforeRequestCallable AfterRequestCallable TeardownCallable",
    "views": "View MethodView",
    "wrappers": "Request Response",
    "config": "Config ConfigAttribute",
}


@pytest.mark.parametrize("module", MODULES)
def test_extensions_find_their_imports(module: str) -> None:
    found = importlib.import_module(f"microweb.{module}")
    missing = [name for name in MODULES[module].split() if not hasattr(found, name)]
    assert missing == []


def test_names_at_the_top_are_those_of_the_modules() -> None:
    import microweb
    from microweb import ctx, globals, helpers, signals, wrappers

    assert microweb.abort is helpers.abort
    assert microweb.request is globals.request
    assert microweb.after_this_request is ctx.after_this_request
    assert microweb.request_started is signals.request_started
    assert microweb.Request is wrappers.Request


# --- the constructor


def test_the_constructor_has_flasks_arguments_in_flasks_order() -> None:
    parameters = inspect.signature(App).parameters.values()
    assert [(parameter.name, parameter.default) for parameter in parameters] == [
        ("import_name", inspect.Parameter.empty),
        ("static_url_path", None),
        ("static_folder", "static"),
        ("static_host", None),
        ("host_matching", False),
        ("subdomain_matching", False),
        ("template_folder", "templates"),
        ("instance_path", None),
        ("instance_relative_config", False),
        ("root_path", None),
    ]


def test_the_static_route_is_there_without_its_folder(tmp_path: Path) -> None:
    app = App("example", root_path=str(tmp_path))
    assert [rule.rule for rule in app.url_map.iter_rules()] == ["/static/<path:filename>"]
    with app.test_request_context():
        assert url_for("static", filename="a.css") == "/static/a.css"
    assert app.test_client().get("/static/a.css").status_code == 404


def test_no_static_folder_is_no_static_route() -> None:
    app = App("example", static_folder=None)
    assert list(app.url_map.iter_rules()) == []
    assert (app.has_static_folder, app.static_folder, app.static_url_path) == (False, None, None)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"static_folder": "files"}, "/files/<path:filename>"),
        ({"static_folder": "deep/files"}, "/files/<path:filename>"),
        pytest.param({"static_folder": "files/"}, "/files/<path:filename>"),
        ({"static_folder": Path("deep", "files")}, "/files/<path:filename>"),
        ({"static_folder": "files", "static_url_path": "/own"}, "/own/<path:filename>"),
        pytest.param(
            {"static_folder": "files", "static_url_path": "/own/"}, "/own/<path:filename>"
        ),
        ({"static_folder": "files", "static_url_path": ""}, "/<path:filename>"),
        pytest.param({"static_folder": "files", "static_url_path": "/"}, "/<path:filename>"),
    ],
)
def test_static_files_are_found_by_folder_or_url(
    tmp_path: Path, arguments: dict[str, Any], rule: str
) -> None:
    for folder in (tmp_path / "files", tmp_path / "deep" / "files"):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("a")
    app = App("example", root_path=str(tmp_path), **arguments)
    assert [str(rule) for rule in app.url_map.iter_rules()] == [rule]
    url = rule.replace("<path:filename>", "a.txt")
    assert app.test_client().get(url, buffered=True).text == "a"


def test_a_static_folder_may_be_absolute(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    app = App("example", root_path="/nowhere", static_folder=str(tmp_path / "files"))
    assert app.static_folder == str(tmp_path / "files")
    assert app.static_url_path == "/files"


def test_a_static_host_goes_with_host_matching() -> None:
    with pytest.raises((RuntimeError, AssertionError), match="static"):
        App("example", host_matching=True)


def test_host_matching_goes_with_a_static_host() -> None:
    with pytest.raises((RuntimeError, AssertionError), match="static"):
        App("example", static_host="files.example.com")


def test_a_static_host_serves_static_files_alone(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.txt").write_text("a")
    app = App(
        "example", root_path=str(tmp_path), host_matching=True, static_host="files.example.com"
    )
    client = app.test_client()
    statuses = [
        client.get("/static/a.txt", base_url=f"http://{host}", buffered=True).status_code
        for host in ("files.example.com", "example.com")
    ]
    assert statuses == [200, 404]


@pytest.mark.parametrize("value", ["files", Path("files"), "files/"])
def test_the_static_folder_may_be_set_later(tmp_path: Path, value: Any) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a")
    app: Any = App("example", root_path=str(tmp_path))
    app.static_folder = value
    assert app.static_folder == str(tmp_path / "files")
    assert app.test_client().get("/static/a.txt", buffered=True).text == "a"


def test_the_url_of_static_files_may_be_set_later_on_a_blueprint(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a")
    blog: Any = Blueprint("blog", __name__, root_path=str(tmp_path))
    blog.static_folder = "files"
    blog.static_url_path = "/own/"
    assert blog.static_url_path == "/own"
    app = App("example", static_folder=None)
    app.register_blueprint(blog)
    assert app.test_client().get("/own/a.txt", buffered=True).text == "a"


def test_the_folders_of_an_application_are_attributes(tmp_path: Path) -> None:
    app = App("example", root_path=str(tmp_path), template_folder="pages")
    assert (app.import_name, app.name) == ("example", "example")
    assert (app.root_path, app.template_folder) == (str(tmp_path), "pages")
    assert app.static_folder == str(tmp_path / "static")


def test_the_root_path_is_that_of_the_module() -> None:
    assert App("microweb.json").root_path == str(Path(inspect.getfile(App)).parent / "json")


def test_the_instance_folder_is_beside_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "surface_module.py").write_text("")
    (tmp_path / "surface_package").mkdir()
    (tmp_path / "surface_package" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("surface_module", "surface_package"):
        importlib.import_module(name)
        assert App(name).instance_path == str(tmp_path / "instance")


def test_an_instance_path_that_is_not_absolute_is_refused() -> None:
    with pytest.raises((RuntimeError, ValueError), match="absolute"):
        App("example", instance_path="instance")


def test_resources_are_files_of_the_folders(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    instance.mkdir()
    (tmp_path / "a.txt").write_text("é", encoding="utf-8")
    app = App("example", root_path=str(tmp_path), instance_path=str(instance))
    with app.open_resource("a.txt") as file:
        assert file.read() == "é".encode()
    with app.open_resource("a.txt", "r", encoding="latin-1") as file:
        assert file.read() == "Ã©"
    with app.open_resource("a.txt", mode="rt") as file:
        assert file.read() == "é"
    for mode in ("w", "a", "rb+", "x"):
        with pytest.raises(ValueError, match="read"):
            app.open_resource("a.txt", mode)
    with app.open_instance_resource("b.txt", "w") as file:
        file.write("é")
    with app.open_instance_resource("b.txt") as file:
        assert file.read() == "é".encode()
    with app.open_instance_resource("b.txt", "r", encoding="latin-1") as file:
        assert file.read() == "Ã©"


@pytest.mark.parametrize(
    ("age", "expected"),
    [(None, None), (0, 0), (60, 60), (timedelta(hours=1), 3600), (timedelta(seconds=1.5), 1)],
)
def test_the_age_of_files_is_that_of_the_configuration(age: Any, expected: int | None) -> None:
    app = App("example")
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = age
    with app.app_context():
        assert app.get_send_file_max_age("a.txt") == expected


def test_a_static_file_is_sent_from_a_view(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.txt").write_text("a")
    app = App("example", root_path=str(tmp_path))
    app.add_url_rule("/favicon.ico", "icon", lambda: app.send_static_file("a.txt"))
    app.add_url_rule("/none", "none", lambda: app.send_static_file("../secret"))
    client = app.test_client()
    assert client.get("/favicon.ico", buffered=True).text == "a"
    assert client.get("/none").status_code == 404


def test_without_a_static_folder_no_static_file_is_sent() -> None:
    app = App("example", static_folder=None)
    with app.test_request_context(), pytest.raises(RuntimeError, match="static_folder"):
        app.send_static_file("a.txt")


# --- attributes


def test_attributes_stand_for_keys_of_the_configuration() -> None:
    app = App("example")
    app.testing = True
    app.secret_key = "key"
    app.debug = True
    app.permanent_session_lifetime = timedelta(days=1)
    keys = ("TESTING", "SECRET_KEY", "DEBUG", "PERMANENT_SESSION_LIFETIME")
    assert [app.config[key] for key in keys] == [True, "key", True, timedelta(days=1)]
    app.config.update(TESTING=False, SECRET_KEY=None, DEBUG=False, PERMANENT_SESSION_LIFETIME=60)
    assert (app.testing, app.secret_key, app.debug) == (False, None, False)
    assert app.permanent_session_lifetime == timedelta(minutes=1)


def test_a_new_application_has_empty_registries() -> None:
    app = App("example", static_folder=None)
    assert (app.view_functions, app.blueprints, app.extensions) == ({}, {}, {})
    assert app.url_build_error_handlers == []
    assert app.teardown_appcontext_funcs == []
    assert app.shell_context_processors == []


def test_the_logger_is_the_standard_librarys() -> None:
    app = App("surface.example")
    assert (app.logger.name, app.logger is app.logger) == ("surface.example", True)


# --- registration

DECORATORS: dict[str, Callable[..., Any]] = {
    "before_request": lambda: None,
    "after_request": lambda response: response,
    "teardown_request": lambda exc: None,
    "context_processor": dict,
    "url_value_preprocessor": lambda endpoint, values: None,
    "url_defaults": lambda endpoint, values: None,
}


@pytest.mark.parametrize("name", [*DECORATORS, "teardown_appcontext", "shell_context_processor"])
def test_a_decorator_of_a_hook_returns_the_function(name: str) -> None:
    function = DECORATORS.get(name, lambda *args: {})
    assert getattr(App("example"), name)(function) is function


@pytest.mark.parametrize("name", ["get", "post", "put", "delete", "patch"])
def test_the_decorator_of_a_route_returns_the_view(name: str) -> None:
    def view() -> str:
        return ""

    app = App("example", static_folder=None)
    assert getattr(app, name)("/")(view) is view
    assert app.route("/other")(view) is view
    assert app.endpoint("own")(view) is view
    assert app.errorhandler(404)(view) is view
    assert set(app.view_functions) == {"view", "own"}


def test_decorators_stack() -> None:
    app = App("example")

    @app.get("/one")
    @app.post("/two")
    @app.errorhandler(404)
    def answer(error: Exception | None = None) -> tuple[str, int]:
        return f"{request.method} {request.endpoint} {type(error).__name__}", 299

    client = app.test_client()
    answers = [client.get("/one"), client.post("/two"), client.get("/three")]
    assert [response.text for response in answers] == [
        *("GET answer NoneType", "POST answer NoneType", "GET None NotFound")
    ]


def test_names_for_the_shell_come_from_the_processors() -> None:
    app = App("example")
    app.shell_context_processor(lambda: {"one": 1, "two": 1})
    app.shell_context_processor(lambda: {"two": 2})
    with app.app_context():
        names = app.make_shell_context()
        assert names["g"] == g
    assert {name: names[name] for name in ("app", "one", "two")} == {"app": app, "one": 1, "two": 2}


# --- contexts


def test_each_way_to_a_context_makes_the_application_current() -> None:
    app = App("example")
    app.add_url_rule("/<int:number>", "show", lambda number: "")
    environ = {"wsgi.url_scheme": "http", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    environ |= {"REQUEST_METHOD": "GET", "PATH_INFO": "/7", "SCRIPT_NAME": ""}
    seen: list[object] = []
    with app.app_context():
        seen.append((current_app.name, has_request_context()))
    with app.request_context(environ):
        seen.append((current_app.name, request.view_args))
    with app.test_request_context("/8?a=1", method="POST", headers={"X-A": "1"}):
        seen.append((request.method, request.args["a"], request.headers["X-A"]))
    assert seen == [("example", False), ("example", {"number": 7}), ("POST", "1", "1")]


def test_a_client_takes_arguments_for_its_class() -> None:
    class Own(type(App("clients").test_client())):  # type: ignore[misc]
        def __init__(self, *args: Any, token: str, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.token = token

    app = App("example")
    app.test_client_class = Own
    client: Any = app.test_client(use_cookies=False, token="secret")
    assert (client.token, client.application) == ("secret", app)


def test_a_runner_calls_the_commands_of_the_application() -> None:
    app: Any = App("example")

    def hello() -> None:
        print(f"hello from {current_app.name}")

    app.cli.command("hello")(hello)

    result = app.test_cli_runner().invoke(args=["hello"])
    assert (result.exit_code, result.output) == (0, "hello from example\n")


def test_the_class_of_the_runner_is_the_applications() -> None:
    class Own(type(App("runners").test_cli_runner())):  # type: ignore[misc]
        pass

    app: Any = App("example")
    app.test_cli_runner_class = Own
    assert type(app.test_cli_runner()) is Own


# --- run


RUNS: list[tuple[str | None, dict[str, Any], tuple[str, int]]] = [
    (None, {"port": 0}, ("127.0.0.1", 0)),
    (None, {"host": "0.0.0.0", "port": 0}, ("0.0.0.0", 0)),
    ("localhost:0", {}, ("localhost", 0)),
    ("localhost", {"port": 0}, ("localhost", 0)),
    ("localhost:1", {"host": "127.0.0.1", "port": 0}, ("127.0.0.1", 0)),
]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the development server was called with."""
    calls: list[tuple[Any, ...]] = []

    def record(host: str, port: int, application: Any, **options: Any) -> None:
        calls.append((host, port, application, options))

    monkeypatch.setattr("microweb.serving.run_simple", record)
    monkeypatch.setenv("MICROWEB_CHOSEN_PORT", "")  # is set, and so removed afterwards
    for name in ("MICROWEB_RUN_FROM_CLI", "MICROWEB_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.mark.parametrize(("server_name", "arguments", "expected"), RUNS)
def test_run_listens_where_it_is_told(
    served: list[Any],
    server_name: str | None,
    arguments: dict[str, Any],
    expected: tuple[str, int],
) -> None:
    app = App("example")
    app.config["SERVER_NAME"] = server_name
    app.run(**arguments)
    assert [call[:2] for call in served] == [expected]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("by_argument", [False, True])
def test_reloader_and_debugger_follow_debug_mode(
    served: list[Any], debug: bool, by_argument: bool
) -> None:
    app = App("example")
    app.debug = debug is not by_argument
    app.run(port=0, debug=debug if by_argument else None, ssl_context="adhoc")
    mode = debug if by_argument else app.debug
    options = served[0][3]
    names = ("use_reloader", "use_debugger", "threaded", "ssl_context")
    assert [options[name] for name in names] == [mode, mode, True, "adhoc"]
    assert app.debug is mode


def test_options_of_run_come_before_debug_mode(served: list[Any]) -> None:
    App("example").run(port=0, debug=True, use_reloader=False, threaded=False)
    options = served[0][3]
    names = ("use_reloader", "use_debugger", "threaded")
    assert [options[name] for name in names] == [False, True, False]


def test_run_does_nothing_under_the_command_line(
    served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROWEB_RUN_FROM_CLI", "true")
    app = App("example")
    app.run(port=0, debug=True)
    assert (served, app.debug) == ([], False)


@pytest.mark.parametrize(
    ("load", "argument", "expected"),
    [(True, None, True), (False, None, False), (True, False, False)],
)
def test_the_variable_for_debug_mode_counts_where_files_are_loaded(
    served: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    load: bool,
    argument: bool | None,
    expected: bool,
) -> None:
    app = App("example")
    monkeypatch.setenv("MICROWEB_DEBUG", "1")
    app.run(port=0, debug=argument, load_dotenv=load)
    assert app.debug is expected
