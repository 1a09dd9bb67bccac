"""The commands of docs/deploying that start something, typed as they stand there."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .client import Client
from .process import running, wait_until
from .programs import program
from .servers import answers, free_port

DOCS = Path(__file__).parents[2] / "docs" / "deploying"
REMEDY = "pip install -e '.[dev]'"
BLOCKS = [
    (kind, text)
    for page in sorted(DOCS.glob("*.md"))
    for kind, text in re.findall(r"^```sh ?(\w*)\n(.*?)^```$", page.read_text(), re.M | re.S)
]
PROGRAMS = ("uwsgi ", "gunicorn ", "waitress-serve ", "granian ", "python -c ")
STARTS = [
    (kind, line) for kind, text in BLOCKS for line in text.splitlines() if line.startswith(PROGRAMS)
]
TRIED = [line for kind, text in BLOCKS if kind == "try" for line in text.splitlines()]


@pytest.fixture
def folder() -> Iterator[Path]:
    """The folder of the application that the recommended page begins with."""
    source = (DOCS / "nginx-uwsgi.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", source, re.M | re.S)
    assert found is not None
    # Not pytest's own folder, which is too deep for the name of a unix socket.
    with TemporaryDirectory(prefix="microweb-") as name:
        Path(name, "app.py").write_text(found.group(1))
        yield Path(name)


def test_there_is_a_first_look_at_every_server() -> None:
    assert {shlex.split(line)[0] for _, line in STARTS} == {
        *("granian", "gunicorn", "python", "uwsgi", "waitress-serve")
    }


@pytest.mark.parametrize(("kind", "line"), STARTS, ids=[line[:60] for _, line in STARTS])
def test_the_command_serves_the_application(folder: Path, kind: str, line: str) -> None:
    if kind == "gevent" and importlib.util.find_spec("gevent") is None:
        if os.environ.get("CI"):
            pytest.fail(f"gevent is not installed: {REMEDY}")
        pytest.skip(f"gevent is not installed: {REMEDY}")
    port = free_port()
    name, *options = shlex.split(line.replace("9090", str(port)).replace("/tmp/", f"{folder}/"))
    with running([program(name, REMEDY), *options], folder) as process:
        wait_until(lambda: answers(port), process)
        assert Client(port).get("/").json == {"hello": "world"}


def test_the_stack_is_tried_without_root_as_the_page_says(folder: Path) -> None:
    program("nginx", "apt-get install nginx-light")
    port = free_port()

    def typed(command: str) -> str:
        command = command.replace("/tmp/shop", f"{folder}/tried").replace("8080", str(port))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
        # A file, and no pipe: what goes into the background would keep it open.
        with (folder / "output").open("w") as output_file:
            done = subprocess.run(
                ["sh", "-ec", command],
                check=False,
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=output_file,
                stderr=subprocess.STDOUT,
                timeout=60,
            )
        output = (folder / "output").read_text()
        assert done.returncode == 0, output
        return output

    write, ask, *more, stop = TRIED
    printed = re.findall(r"^  (.*)$", typed(write), re.M)
    assert len(printed) == 2
    for command in printed:
        typed(command)
    try:
        wait_until(lambda: answers(port))
        assert Client(port).get("/").json == {"hello": "world"}
        assert ask == "curl -i http://127.0.0.1:8080/"  # what the line above has done
        checked, reloaded = map(typed, more)
        assert {line.split()[0] for line in checked.splitlines()} == {"ok"}
        assert "2 processes were replaced in" in reloaded
    finally:
        typed(stop)
    wait_until(lambda: not (folder / "tried" / "run" / "uwsgi.sock").exists())
