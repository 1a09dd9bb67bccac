"""Testing as Flask's users know it: the client, its cookies and redirects, contexts, commands."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import version
from io import BytesIO
from typing import Any

import click
import pytest
import werkzeug.test
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import (
    App,
    Response,
    current_app,
    flash,
    g,
    get_flashed_messages,
    has_app_context,
    has_request_context,
    redirect,
    request,
    session,
    url_for,
)
from microweb.errors import OutsideContext
from microweb.logging import default_handler, wsgi_errors_stream
from microweb.testing import Client, CliRunner, EnvironBuilder

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"]


def describe(path: str = "") -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "root": request.root_path,
        "type": request.content_type,
        "body": request.get_data(as_text=True),
        "address": request.remote_addr,
        "agent": request.headers.get("User-Agent"),
        "header": request.headers.get("X-A"),
        "authorization": request.headers.get("Authorization"),
        "cookies": request.cookies,
    }


@pytest.fixture
def client(app: App) -> Client:
    app.add_url_rule("/", "index", describe, methods=METHODS)
    app.add_url_rule("/<path:path>", "describe", describe, methods=METHODS)
    return app.test_client()


def described(response: TestResponse, *names: str) -> Any:
    found: Any = response.json
    return [found[name] for name in names] if len(names) > 1 else found[names[0]]


# --- requests


@pytest.mark.parametrize("name", ["get", "post", "put", "patch", "delete", "options", "trace"])
def test_each_method_has_its_name(client: Client, name: str) -> None:
    assert described(getattr(client, name)("/a"), "method", "url") == [
        name.upper(),
        "http://localhost/a",
    ]
    assert described(client.open("/a", method=name.upper()), "method") == name.upper()


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ({"query_string": {"q": "é", "n": [1, 2]}}, "url", "http://localhost/a?q=é&n=1&n=2"),
        ({"query_string": "q=1"}, "url", "http://localhost/a?q=1"),
        ({"headers": {"X-A": "1"}}, "header", "1"),
        ({"headers": [("X-A", "1"), ("X-A", "2")]}, "header", "1,2"),
        ({"auth": ("ada", "secret")}, "authorization", "Basic YWRhOnNlY3JldA=="),
        ({"data": "text"}, "body", "text"),
        ({"data": b"bytes", "content_type": "text/x"}, "type", "text/x"),
        ({"data": {"a": ["1", "2"], "b": "é"}}, "body", "a=1&a=2&b=%C3%A9"),
        ({"data": {"a": "1"}}, "type", "application/x-www-form-urlencoded"),
        ({"json": {"b": [1], "a": None}}, "body", '{"b": [1], "a": null}'),
        ({"json": []}, "type", "application/json"),
        ({"json": 0}, "body", "0"),
        ({"json": None}, "type", None),
        ({"base_url": "https://h.example:8443/app"}, "url", "https://h.example:8443/app/a"),
        ({"base_url": "https://h.example:8443/app"}, "root", "/app"),
        ({"subdomain": "api"}, "url", "http://api.localhost/a"),
        ({"url_scheme": "https"}, "url", "https://localhost/a"),
        ({"environ_overrides": {"REMOTE_ADDR": "10.0.0.9"}}, "address", "10.0.0.9"),
        ({"environ_base": {"REMOTE_ADDR": "10.0.0.9"}}, "address", "10.0.0.9"),
        ({"input_stream": BytesIO(b"12345")}, "body", "12345"),
    ],
)
def test_a_request_is_made_of_arguments(
    client: Client, arguments: dict[str, Any], name: str, value: Any
) -> None:
    found = described(client.post("/a", **arguments), name)
    assert (found.replace(", ", ",") if name == "header" else found) == value


def test_a_file_is_uploaded_with_name_and_type(app: App) -> None:
    @app.post("/")
    def upload() -> list[Any]:
        file = request.files["f"]
        return [file.filename, file.mimetype, file.read().decode(), request.form["a"]]

    data = {"a": "1", "f": (BytesIO(b"content"), "n.png", "image/png")}
    response = app.test_client().post("/", data=data)
    assert response.json == ["n.png", "image/png", "content", "1"]


def test_a_response_has_all_that_a_test_asks_for(client: Client) -> None:
    response = client.get("/a")
    assert isinstance(response, Response)
    assert isinstance(response, TestResponse)
    assert (response.status, response.status_code) == ("200 OK", 200)
    assert response.data == response.get_data() == response.text.encode()
    assert response.json == response.get_json()
    assert (response.mimetype, response.is_json) == ("application/json", True)
    assert (response.request.path, response.request.method) == ("/a", "GET")
    assert response.history == ()
    assert response.headers["Content-Length"] == str(len(response.data))


def test_a_response_that_is_not_json_has_none(app: App) -> None:
    app.add_url_rule("/", "view", lambda: "text")
    response = app.test_client().get("/")
    assert (response.is_json, response.json) == (False, None)


def test_a_stream_is_read_when_it_is_wanted_or_at_once(app: App) -> None:
    log: list[str] = []

    @app.get("/")
    def view() -> Iterator[str]:
        for piece in "ab":
            log.append(piece)
            yield piece

    client = app.test_client()
    response = client.get("/")
    assert (response.is_streamed, log) == (True, ["a"])
    assert response.text == "ab"
    response.close()
    buffered = client.get("/", buffered=True)
    assert (buffered.is_streamed, buffered.data) == (False, b"ab")


def test_the_client_says_who_it_is(client: Client) -> None:
    agent = described(client.get("/"), "agent")
    assert agent == f"Werkzeug/{version('werkzeug')}"


# --- what goes into every request


@pytest.mark.parametrize("how", ["path", "builder", "werkzeug's builder", "request", "environ"])
def test_the_base_of_a_client_is_in_every_request(app: App, client: Client, how: str) -> None:
    client.environ_base.update(HTTP_X_A="base", REMOTE_ADDR="10.0.0.1")
    builder = EnvironBuilder(app, "/a")
    what: Any = {
        "path": "/a",
        "builder": builder,
        "werkzeug's builder": werkzeug.test.EnvironBuilder("/a"),
        "request": builder.get_request(),
        "environ": builder.get_environ(),
    }[how]
    found = described(client.open(what), "url", "header", "address")
    assert found == ["http://localhost/a", "base", "10.0.0.1"]


def test_the_base_of_a_client_is_in_followed_redirects_too(app: App, client: Client) -> None:
    app.add_url_rule("/go", "go", lambda: redirect("/a"))
    client.environ_base["HTTP_AUTHORIZATION"] = "Bearer token"
    response = client.get("/go", follow_redirects=True)
    assert described(response, "authorization", "address") == ["Bearer token", "127.0.0.1"]


# --- redirects


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_redirect_is_followed_as_a_browser_would(
    app: App, client: Client, code: int, method: str
) -> None:
    app.add_url_rule(
        "/go", "go", lambda: redirect(url_for("describe", path="end"), code), methods=METHODS
    )
    body = {"data": b"body"} if method == "POST" else {}
    response = client.open("/go", method=method, follow_redirects=True, **body)  # type: ignore[arg-type]
    keeps = code in {307, 308} or method == "HEAD"
    assert response.request.method == (method if keeps else "GET")
    assert response.request.path == "/end"
    assert [(step.status_code, step.location) for step in response.history] == [(code, "/end")]
    if method != "HEAD":
        assert described(response, "body") == ("body" if keeps and body else "")


def test_a_redirect_keeps_cookies_and_session(app: App, client: Client) -> None:
    @app.get("/login")
    def login() -> WerkzeugResponse:
        session["user"] = "ada"
        flash("Welcome")
        return redirect(url_for("home"))

    app.add_url_rule("/home", "home", lambda: [session["user"], *get_flashed_messages()])
    assert client.get("/login", follow_redirects=True).json == ["ada", "Welcome"]


def test_subdomains_are_followed_where_the_client_may(app: App) -> None:
    app.add_url_rule("/go", "go", lambda: redirect("http://sub.localhost/a"))
    app.add_url_rule("/a", "a", lambda: request.url)
    allowed = app.test_client(allow_subdomain_redirects=True)
    assert allowed.get("/go", follow_redirects=True).text == "http://sub.localhost/a"
    with pytest.raises(RuntimeError, match="subdomain"):
        app.test_client().get("/go", follow_redirects=True)


# --- cookies


def test_cookies_are_set_read_and_deleted_by_domain_and_path(client: Client) -> None:
    client.set_cookie("a", "1")
    client.set_cookie("b", "2", path="/deep")
    client.set_cookie("c", "3", domain="example.com")
    assert described(client.get("/"), "cookies") == {"a": "1"}
    assert described(client.get("/deep/x"), "cookies") == {"a": "1", "b": "2"}
    assert described(client.get("/", base_url="http://example.com"), "cookies") == {"c": "3"}
    assert client.get_cookie("b") is None
    values = [
        client.get_cookie("a"),
        client.get_cookie("b", path="/deep"),
        client.get_cookie("c", domain="example.com"),
    ]
    assert [cookie and cookie.value for cookie in values] == ["1", "2", "3"]
    client.delete_cookie("a")
    client.delete_cookie("b", path="/deep")
    client.delete_cookie("c", domain="example.com")
    assert described(client.get("/deep"), "cookies") == {}
    assert described(client.get("/", base_url="http://example.com"), "cookies") == {}


def test_a_cookie_has_the_attributes_that_it_was_sent_with(app: App, client: Client) -> None:
    @app.get("/set")
    def give() -> Response:
        response = app.response_class("")
        response.set_cookie("a", "a b", max_age=60, httponly=True, samesite="Lax")
        return response

    client.get("/set")
    cookie = client.get_cookie("a")
    assert cookie is not None
    assert (cookie.key, cookie.decoded_value, cookie.path, cookie.domain) == (
        "a",
        "a b",
        "/",
        "localhost",
    )
    assert (cookie.max_age, cookie.http_only, cookie.same_site) == (60, True, "Lax")
    assert (cookie.secure, cookie.origin_only) == (False, True)


def test_a_client_without_cookies_has_no_jar(app: App) -> None:
    without = app.test_client(use_cookies=False)
    for call in (lambda: without.set_cookie("a", "1"), lambda: without.get_cookie("a")):
        with pytest.raises(TypeError, match="Cookies are disabled"):
            call()  # type: ignore[no-untyped-call]


# --- contexts


def test_a_with_block_shows_what_the_request_left(app: App) -> None:
    @app.post("/login")
    def login() -> tuple[str, int]:
        g.user = session["user"] = request.form["user"]
        flash("hello")
        return "", 201

    with app.test_client() as client:
        client.post("/login", data={"user": "ada"})
        assert (request.endpoint, request.form["user"]) == ("login", "ada")
        assert (g.user, session["user"], get_flashed_messages()) == ("ada", "ada", ["hello"])
        assert (current_app.name, url_for("login")) == (app.name, "/login")
    assert (has_request_context(), has_app_context()) == (False, False)
    with pytest.raises(OutsideContext):
        session["user"]


def test_a_session_is_changed_and_looked_at_between_requests(app: App) -> None:
    app.add_url_rule("/", "view", lambda: str(session.get("n", 0)))
    client = app.test_client()
    with client.session_transaction() as prepared:
        prepared["n"] = 5
        prepared["t"] = (1, b"x")
    assert client.get("/").text == "5"
    with client.session_transaction() as found:
        assert dict(found) == {"n": 5, "t": (1, b"x")}
        found.clear()
    assert client.get("/").text == "0"
    assert client.get_cookie("session") is None


def test_a_session_transaction_leaves_the_request_of_the_block(app: App) -> None:
    ended: list[str] = []
    app.teardown_request(lambda error: ended.append(request.path))
    app.add_url_rule("/<name>", "view", lambda name: str(session.get("n")))
    with app.test_client() as client:
        client.get("/a")
        with client.session_transaction() as prepared:
            prepared["n"] = 1
        # The request that the session was read for has ended, at the path "/".
        assert (request.path, ended) == ("/a", ["/"])
        assert client.get("/b").text == "1"
    assert ended == ["/", "/a", "/b"]


def test_a_request_inside_of_an_application_context_has_its_own_g(app: App) -> None:
    app.add_url_rule("/", "view", lambda: str(g.get("x")))
    with app.app_context():
        g.x = "outer"
        assert app.test_client().get("/").text == "None"  # in Flask 3.1: "outer"
        assert g.x == "outer"


@pytest.mark.parametrize("testing", [True, False])
def test_an_error_is_raised_in_tests_and_a_500_otherwise(app: App, testing: bool) -> None:
    app.testing = testing
    app.add_url_rule("/", "view", lambda: 1 / 0)
    if testing:
        with pytest.raises(ZeroDivisionError):
            app.test_client().get("/")
    else:
        assert app.test_client().get("/").status_code == 500


# --- classes of one's own


def test_a_class_of_clients_overrides_open(app: App, client: Client) -> None:
    class Marking(Client):
        def open(self, *args: Any, **kwargs: Any) -> TestResponse:
            kwargs.setdefault("headers", {})["X-A"] = "own"
            return super().open(*args, **kwargs)

    app.test_client_class = Marking
    own = app.test_client()
    assert type(own) is Marking
    assert described(own.get("/"), "header") == "own"


def test_an_environ_is_built_by_the_configuration(app: App) -> None:
    app.config.update(
        SERVER_NAME="example.com:444", PREFERRED_URL_SCHEME="https", APPLICATION_ROOT="/app"
    )
    builder = EnvironBuilder(app, "/a?b=1", method="PUT", json={"d": [None]}, subdomain="api")
    environ = builder.get_environ()
    builder.close()
    names = ("HTTP_HOST", "wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
    assert [environ[name] for name in names] == [
        "api.example.com:444",
        "https",
        "/app",
        "/a",
        "b=1",
    ]
    assert (environ["REQUEST_METHOD"], environ["CONTENT_TYPE"]) == ("PUT", "application/json")
    assert environ["wsgi.input"].read() == b'{"d": [null]}'


def test_a_subdomain_comes_before_the_server_name() -> None:
    app = App("example", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule(
        "/", "user", lambda user: f"{user} {url_for('user', user='b')}", subdomain="<user>"
    )
    app.add_url_rule("/", "main", lambda: "main")
    client = app.test_client()
    assert client.get("/").text == "main"
    assert client.get("/", subdomain="a").text == "a http://b.example.com/"
    assert client.get("/", base_url="http://c.example.com").text.startswith("c ")
    with app.test_request_context("/", subdomain="d"):
        assert (request.host, request.view_args) == ("d.example.com", {"user": "d"})


# --- commands


@pytest.fixture
def commands(app: App) -> App:
    @app.cli.command("greet")
    @click.argument("name")
    @click.option("--loud", is_flag=True)
    def greet(name: str, loud: bool) -> None:
        text = f"Hello {name} of {current_app.name}"
        click.echo(text.upper() if loud else text)

    @app.cli.command("fail")
    def fail() -> None:
        raise LookupError("broken")

    return app


@pytest.mark.parametrize(
    ("args", "output"),
    [
        (["greet", "ada"], "Hello ada of example\n"),
        ("greet ada", "Hello ada of example\n"),
        (["greet", "--loud", "ada"], "HELLO ADA OF EXAMPLE\n"),
    ],
)
def test_a_command_is_called_with_its_arguments(commands: App, args: Any, output: str) -> None:
    result = commands.test_cli_runner().invoke(args=args)
    assert (result.exit_code, result.output, result.exception) == (0, output, None)
    assert not has_app_context()


def test_a_command_may_be_given_itself(commands: App) -> None:
    greet = commands.cli.commands["greet"]
    result = commands.test_cli_runner().invoke(greet, ["bob"])
    assert (result.exit_code, result.output) == (0, "Hello bob of example\n")


def test_what_goes_wrong_in_a_command_is_in_the_result(commands: App) -> None:
    runner = commands.test_cli_runner()
    failed = runner.invoke(args=["fail"])
    assert (failed.exit_code, repr(failed.exception)) == (1, "LookupError('broken')")
    assert runner.invoke(args=["greet"]).exit_code == 2
    assert runner.invoke(args=["nothing"]).exit_code == 2
    with pytest.raises(LookupError, match="broken"):
        runner.invoke(args=["fail"], catch_exceptions=False)


def test_the_class_of_the_runner_is_the_applications(commands: App) -> None:
    class Own(CliRunner):
        def invoke(  # type: ignore[override]
            self, cli: Any = None, args: Any = None, **kwargs: Any
        ) -> Any:
            return super().invoke(cli, [*args, "--loud"], **kwargs)

    commands.test_cli_runner_class = Own
    runner = commands.test_cli_runner(env={"X": "1"})
    assert (type(runner), runner.env["X"]) == (Own, "1")
    assert runner.invoke(args=["greet", "ada"]).output == "HELLO ADA OF EXAMPLE\n"


# --- logging


@pytest.mark.parametrize(("debug", "level"), [(False, logging.WARNING), (True, logging.DEBUG)])
def test_the_logger_is_the_applications(debug: bool, level: int) -> None:
    app = App(f"surface_logger_{debug}", static_folder=None)
    app.debug = debug
    assert app.logger is logging.getLogger(app.name) is app.logger
    assert app.logger.getEffectiveLevel() == level


def test_messages_of_a_request_go_to_the_error_stream_of_the_server(app: App) -> None:
    from io import StringIO

    stream = StringIO()
    record = logging.LogRecord("n", logging.WARNING, "views.py", 1, "a %s", ("message",), None)
    app.add_url_rule(
        "/", "view", lambda: default_handler.handle(record) and wsgi_errors_stream and ""
    )
    app.test_client().get("/", errors_stream=stream)
    time, _, rest = stream.getvalue().rpartition("] ")
    assert (time[0], rest) == ("[", "WARNING in views: a message\n")
