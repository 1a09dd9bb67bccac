"""The site in a folder of its own, and those who visit it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from jinja2 import FileSystemBytecodeCache

from microweb import App

# With pytest's importlib mode the folder of the tests is not among those that imports look into.
sys.path.insert(0, str(Path(__file__).parent))

from visitor import EXAMPLE, Visitor


@pytest.fixture(autouse=True)
def example_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    for name in [name for name in os.environ if name.startswith(("MICROWEB_", "GUESTBOOK_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The instance folder, which the site makes."""
    return tmp_path / "instance"


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Compiled templates: each application would spend longer on them than on its test."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def start(folder: Path, templates: FileSystemBytecodeCache) -> Iterator[Callable[..., App]]:
    """Starts the site, always in the same instance folder; takes settings."""
    from guestbook import create_app

    with ExitStack() as running:

        def start(**config: object) -> App:
            # One round is enough for passwords that protect nothing.
            config = {"PASSWORD_HASH": "pbkdf2:sha256:1", **config}
            app = create_app(config, instance_path=str(folder))
            app.jinja_options["bytecode_cache"] = templates
            # What a worker does in the background should end before its folder is gone.
            running.callback(app.shutdown)
            return app

        yield start


@pytest.fixture
def app(start: Callable[..., App]) -> App:
    return start(ENTRIES_PER_PAGE=2)


@pytest.fixture
def guest(app: App) -> Visitor:
    """Somebody without an account."""
    return Visitor(app)


@pytest.fixture
def ada(app: App) -> Visitor:
    return Visitor(app).register("Ada")


@pytest.fixture
def bob(app: App) -> Visitor:
    return Visitor(app).register("Bob")


@pytest.fixture
def admin(app: App) -> Visitor:
    from guestbook import users

    with app.app_context():
        users.create("Grace", "the password of Grace", admin=True)
    return Visitor(app).log_in("Grace")
