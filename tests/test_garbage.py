"""A request leaves nothing to the cycle collector: what it made is gone when it ends."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import pytest
from werkzeug.test import create_environ

from microweb import App, abort, g, request, session


@pytest.fixture
def garbage_app() -> App:
    app = App("garbage", static_folder=None)
    app.secret_key = "a key for tests only"
    app.logger.setLevel(logging.CRITICAL + 1)
    app.add_url_rule("/text", "text", lambda: "text")
    app.add_url_rule("/json/<int:number>", "json", lambda number: {"query": request.args})
    app.add_url_rule("/forbidden", "forbidden", lambda: abort(403))
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)

    @app.route("/session")
    def use_session() -> str:
        g.name = session["name"] = request.headers.get("Host")
        return ""

    @app.route("/stream")
    def stream() -> Iterator[str]:
        yield request.path

    @app.route("/stream/fails")
    def failing_stream() -> Iterator[str]:
        abort(403)
        yield ""

    return app


@pytest.mark.parametrize(
    "path",
    [
        *("/text", "/json/7", "/session", "/stream", "/stream/fails", "/forbidden", "/nowhere"),
        "/broken",
    ],
)
def test_a_request_leaves_no_cycle(garbage_app: App, path: str) -> None:
    assert left_by(garbage_app, path) == 0


@pytest.mark.parametrize("path", ["/text", "/stream", "/nowhere", "/broken", "/readyz"])
def test_a_request_whose_line_is_logged_leaves_none_either(garbage_app: App, path: str) -> None:
    garbage_app.config.update(ACCESS_LOG="json", TRUSTED_PROXIES=1)
    garbage_app.health_routes()
    headers = {"Accept": "application/json", "X-Forwarded-For": "192.0.2.7"}
    assert left_by(garbage_app, path, headers=headers) == 0


def test_a_stream_that_asks_to_exit_at_first_leaves_none_either(garbage_app: App) -> None:
    @garbage_app.route("/stream/exits")
    def exiting_stream() -> Iterator[str]:
        raise SystemExit
        yield ""

    def call() -> None:
        with pytest.raises(SystemExit):
            garbage_app.wsgi_app(create_environ("/stream/exits"), _start_response)

    assert left_by_calls(call) == 0


def test_a_stream_that_its_client_leaves_is_gone_at_once(garbage_app: App) -> None:
    gc.disable()
    try:
        body: Any = garbage_app.wsgi_app(create_environ("/stream"), _start_response)
        # Not counted: the collector does not count what ends with its own generator.
        stream = ref(body)
        body.close()
        del body
        assert stream() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("cookie", ["a.b.c", "eyJhIjoxfQ.awPdmA.H9MF9milqoXSSHXhXilrjC1HPc4"])
def test_a_session_cookie_that_is_refused_leaves_none_either(garbage_app: App, cookie: str) -> None:
    assert left_by(garbage_app, "/session", headers={"Cookie": f"session={cookie}"}) == 0


def left_by(app: App, path: str, **options: Any) -> int:
    """Count what is left to the collector by twenty requests."""

    def call() -> None:
        environ = create_environ(path, query_string="a=1", **options)
        body = app.wsgi_app(environ, _start_response)
        list(body)
        if not isinstance(body, list):
            body.close()  # type: ignore[attr-defined]

    return left_by_calls(call)


def left_by_calls(call: Callable[[], None]) -> int:
    """Count what is left to the collector by twenty calls."""
    for _ in range(5):
        call()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            call()
        return gc.collect()
    finally:
        gc.enable()


def _start_response(*args: object) -> Callable[[bytes], object]:
    """Take the status and the headers, as a server does."""
    return list
