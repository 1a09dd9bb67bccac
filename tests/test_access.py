"""The access log: one line for each request, with what happened, and safe against forged ones."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from werkzeug.test import create_environ

from microweb import App, Blueprint, Response, abort, request, send_file
from microweb.access import LONGEST, AccessLog, access_log, handler, logger
from microweb.errors import ConfigError


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The lines, in a handler of the test's."""
    found: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    kept = Kept()
    logger.addHandler(kept)
    yield found
    logger.removeHandler(kept)


def shop(form: str | None = "json") -> App:
    app = App("shop", static_folder=None)
    app.config["ACCESS_LOG"] = form
    app.add_url_rule("/", "index", lambda: "hello")
    app.add_url_rule("/users/<int:id>", "user", lambda id: {"id": id})
    return app


def last(lines: list[str]) -> dict[str, Any]:
    """The last line, without what differs from one run to the next."""
    fields: dict[str, Any] = json.loads(lines[-1])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert 0 < fields.pop("ms") < 60_000
    assert re.fullmatch("[0-9a-f]{32}", fields.pop("request_id"))
    return fields


Headers = list[tuple[str, str]]


def called(app: App, path: str = "/", **overrides: Any) -> tuple[str, Headers, Iterable[bytes]]:
    """Call an application as a server does; return the body as it is."""
    begun: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        begun.append((status, headers))

    environ = {**create_environ(path), "REMOTE_ADDR": "127.0.0.1", **overrides}
    body = app.wsgi_app(environ, start_response)
    return *begun[-1], body


def close(body: Iterable[bytes]) -> None:
    getattr(body, "close", lambda: None)()


OK = {
    "client": "127.0.0.1",
    "method": "GET",
    "path": "/",
    "route": "/",
    "status": 200,
    "bytes": 5,
    "end": "complete",
}


def test_a_line_is_a_document_of_what_happened(lines: list[str]) -> None:
    answer = shop().test_client().get("/users/7?token=secret")
    assert last(lines) == {
        **OK,
        "path": "/users/7",
        "route": "/users/<int:id>",
        "bytes": len(answer.data),
    }
    assert "secret" not in lines[0]


def test_a_line_is_text_where_that_is_wanted(lines: list[str]) -> None:
    app = shop("text")
    app.config["TRUSTED_PROXIES"] = 1
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Request-ID": "a-7"}
    app.test_client().get("/users/7?token=secret", headers=headers)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 192\.0\.2\.7 \"GET /users/7\""
        r" \"/users/<int:id>\" 200 9 \d+\.\d{3}ms a-7",
        lines[0],
    )
    app.test_client().get("/missing", headers=headers)
    assert re.search(r' "GET /missing" - 404 \d+ \d+\.\d{3}ms a-7$', lines[1])


@pytest.mark.parametrize("form", [None, "json"])
def test_it_is_off_without_a_form(lines: list[str], form: str | None) -> None:
    shop(form).test_client().get("/")
    assert len(lines) == (form is not None)


def test_answers_are_the_same_with_it_and_without_it(lines: list[str]) -> None:
    def pieces() -> Iterator[str]:
        yield "one"
        yield "two"

    apps = shop("json"), shop("text"), shop(None)
    for app in apps:
        app.add_url_rule("/stream", "stream", pieces)
        app.add_url_rule("/broken", "broken", lambda: 1 / 0)
        app.logger.addHandler(logging.NullHandler())
    for path in ("/", "/users/7", "/missing", "/stream", "/broken"):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            seen = []
            for app in apps:
                status, headers, body = called(app, path, REQUEST_METHOD=method)
                seen.append((status, headers, b"".join(body)))
                close(body)
            assert seen[0] == seen[1] == seen[2]
    assert len(lines) == 40


