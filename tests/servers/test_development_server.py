"""`python app.py`: what a developer reads when the port is taken, and how Ctrl-C ends it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
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


def text(port: int) -> str | None:
    """What the server answers; None while it restarts."""
    try:
        return Client(port).get("/").text
    except (OSError, HTTPException):
        return None


DEBUGGED = """\
from microweb import App

app = App(__name__)

@app.get("/")
def index():
    return "first"

@app.get("/broken")
def broken():
    raise ValueError("this is broken")

if __name__ == "__main__":
    app.run(port={port}, debug=True)
"""


def test_in_debug_mode_the_server_restarts_with_what_was_changed(tmp_path: Path) -> None:
    port = free_port()
    source = tmp_path / "app.py"
    source.write_text(DEBUGGED.format(port=port))
    with running([sys.executable, "app.py"], tmp_path) as process:
        wait_until(lambda: answers(port), process)
        assert Client(port).get("/").text == "first"
        source.write_text(DEBUGGED.format(port=port).replace("first", "second"))
        wait_until(lambda: text(port) == "second", process)


@pytest.mark.usefixtures("default_port_taken")
def test_in_debug_mode_a_restart_keeps_the_port_that_was_found(tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text(DEBUGGED.format(port=None))
    with running([sys.executable, "app.py"], tmp_path) as process:
        wait_until(lambda: announced_port(process.log()) is not None, process)
        port = announced_port(process.log())
        assert port is not None
        wait_until(lambda: answers(port), process)
        source.write_text(DEBUGGED.format(port=None).replace("first", "second"))
        wait_until(lambda: text(port) == "second", process)


def test_in_debug_mode_an_exception_is_shown_with_its_traceback(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "app.py").write_text(DEBUGGED.format(port=port))
    with running([sys.executable, "app.py"], tmp_path) as process:
        wait_until(lambda: answers(port), process)
        page = Client(port).get("/broken")
        assert page.status == 500
        assert "ValueError: this is broken" in page.text
        assert "Werkzeug Debugger" in page.text


def test_under_the_command_line_app_run_does_nothing(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "app.py").write_text(DEBUGGED.format(port=free_port()).partition("if __name__")[0])
    with (tmp_path / "app.py").open("a") as source:
        source.write("app.run(port=1)\n")
    command = [sys.executable, "-m", "microweb", "run", "--port", str(port)]
    with running(command, tmp_path) as process:
        wait_until(lambda: answers(port), process)
        assert Client(port).get("/").text == "first"
