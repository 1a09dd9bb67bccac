"""The database: one SQLite connection per request, opened when first asked for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from microweb import App, current_app, g

from .files import create_once


def init_app(app: App) -> None:
    """Make sure the database exists, and that connections are closed with their request."""

    def create(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, app.open_resource("schema.sql", "r") as schema:
            db.executescript(schema.read())

    create_once(location(app), create)
    app.teardown_appcontext(close)


def location(app: App) -> Path:
    """Return the path of the database; a relative one starts at the instance folder."""
    return Path(app.instance_path, app.config["DATABASE"])


def connection() -> sqlite3.Connection:
    """Return the connection of this request; a `with` block on it is one transaction."""
    if "db" not in g:
        # SQLite admits one writer at a time: the timeout lets the others queue.
        g.db = sqlite3.connect(location(current_app), timeout=10)
        g.db.row_factory = sqlite3.Row
    db: sqlite3.Connection = g.db
    return db


def close(error: BaseException | None) -> None:
    db: sqlite3.Connection | None = g.pop("db", None)
    if db is not None:
        db.close()