# --- what is counted


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("HEAD", "/", {"method": "HEAD", "bytes": 0}),
        ("POST", "/", {"method": "POST", "status": 405, "route": None, "bytes": 153}),
        ("OPTIONS", "/", {"method": "OPTIONS", "bytes": 0}),
        ("GET", "/shop/users", {"path": "/shop/users", "route": "/shop/users", "bytes": 7}),
        ("GET", "/shop/none", {"path": "/shop/none", "route": None, "status": 404, "bytes": 207}),
        ("GET", "/gone", {"path": "/gone", "route": "/gone", "status": 410, "bytes": 89}),
        ("GET", "/empty", {"path": "/empty", "route": "/empty", "status": 204, "bytes": 0}),
        ("GET", "/hook", {"path": "/hook", "route": "/hook", "status": 401, "bytes": 2}),
        ("GET", "/broken", {"path": "/broken", "route": "/broken", "status": 500, "bytes": 265}),
        ("GET", "/ä", {"path": "/ä", "route": None, "status": 404, "bytes": 207}),
    ],
)
def test_each_kind_of_answer_has_its_line(
    lines: list[str], method: str, path: str, expected: dict[str, Any]
) -> None:
    app = shop()
    pages = Blueprint("pages", "pages", url_prefix="/shop")
    pages.add_url_rule("/users", "users", lambda: "nothing")
    app.register_blueprint(pages)
    app.add_url_rule("/gone", "gone", lambda: abort(410, "It was here."))
    app.add_url_rule("/empty", "empty", lambda: ("", 204))
    app.add_url_rule("/hook", "hook", lambda: "never")
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    app.before_request(lambda: ("no", 401) if request.path == "/hook" else None)
    app.logger.addHandler(logging.NullHandler())
    answer = app.test_client().open(path, method=method)
    assert last(lines) == {**OK, **expected}
    assert len(answer.data) == expected["bytes"]


def test_the_path_is_the_whole_one_where_the_application_is_mounted(lines: list[str]) -> None:
    shop().test_client().get("/", base_url="http://localhost/shop")
    assert last(lines) == {**OK, "path": "/shop/"}


def test_the_time_is_that_of_the_whole_request(lines: list[str]) -> None:
    app = shop()

    @app.get("/slow")
    def slow() -> Iterator[str]:
        yield "a"
        time.sleep(0.02)
        yield "b"

    app.test_client().get("/slow", buffered=True)
    assert json.loads(lines[0])["ms"] >= 20


def test_a_line_comes_when_the_stream_is_closed(lines: list[str]) -> None:
    app = shop()
    events: list[str] = []

    @app.get("/stream")
    def stream() -> Iterator[str]:
        yield "hällo"
        yield " world"

    @app.teardown_request
    def note(error: BaseException | None) -> None:
        events.append(f"{len(lines)} lines at the teardown")

    _, _, body = called(app, "/stream")
    assert (b"".join(body).decode(), lines) == ("hällo world", [])
    close(body)
    assert events == ["0 lines at the teardown"]
    assert last(lines) == {**OK, "path": "/stream", "route": "/stream", "bytes": 12}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_that_is_closed_before_its_end_was_cut(lines: list[str], method: str) -> None:
    app = shop()

    @app.get("/stream")
    def stream() -> Iterator[str]:
        yield "one"
        yield "two"

    _, _, body = called(app, "/stream", REQUEST_METHOD=method)
    if method == "GET":
        assert next(iter(body)) == b"one"
    close(body)
    size, end = (3, "cut") if method == "GET" else (0, "complete")
    line = {**OK, "path": "/stream", "route": "/stream", "method": method, "bytes": size}
    assert last(lines) == {**line, "end": end}


def test_a_stream_that_raises_has_failed(lines: list[str]) -> None:
    app = shop()
    app.logger.addHandler(logging.NullHandler())

    @app.get("/stream")
    def stream() -> Iterator[str]:
        yield "one"
        raise LookupError("so it goes")

    with pytest.raises(LookupError):
        app.test_client().get("/stream", buffered=True)
    line = {**OK, "path": "/stream", "route": "/stream", "bytes": 3, "end": "failed"}
    assert last(lines) == line


def test_an_exception_that_goes_to_the_server_has_failed(lines: list[str]) -> None:
    app = shop()
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/broken")
    line = {**OK, "path": "/broken", "route": "/broken", "status": 500, "bytes": 0}
    assert last(lines) == {**line, "end": "failed"}


def test_an_exit_has_failed_and_is_logged_all_the_same(lines: list[str]) -> None:
    app = shop()
    app.add_url_rule("/exit", "exit", sys.exit)
    with pytest.raises(SystemExit):
        app.test_client().get("/exit")
    assert last(lines)["end"] == "failed"


def test_a_failing_startup_has_its_line(lines: list[str]) -> None:
    app = shop()
    app.logger.addHandler(logging.NullHandler())
    ready: list[bool] = []

    @app.before_serving
    def start() -> None:
        if not ready:
            raise LookupError("no database")

    app.test_client().get("/")
    assert last(lines) == {**OK, "route": None, "status": 500, "bytes": 265}
    ready.append(True)
    app.test_client().get("/")
    assert last(lines) == OK


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "status", "size"), [({}, 200, 200_000), ({"Range": "bytes=5-9"}, 206, 5)]
)
def test_a_file_that_the_server_sends_counts_as_its_length(
    lines: list[str],
    tmp_path: Path,
    headers: dict[str, str],
    status: int,
    size: int,
    method: str,
) -> None:
    app = shop()
    (tmp_path / "file.bin").write_bytes(bytes(200_000))
    app.add_url_rule("/file", "file", lambda: send_file(tmp_path / "file.bin", conditional=True))
    overrides = {"wsgi.file_wrapper": FileWrapper}
    answer = app.test_client().open(
        "/file", method=method, headers=headers, environ_overrides=overrides, buffered=True
    )
    size = size if method == "GET" else 0
    line = {**OK, "path": "/file", "route": "/file", "status": status, "bytes": size}
    assert last(lines) == {**line, "method": method}
    assert len(answer.data) == size


