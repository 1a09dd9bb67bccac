"""What an application offers beside its requests: contexts by hand, its processes, `run`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import microweb.serving
from microweb import App, current_app, g, has_request_context, request, session
from microweb.errors import SetupError, describe
from microweb.testing import Client, CliRunner

Log = list[str]


@pytest.fixture
def log() -> Log:
    return []


def answering(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> str:
        log.append("request")
        return "answer"


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


# --- contexts by hand


def test_an_application_context_has_an_application_and_a_g_and_ends(app: App, log: Log) -> None:
    app.teardown_appcontext(lambda exc: log.append(repr(exc)))
    app.teardown_request(lambda exc: log.append("never"))
    with app.app_context():
        g.user = "ada"
        assert (current_app.name, has_request_context()) == ("example", False)
    with pytest.raises(LookupError), app.app_context():
        raise LookupError
    assert log == ["None", "LookupError()"]


def test_a_request_context_has_the_request_of_an_environ(app: App, log: Log) -> None:
    app.teardown_request(lambda exc: log.append(request.path))
    with app.test_request_context("/books?q=1", method="POST") as context:
        environ = dict(context.environ or {})
        assert (request.method, request.args["q"]) == ("POST", "1")
    with app.request_context(environ):
        assert (request.method, request.args["q"]) == ("POST", "1")
    assert log == ["/books", "/books"]


def test_a_copied_context_shares_the_request_and_the_session_but_not_g(app: App, log: Log) -> None:
    app.teardown_request(lambda exc: log.append(f"teardown of {g.name}"))
    with app.test_request_context("/?q=1") as context:
        g.name = "the first"
        session["user"] = "ada"
        the_request = request._get_current_object()
        with app.copied_context(context) as copy:
            assert request._get_current_object() is the_request
            assert (session["user"], "name" in g, copy.borrowed) == ("ada", False, True)
            g.name = "the copy"
        assert g.name == "the first"
    assert log == ["teardown of the copy", "teardown of the first"]


def test_clients_and_runners_are_of_the_classes_that_the_application_names(app: App) -> None:
    class OwnClient(Client):
        pass

    class OwnRunner(CliRunner):
        pass

    assert (type(app.test_client()), type(app.test_cli_runner())) == (Client, CliRunner)
    app.test_client_class, app.test_cli_runner_class = OwnClient, OwnRunner
    assert (type(app.test_client()), type(app.test_cli_runner())) == (OwnClient, OwnRunner)


# --- what the decorators refuse


def no_yield() -> Iterator[None]:
    if str(1) == "2":
        yield


async def no_yield_asynchronously() -> AsyncIterator[None]:
    if str(1) == "2":
        yield


def two_yields() -> Iterator[None]:
    yield
    yield


async def two_yields_asynchronously() -> AsyncIterator[None]:
    yield
    yield


def plain() -> None: ...


async def coroutine() -> None: ...


@pytest.mark.parametrize("function", [no_yield, no_yield_asynchronously])
def test_while_serving_needs_a_yield(app: App, function: Any) -> None:
    app.while_serving(function)
    with pytest.raises(SetupError) as raised:
        app.startup()
    assert str(raised.value) == (
        f"{describe(function)} ended without a yield: a function of while_serving prepares"
        " something, yields once, and cleans up behind the yield."
    )


@pytest.mark.parametrize("function", [two_yields, two_yields_asynchronously])
def test_while_serving_has_one_yield_only(
    app: App, function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app.while_serving(function)
    app.startup()
    app.shutdown()
    assert messages(caplog) == [("ERROR", f"The shutdown function {describe(function)} failed")]
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == (
        f"{describe(function)} yielded twice: what stands behind its second yield never runs."
    )


@pytest.mark.parametrize(
    ("function", "kind"), [(plain, "a plain function"), (coroutine, "a coroutine function")]
)
def test_while_serving_takes_a_generator_function(app: App, function: Any, kind: str) -> None:
    with pytest.raises(SetupError) as raised:
        app.while_serving(function)
    assert str(raised.value) == (
        "while_serving needs a function with one yield, between what it prepares and what it"
        f" cleans up; {describe(function)} is {kind}."
    )


@pytest.mark.parametrize("decorator", ["before_serving", "after_serving"])
@pytest.mark.parametrize("function", [two_yields, two_yields_asynchronously])
def test_the_others_take_none(app: App, decorator: str, function: Any) -> None:
    with pytest.raises(SetupError) as raised:
        getattr(app, decorator)(function)
    assert str(raised.value) == (
        f"{decorator} calls {describe(function)}, which has a yield and would not run: a function"
        " that prepares something, yields, and cleans up is for while_serving."
    )


@pytest.mark.parametrize("mode", ["testing", "debug", None])
@pytest.mark.parametrize("start", ["request", "startup"])
@pytest.mark.parametrize("decorator", ["before_serving", "while_serving", "after_serving"])
def test_they_come_too_late_behind_the_start(
    app: App, log: Log, decorator: str, start: str, mode: str | None
) -> None:
    app.testing, app.debug = mode == "testing", mode == "debug"
    answering(app, log)
    if start == "request":
        app.test_client().get("/")
    else:
        app.startup()
    function: Any = two_yields if decorator == "while_serving" else plain
    with pytest.raises(SetupError) as raised:
        getattr(app, decorator)(function)
    assert str(raised.value) == (
        f"{decorator}() comes too late: this process has started. Register the function before, at"
        " import or in the application factory; what a startup function opens is closed by a"
        " function of while_serving."
    )
    app.shutdown()  # behind which it starts anew
    assert getattr(app, decorator)(function) is function


def test_a_startup_function_cannot_register_another_one(app: App) -> None:
    app.before_serving(lambda: app.after_serving(plain))
    with pytest.raises(SetupError, match="^after_serving\\(\\) comes too late"):
        app.startup()


def test_the_decorators_give_the_function_back(app: App) -> None:
    assert app.before_serving(plain) is plain
    assert app.after_serving(coroutine) is coroutine
    assert app.while_serving(two_yields) is two_yields


# --- run


Served = tuple[str, int, Any, dict[str, Any]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Served]:
    """What would be served: a server in a test would not come back."""
    calls: list[Served] = []

    def run_simple(host: str, port: int, application: Any, **options: Any) -> None:
        calls.append((host, port, application, options))

    monkeypatch.setattr(microweb.serving, "run_simple", run_simple)
    monkeypatch.chdir(tmp_path)
    for name in ("MICROWEB_RUN_FROM_CLI", "MICROWEB_DEBUG", "MICROWEB_CHOSEN_PORT"):
        monkeypatch.setenv(name, "")  # so that it is taken back
        monkeypatch.delenv(name)
    return calls


DEFAULTS = {"use_reloader": False, "use_debugger": False, "threaded": True}


def test_run_serves_the_application_for_development(
    app: App, served: list[Served], capfd: pytest.CaptureFixture[str]
) -> None:
    app.run(port=0)
    assert served == [("127.0.0.1", 0, app, DEFAULTS)]
    line = " * Serving microweb application 'example' for development (debug mode: off)"
    assert capfd.readouterr().err.splitlines() == [line]


def test_run_passes_its_options_on(app: App, served: list[Served]) -> None:
    app.run("0.0.0.0", 0, debug=True, threaded=False, processes=2)
    debugging = {"use_reloader": True, "use_debugger": True}
    assert served == [("0.0.0.0", 0, app, {**debugging, "threaded": False, "processes": 2})]
    assert app.debug is True


def test_run_takes_host_and_port_of_the_server_name(app: App, served: list[Served]) -> None:
    app.config["SERVER_NAME"] = "localhost:0"
    app.run()
    app.run("127.0.0.1", 0)
    assert [call[:2] for call in served] == [("localhost", 0), ("127.0.0.1", 0)]


def test_run_reads_the_environment_and_an_argument_comes_before_it(
    app: App, served: list[Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROWEB_DEBUG", "1")
    app.run(port=0)
    app.run(port=0, debug=False)
    app.run(port=0, load_dotenv=False)
    assert [call[3]["use_debugger"] for call in served] == [True, False, False]


def test_run_reads_a_file_of_variables(app: App, served: list[Served], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MICROWEB_DEBUG=1\n")
    app.run(port=0)
    assert (served[0][3]["use_debugger"], os.environ["MICROWEB_DEBUG"]) == (True, "1")


def test_run_takes_a_port_from_the_environment_as_it_is_there(
    app: App, served: list[Served]
) -> None:
    port: Any = "0"
    app.run(port=port)
    assert served[0][:2] == ("127.0.0.1", 0)


@pytest.mark.parametrize("port", ["http", ("127.0.0.1", 80)])
def test_run_wants_a_number(app: App, served: list[Served], port: Any) -> None:
    with pytest.raises(TypeError) as raised:
        app.run(port=port)
    assert str(raised.value) == f"The port must be a number, and not {port!r}."
    assert served == []


def test_under_the_command_line_run_does_nothing(
    app: App, served: list[Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROWEB_RUN_FROM_CLI", "true")
    app.run()
    assert served == []
