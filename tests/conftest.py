"""What holds for every test: WSGI is spoken cleanly, and nothing is left open."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast
from wsgiref.validate import IteratorWrapper, validator

import pytest

from microweb import App
from microweb.context import current


@pytest.fixture
def app() -> Iterator[App]:
    """An application with a key, as most tests want it; what it started is ended."""
    app = App("example", root_path=os.getcwd(), static_folder=None)
    app.config.update(SECRET_KEY="a key for tests only", TESTING=True)
    yield app
    app.shutdown()


@pytest.fixture(autouse=True)
def wsgi_is_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put `wsgiref.validate` around every application that is called."""
    call = App.__call__

    def validated(self: App, environ: Any, start_response: Any) -> Iterable[bytes]:
        complete = False

        def application(environ: Any, start_response: Any) -> Iterable[bytes]:
            nonlocal complete
            body = call(self, environ, start_response)
            complete = isinstance(body, list)
            return body

        body = cast("IteratorWrapper", validator(application)(environ, start_response))
        if not complete:
            return body  # a stream: the test closes it, as a server would
        chunks = list(body)
        body.close()
        return chunks

    monkeypatch.setattr(App, "__call__", validated)


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Fail a test that leaves a context, a file or a child process."""
    files = _open_files()
    children = _children()
    yield
    context = current.get()
    if context is not None:
        current.set(None)
        pytest.fail(f"the test left a context: {context!r}")
    if _open_files() - files:
        gc.collect()  # a file that only waits for the collector warns by itself
    left = _open_files() - files
    assert not left, f"the test left files open: {sorted(left)}"
    left_children = _children() - children
    assert not left_children, f"the test left processes: {sorted(left_children)}"


def _open_files() -> set[tuple[str, str]]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir() if os.path.isdir("/proc/self/fd") else ():
        try:
            target = os.readlink(entry)
        except OSError:  # the folder's own descriptor
            continue
        # Files of the machine that libraries keep open (locale, random, logs of the runner).
        if target.startswith(("/dev/", "/proc/", "/usr/", "pipe:", "anon_inode:")):
            continue
        found.add((entry.name, target))
    return found


def _children() -> set[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(map(int, path.read_text().split())) if path.exists() else set()