def test_a_file_that_x_sendfile_names_counts_as_no_bytes(lines: list[str], tmp_path: Path) -> None:
    app = shop()
    app.config["USE_X_SENDFILE"] = True
    (tmp_path / "file.bin").write_bytes(bytes(200_000))
    app.add_url_rule("/file", "file", lambda: send_file(tmp_path / "file.bin"))
    assert app.test_client().get("/file").headers["X-Sendfile"] == str(tmp_path / "file.bin")
    assert last(lines) == {**OK, "path": "/file", "route": "/file", "bytes": 0}


def test_a_line_comes_before_the_background_tasks_begin(lines: list[str]) -> None:
    app = shop()
    seen: list[int] = []

    @app.get("/task")
    def task() -> str:
        app.add_background_task(lambda: seen.append(len(lines)))
        return ""

    called(app, "/task")
    app.shutdown()
    assert seen == [1]


# --- forged lines


NASTY = '/a" 200\n\x1b[31m\\ü\x7f\u2028'


def test_a_path_cannot_forge_a_line(lines: list[str]) -> None:
    with_text, with_json = shop("text"), shop("json")
    for app in (with_text, with_json):
        called(app, PATH_INFO=NASTY.encode().decode("latin-1"))
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert r' "GET /a\" 200\n\u001b[31m\\\u00fc\u007f\u2028" - 404 ' in lines[0]
    assert json.loads(lines[1])["path"] == NASTY


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_long_path_is_cut_before_something_else_breaks_its_line(
    lines: list[str], form: str
) -> None:
    # What collects lines would take the rest of this one for another: journald at 48 KiB.
    called(shop(form), "/", PATH_INFO="/" + "\x01" * 65_536, REQUEST_METHOD="A" * 65_536)
    assert len(lines[-1]) < 8 * LONGEST < 48 * 1024
    assert [lines[-1].count(text) for text in ("A", "\\u0001", "\\u2026")] == [2000, 1999, 2]


@pytest.mark.parametrize("odd", ['"', "\\", "\n", "\x7f", "\xe9", "\u2028", "\x00"])
def test_a_line_of_json_can_be_read_whatever_is_in_it(lines: list[str], odd: str) -> None:
    sent = odd.encode().decode("latin-1")
    called(shop(), PATH_INFO=f"/{sent}", REQUEST_METHOD=f"G{odd}T", REMOTE_ADDR=f"a{odd}")
    fields = last(lines)
    assert (fields["path"], fields["method"], fields["client"]) == (
        f"/{odd}",
        f"G{odd}T",
        f"a{odd}",
    )


def test_a_method_an_address_or_an_id_cannot_forge_a_line(lines: list[str]) -> None:
    app = shop("text")

    @app.before_request
    def name() -> None:
        request.id = "7 8\n"

    called(app, REQUEST_METHOD='X"\n', REMOTE_ADDR='::1 "GET /"\n')
    assert lines[0].isascii()
    assert lines[0].isprintable()
    assert r'Z "::1 \"GET /\"\n" "X\"\n /" - 405 ' in lines[0]
    assert lines[0].endswith(r' "7 8\n"')


def test_an_unknown_address_is_none(lines: list[str]) -> None:
    # As behind a unix socket.
    shop("json").test_client().get("/", environ_overrides={"REMOTE_ADDR": ""})
    shop("text").test_client().get("/", environ_overrides={"REMOTE_ADDR": ""})
    assert json.loads(lines[0])["client"] is None
    assert 'Z - "GET /" ' in lines[1]


# --- where the lines go


@contextmanager
def nobody_listening() -> Iterator[None]:
    """Take the handlers of the test runner away, which come after the fixtures; a decorator."""
    loggers = logging.getLogger(), logger
    handlers, level = [each.handlers[:] for each in loggers], logger.level
    for each in loggers:
        each.handlers[:] = []
    logger.setLevel(logging.NOTSET)
    yield
    for each, own in zip(loggers, handlers, strict=True):
        each.handlers[:] = own
    logger.setLevel(level)


