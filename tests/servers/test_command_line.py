"""`microweb run` and `microweb shell` as real processes: what is broken is shown until mended."""

from __future__ import annotations

import os
import re
import select
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from shutil import which

import pytest

from .client import HOST, PATIENCE, Client
from .process import Process, running, wait_until
from .servers import answers, free_port

SOURCE = """\
from microweb import App

app = App(__name__)

@app.get("/")
def index():
    return "{text}"
"""
MICROWEB = [
    sys.executable,
    "-c",
    # What the background of a script starts ignores Ctrl-C, and so would the server.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from microweb.cli import main; main(prog_name='microweb')",
]


@contextmanager
def microweb_run(
    folder: Path, *args: str, environment: dict[str, str] | None = None
) -> Iterator[tuple[Process, Client]]:
    """Run the command in a folder until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "microweb", "run", *args]
    variables = {"MICROWEB_RUN_PORT": str(port), **(environment or {})}
    with running(command, folder, variables) as process:
        wait_until(lambda: answers(port), process)
        yield process, Client(port)


def status_and_text(client: Client) -> tuple[int, str]:
    """What the server answers; 0 while it restarts."""
    try:
        answer = client.get("/")
    except (OSError, HTTPException):
        return 0, ""
    return answer.status, answer.text


@pytest.mark.parametrize(
    ("args", "broken", "shown"),
    [
        ((), "def broken(:\n", ["SyntaxError: invalid syntax", "app.py", "line 1"]),
        ((), "\nimport missing_package\n", ["No module named", "missing_package", "line 2"]),
        ((), "app = create_app = 1\n", ["app:app is an int and not a microweb application."]),
        (
            ("--app", "app:create_app('shop')"),
            "def create_app(name):\n    return shelves[name]\n",
            ["NameError", "create_app", "shelves"],
        ),
    ],
)
def test_a_broken_file_is_shown_until_it_is_mended(
    tmp_path: Path, args: tuple[str, ...], broken: str, shown: list[str]
) -> None:
    source = tmp_path / "app.py"
    factory = "\ndef create_app(name):\n    return app\n"
    source.write_text(SOURCE.format(text="first") + factory)
    with microweb_run(tmp_path, "--debug", *args) as (process, client):
        assert status_and_text(client) == (200, "first")
        source.write_text(broken)
        wait_until(lambda: status_and_text(client)[0] == 500, process)
        for _ in range(2):
            status, page = status_and_text(client)
            assert status == 500
            assert "Werkzeug Debugger" in page
            assert [text for text in shown if text not in page] == []
        assert "Error: " in process.log()
        source.write_text(SOURCE.format(text="mended") + factory)
        wait_until(lambda: status_and_text(client) == (200, "mended"), process)


def test_without_the_debugger_a_broken_file_is_shown_in_the_log(tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text(SOURCE.format(text="first"))
    with microweb_run(tmp_path, "--reload") as (process, client):
        source.write_text("def broken(:\n")
        wait_until(lambda: status_and_text(client)[0] == 500, process)
        assert "SyntaxError" not in status_and_text(client)[1]
        assert "SyntaxError: invalid syntax" in process.log()
        source.write_text(SOURCE.format(text="mended"))
        wait_until(lambda: status_and_text(client) == (200, "mended"), process)


def test_a_file_that_is_broken_from_the_start_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def broken(:\n")
    with running([*MICROWEB, "run", "--debug"], tmp_path) as process:
        assert process.exit_status() == 2
        assert process.log().splitlines()[:3] == [
            "Error: Importing 'app' failed.",
            "",
            f'  File "{tmp_path}/app.py", line 1',
        ]


def test_more_files_restart_the_server(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("first")
    (tmp_path / "app.py").write_text(
        SOURCE.replace('"{text}"', "text") + "text = open('text.txt').read()\n"
    )
    with microweb_run(tmp_path, "--reload", "--extra-files", "text.txt") as (process, client):
        assert status_and_text(client) == (200, "first")
        (tmp_path / "text.txt").write_text("second")
        wait_until(lambda: status_and_text(client) == (200, "second"), process)


def test_options_are_variables_of_files(tmp_path: Path) -> None:
    pytest.importorskip("dotenv", reason="python-dotenv is not installed")
    (tmp_path / "shop.py").write_text(SOURCE.format(text="from the file"))
    (tmp_path / ".env").write_text("MICROWEB_APP=shop\nMICROWEB_RUN_RELOAD=1\n")
    with microweb_run(tmp_path) as (process, client):
        assert status_and_text(client) == (200, "from the file")
        assert "Restarting with stat" in process.log()


@pytest.mark.parametrize("args", [(), ("--debug",)])
def test_ctrl_c_ends_the_command_quietly(tmp_path: Path, args: tuple[str, ...]) -> None:
    (tmp_path / "app.py").write_text(SOURCE.format(text="first"))
    port = free_port()
    command = [*MICROWEB, "run", "--no-reload", "--port", str(port), *args]
    with running(command, tmp_path) as process:
        wait_until(lambda: answers(port), process)
        process.press_ctrl_c()
        assert process.exit_status() == 0
        assert "Traceback" not in process.log()


def test_https_with_a_certificate_and_its_key(tmp_path: Path) -> None:
    openssl = which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    new = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run([openssl, *new.split()], check=True, capture_output=True, cwd=tmp_path)
    (tmp_path / "app.py").write_text(SOURCE.format(text="secret"))
    port = free_port()
    command = [*MICROWEB, "run", "--port", str(port), "--cert", "cert.pem", "--key", "key.pem"]
    trusting = ssl.create_default_context(cafile=None)
    with running(command, tmp_path) as process:
        wait_until(lambda: f"https://{HOST}:{port}" in process.log(), process)
        trusting.load_verify_locations(tmp_path / "cert.pem")
        trusting.check_hostname = False
        with closing(HTTPSConnection(HOST, port, timeout=PATIENCE, context=trusting)) as connection:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"secret"


# --- the shell at a terminal


class Terminal:
    """Types into a program and reads what it shows."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Read until something new matches."""
        deadline = time.monotonic() + PATIENCE
        start = len(self.shown)
        while not re.search(pattern, self.shown[start:]):
            assert time.monotonic() < deadline, f"{pattern!r} does not come: {self.shown!r}"
            if select.select([self.descriptor], [], [], 0.1)[0]:
                self.shown += os.read(self.descriptor, 4096).decode(errors="replace")


def test_the_shell_completes_names_and_keeps_a_history(tmp_path: Path) -> None:
    pytest.importorskip("readline")
    pty = pytest.importorskip("pty")
    (tmp_path / "app.py").write_text(SOURCE.format(text="") + "app.a_long_name = 'completed'\n")
    own, others = pty.openpty()
    process = subprocess.Popen(
        [*MICROWEB, "shell"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"},
        stdin=others,
        stdout=others,
        stderr=others,
        start_new_session=True,
    )
    os.close(others)
    try:
        terminal = Terminal(own)
        terminal.wait_for(">>> ")
        terminal.type("app.a_lo\t\n")
        terminal.wait_for("'completed'")
        terminal.type("exit()\n")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(own)
    assert "app.a_long_name" in (tmp_path / ".python_history").read_text()
