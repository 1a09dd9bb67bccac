"""The application's logger: its level, its handler, and where it writes."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from microweb import App
from microweb.logging import create_logger, default_handler, wsgi_errors_stream


@contextmanager
def nobody_listening() -> Iterator[None]:
    """Take the handlers of the test runner from the root logger; also a decorator."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers


def new_app(name: str) -> App:
    """An application whose logger no other test knows."""
    return App(f"test_logging.{name}", root_path="/", static_folder=None)


def test_the_logger_is_called_like_the_application_and_is_one() -> None:
    app = new_app("name")
    assert app.logger.name == "test_logging.name"
    assert app.logger is app.logger is logging.getLogger("test_logging.name")


@nobody_listening()
def test_it_has_the_default_handler_where_there_is_no_other() -> None:
    assert new_app("default").logger.handlers == [default_handler]


@nobody_listening()
def test_it_has_no_handler_of_its_own_where_the_root_has_one() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    assert new_app("root").logger.handlers == []


@nobody_listening()
def test_a_handler_that_takes_only_graver_messages_does_not_count() -> None:
    grave = logging.NullHandler()
    grave.setLevel(logging.CRITICAL)
    logging.getLogger().addHandler(grave)
    assert new_app("grave").logger.handlers == [default_handler]


@nobody_listening()
def test_a_handler_above_a_logger_that_keeps_its_messages_does_not_count() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("test_logging.alone").propagate = False
    assert new_app("alone").logger.handlers == [default_handler]


@nobody_listening()
def test_a_handler_of_its_own_is_enough() -> None:
    own = logging.NullHandler()
    logging.getLogger("test_logging.own").addHandler(own)
    assert new_app("own").logger.handlers == [own]


@nobody_listening()
def test_asking_twice_adds_one_handler() -> None:
    assert create_logger("test_logging.twice", False) is create_logger("test_logging.twice", False)
    assert logging.getLogger("test_logging.twice").handlers == [default_handler]


def test_in_debug_mode_it_logs_everything() -> None:
    app = new_app("debug")
    app.debug = True
    assert app.logger.level == logging.DEBUG
    assert new_app("no_debug").logger.level == logging.NOTSET


def test_a_level_that_was_set_before_is_kept() -> None:
    logging.getLogger("test_logging.level").setLevel(logging.ERROR)
    app = new_app("level")
    app.debug = True
    assert app.logger.level == logging.ERROR


@nobody_listening()
def test_outside_of_a_request_it_writes_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = new_app("stderr")
    app.logger.error("first %s", "message")
    with app.app_context():
        app.logger.error("second")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "ERROR in test_logging: first message",
        "ERROR in test_logging: second",
    ]


@nobody_listening()
def test_standard_error_is_the_one_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    app = new_app("moment")
    streams = [io.StringIO(), io.StringIO()]
    for stream in streams:
        monkeypatch.setattr(sys, "stderr", stream)
        app.logger.error("here")
    assert [stream.getvalue().count("here") for stream in streams] == [1, 1]


@nobody_listening()
def test_within_a_request_it_writes_to_the_servers_error_stream() -> None:
    app = new_app("wsgi")
    errors = io.StringIO()

    @app.get("/")
    def view() -> str:
        app.logger.error("in the view")
        wsgi_errors_stream.write("directly\n")
        return ""

    app.test_client().get("/", errors_stream=errors)
    first, second = errors.getvalue().splitlines()
    assert first.endswith("ERROR in test_logging: in the view")
    assert second == "directly"


@nobody_listening()
def test_an_unhandled_error_is_logged_with_path_method_and_traceback() -> None:
    app = new_app("error")
    errors = io.StringIO()

    @app.post("/broken")
    def broken() -> str:
        raise LookupError("so it goes")

    assert app.test_client().post("/broken", errors_stream=errors).status_code == 500
    lines = errors.getvalue().splitlines()
    assert lines[0].endswith("ERROR in handling: Exception on /broken [POST]")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "LookupError: so it goes"


def test_messages_have_a_time_a_level_and_a_place() -> None:
    record = logging.LogRecord("a", logging.WARNING, "/x/place.py", 3, "%d left", (2,), None)
    record.created = 0.0
    text = default_handler.format(record)
    assert text.endswith("] WARNING in place: 2 left")
    assert text.startswith("[19")
