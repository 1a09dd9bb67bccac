"""Asynchronous generators as bodies, and what asynchronous requests leave behind: nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NoReturn

import pytest
from werkzeug.test import create_environ

from microweb import App, g, request

Log = list[Any]


@pytest.fixture
def log() -> Log:
    return []


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


# --- bodies


async def counting(log: Log, failing: bool = False) -> AsyncIterator[str]:
    try:
        for number in range(3):
            await asyncio.sleep(0)
            yield f"{number}{request.args.get('q')} "
            if failing:
                raise LookupError("midway")
    finally:
        log.append("closed")


@pytest.fixture
def streams(app: App, log: Log) -> App:
    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))

    @app.get("/function")
    async def function() -> AsyncIterator[str]:
        async for piece in counting(log):
            yield piece

    app.add_url_rule("/plain", "plain", lambda: counting(log))
    app.add_url_rule("/tuple", "tuple", lambda: (counting(log), 201, {"X-Number": "3"}))
    app.add_url_rule("/failing", "failing", lambda: counting(log, failing=True))

    @app.get("/view")
    async def view() -> AsyncIterator[str]:
        return counting(log)

    return app


@pytest.mark.parametrize("path", ["/function", "/plain", "/view", "/tuple"])
def test_an_asynchronous_generator_is_a_body(streams: App, log: Log, path: str) -> None:
    response = streams.test_client().get(f"{path}?q=a")
    assert (response.text, response.status_code) == ("0a 1a 2a ", 201 if path == "/tuple" else 200)
    response.close()
    assert response.headers.get("X-Number") == ("3" if path == "/tuple" else None)
    assert log == ["closed", "teardown None"]


def test_a_body_that_is_not_read_to_its_end_is_closed(streams: App, log: Log) -> None:
    response = streams.test_client().get("/plain?q=a")
    pieces = response.iter_encoded()
    assert (next(pieces), log) == (b"0a ", [])
    response.close()
    assert log == ["closed", "teardown None"]


def test_a_body_that_fails_midway_cuts_the_connection(
    streams: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    response = streams.test_client().get("/failing?q=a")
    pieces = response.iter_encoded()
    assert next(pieces) == b"0a "
    with pytest.raises(LookupError, match="midway"):
        next(pieces)
    response.close()
    assert log == ["closed", "teardown LookupError('midway')"]
    assert messages(caplog) == [("ERROR", "Exception on /failing [GET]")]


def test_for_head_no_piece_is_made(streams: App, log: Log) -> None:
    response = streams.test_client().head("/view")
    assert (response.status_code, response.data) == (200, b"")
    response.close()
    assert log == ["teardown None"]


# --- what stays


@pytest.fixture
def quiet() -> Iterator[App]:
    app = App("garbage", static_folder=None)
    app.secret_key = "a key for tests only"
    app.logger.setLevel(logging.CRITICAL + 1)

    @app.before_request
    async def before() -> None:
        g.user = "ada"

    @app.get("/text")
    async def text() -> str:
        await asyncio.sleep(0)
        return request.path

    @app.get("/broken")
    async def broken() -> NoReturn:
        await asyncio.sleep(0)
        raise LookupError

    @app.get("/cancelled")
    async def cancelled() -> None:
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]
        await asyncio.sleep(0.01)

    @app.get("/stream")
    async def stream() -> AsyncIterator[str]:
        yield request.path

    @app.get("/task")
    def task() -> str:
        app.add_background_task(before)
        return ""

    yield app
    app.shutdown()


@pytest.mark.parametrize("path", ["/text", "/broken", "/cancelled", "/stream", "/task"])
def test_a_request_leaves_no_cycle(quiet: App, path: str) -> None:
    def call() -> None:
        body = quiet.wsgi_app(create_environ(path), _start_response)
        list(body)
        if not isinstance(body, list):
            body.close()  # type: ignore[attr-defined]

    for _ in range(5):
        call()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            call()
        time.sleep(0.01)  # for the other thread to drop what it held
        assert gc.collect() == 0
    finally:
        gc.enable()


def _start_response(*args: object) -> Callable[[bytes], object]:
    """Take the status and the headers, as a server does."""
    return list