@pytest.mark.parametrize("length", ["many", "-1", "\xb2"])
def test_a_length_that_is_none_costs_neither_the_answer_nor_the_line(
    lines: list[str], length: str
) -> None:
    class Passed(Response):
        standalone_body = True

    app = shop()
    headers = {"Content-Length": length}
    app.get("/file")(lambda: Passed(iter([b"abc"]), headers=headers, direct_passthrough=True))
    assert list(called(app, "/file")[2]) == [b"abc"]
    assert last(lines) == {**OK, "path": "/file", "route": "/file", "bytes": 0}


def test_a_status_without_a_number_has_its_line(lines: list[str]) -> None:
    app = shop()
    app.get("/odd")(lambda: Response("", "odd"))
    assert called(app, "/odd")[0] == "0 odd"
    assert last(lines)["status"] == 0


@nobody_listening()
def test_without_a_handler_they_go_to_the_servers_error_stream() -> None:
    errors = io.StringIO()
    client = shop().test_client()
    client.get("/", errors_stream=errors)
    client.get("/users/7", errors_stream=errors)
    paths = [json.loads(line)["path"] for line in errors.getvalue().splitlines()]
    assert (paths, logger.handlers) == (["/", "/users/7"], [handler])


@nobody_listening()
def test_a_request_whose_line_nobody_takes_is_not_watched() -> None:
    logger.setLevel(logging.WARNING)
    context = shop().test_request_context("/").context
    assert AccessLog("json").entry(context, lambda *begun: lambda data: None) is None
    assert not context.at_end


@nobody_listening()
def test_a_level_that_was_set_is_kept() -> None:
    errors = io.StringIO()
    logger.setLevel(logging.WARNING)
    shop().test_client().get("/", errors_stream=errors)
    assert (errors.getvalue(), logger.level) == ("", logging.WARNING)


def test_a_handler_that_fails_costs_neither_the_answer_nor_the_tasks() -> None:
    app = shop()
    done: list[str] = []
    errors = io.StringIO()

    def refuse(record: logging.LogRecord) -> bool:
        raise OSError("the disk is full")

    @app.get("/task")
    def task() -> str:
        app.add_background_task(lambda: done.append("task"))
        return "answer"

    logger.addFilter(refuse)
    app.logger.addHandler(own := logging.StreamHandler(errors))
    try:
        with app.test_client() as client:
            assert client.get("/task").text == "answer"
    finally:
        logger.removeFilter(refuse)
        app.logger.removeHandler(own)
    assert done == ["task"]
    assert errors.getvalue().startswith("The line for the access log cannot be written\n")
    assert errors.getvalue().endswith("OSError: the disk is full\n")


# --- where a server writes lines


@pytest.mark.parametrize(
    ("level", "ours"), [(logging.NOTSET, 0), (logging.INFO, 0), (logging.ERROR, 1)]
)
def test_the_development_servers_line_is_enough(
    lines: list[str], monkeypatch: pytest.MonkeyPatch, level: int, ours: int
) -> None:
    werkzeugs = logging.getLogger("werkzeug")
    monkeypatch.setattr(werkzeugs, "level", level)
    overrides = {"SERVER_SOFTWARE": "Werkzeug/3.1.3"}
    assert shop().test_client().get("/", environ_overrides=overrides).text == "hello"
    assert len(lines) == ours


@pytest.mark.parametrize(
    ("opt", "is_on"),
    [
        ({}, False),
        ({"disable-logging": b"false"}, False),
        ({"disable-logging": True}, True),
        ({"disable-logging": b"true"}, True),
    ],
)
def test_uwsgis_line_is_enough_and_one_warning_says_so(
    monkeypatch: pytest.MonkeyPatch, opt: dict[str, Any], is_on: bool
) -> None:
    # What the real one has in this place is a test of the servers'.
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt=opt))
    monkeypatch.setattr("microweb.access._warned", [])
    told: list[str] = []

    def warn(message: str, *args: object) -> None:
        told.append(message % args)

    assert [access_log("json", warn) is not None for _ in range(2)] == [is_on, is_on]
    message = (
        "ACCESS_LOG is 'json', and has no effect: uWSGI writes a line for each request already."
        " Start it with disable-logging = true (on the command line: --disable-logging) to have the"
        " lines of ACCESS_LOG in place of these."
    )
    assert told == ([] if is_on else [message])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("apache", "ACCESS_LOG is 'apache': it must be 'text', 'json' or None."),
        (True, "ACCESS_LOG is True (bool): it must be 'text', 'json' or None."),
    ],
)
def test_another_form_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught, shop(value).test_request_context():
        pass
    assert (caught.value.key, str(caught.value)) == ("ACCESS_LOG", message)
