"""`python app.py`: what a developer reads when the port is taken, and how Ctrl-C ends it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import create_server

import pytest

from .client import HOST, Client
from .process import running, wait_until
from .servers import answers, development_server, free_port

DEFAULT_PORT = 8000


@pytest.fixture
def myapi(examples: Path) -> Path:
    return examples / "myapi"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def default_port_taken() -> Iterator[None]:
    with ExitStack() as stack:
        # Where another program has it already, it is taken as well.
        with suppress(OSError):
            stack.enter_context(create_server((HOST, DEFAULT_PORT)))
        yield


def announced_port(log: str) -> int | None:
    address = re.search(rf"http://{re.escape(HOST)}:(\d+)", log)
    return int(address[1]) if address else None


@pytest.mark.usefixtures("default_port_taken")
def test_without_a_port_the_next_free_one_is_taken_and_told(myapi: Path) -> None:
    with running([sys.executable, "app.py"], myapi) as process:
        wait_until(lambda: announced_port(process.log()) is not None, process)
        port = announced_port(process.log())
        assert port is not None
        assert port > DEFAULT_PORT
        assert [
            line
            for line in process.log().splitlines()
            if str(DEFAULT_PORT) in line and str(port) in line
        ] != []
        assert Client(port).get("/mypath").status == 200


def test_a_port_that_was_asked_for_and_is_taken_ends_the_server(
    myapi: Path, taken_port: int
) -> None:
    with running(development_server(taken_port), myapi) as process:
        assert process.exit_status() == 1
        (message,) = process.log().splitlines()
        assert f"Port {taken_port} " in message
        assert "another port" in message


def test_ctrl_c_ends_the_server_quietly(myapi: Path) -> None:
    port = free_port()
    with running(development_server(port), myapi) as process:
        wait_until(lambda: answers(port), process)
        process.press_ctrl_c()
        assert process.exit_status() in {0, 130}
        assert "Traceback" not in process.log()
