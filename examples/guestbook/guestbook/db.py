"""The database: one SQLite connection per request, opened when first asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from microweb import App, current_app, g

from . import text
from .files import create_once

HERE = Path(__file__).parent

# The first version of the schema is schema.sql; each of these leads to the next one.
MIGRATIONS = sorted(HERE.glob("migrations/*.sql"), key=lambda path: int(path.name.split("_")[0]))


def init_app(app: App) -> None:
    """Make sure the database is there and up to date, and that requests close connections."""
    create_once(location(app), create)
    migrate(location(app))
    app.teardown_appcontext(close)

    @app.cli.command("init-db")
    @click.option("--reset", is_flag=True, help="Delete all entries and accounts.")
    def init_db(reset: bool) -> None:
        """Make the database, or bring it up to date."""
        # Every start of the application has done so by now, the one of this command too.
        if reset:
            click.confirm("Delete all entries and accounts?", abort=True)
            with connection() as db:
                db.execute("DELETE FROM entry")
                db.execute("DELETE FROM user")
        (version,) = connection().execute("PRAGMA user_version").fetchone()
        click.echo(f"{location(app)} is ready, at version {version} of its schema.")


def location(app: App) -> Path:
    """Return the path of the database; a relative one starts at the instance folder."""
    return Path(app.instance_path, app.config["DATABASE"])


def create(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript((HERE / "schema.sql").read_text())


def migrate(path: Path) -> None:
    """Take the steps that the database has not taken yet: all of them, or none if one fails."""
    with closing(connect(path)) as db:
        if pending(db):
            with db:
                # Of several workers that start at once, one migrates and the others wait for it.
                db.execute("BEGIN IMMEDIATE")
                for script in pending(db):
                    for statement in statements(script.read_text()):
                        db.execute(statement)
                db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def pending(db: sqlite3.Connection) -> list[Path]:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return MIGRATIONS[version:]


def statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would begin by ending the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def connect(path: Path) -> sqlite3.Connection:
    # SQLite admits one writer at a time: the timeout lets the others queue.
    db = sqlite3.connect(path, timeout=10)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    # SQLite itself knows the small and capital letters of English only.
    db.create_function("casefold", 1, str.casefold, deterministic=True)
    db.create_function("name_key", 1, text.name_key, deterministic=True)
    return db


def connection() -> sqlite3.Connection:
    """Return the connection of this request; a `with` block on it is one transaction."""
    if "db" not in g:
        g.db = connect(location(current_app))
    db: sqlite3.Connection = g.db
    return db


def close(error: BaseException | None) -> None:
    db: sqlite3.Connection | None = g.pop("db", None)
    if db is not None:
        db.close()
