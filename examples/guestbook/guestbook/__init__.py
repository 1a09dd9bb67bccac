"""A guestbook: visitors write entries, read them page by page and delete their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from werkzeug import Response
from werkzeug.exceptions import HTTPException

from microweb import App, redirect, render_template, url_for

from . import db, entries
from .keys import kept_key


def create_app(config: Mapping[str, Any] | None = None, *, instance_path: str | None = None) -> App:
    """Build the site.

    Settings come from the defaults below, `config.py` in the instance folder, `MICROWEB_`
    environment variables and `config`, each overriding those before it.
    """
    app = App(__name__, instance_path=instance_path, instance_relative_config=True)
    app.config.from_mapping(
        DATABASE="guestbook.sqlite3",
        ENTRIES_PER_PAGE=10,
        MAX_CONTENT_LENGTH=64 * 1024,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.config.from_pyfile("config.py", silent=True)
    app.config.from_prefixed_env("MICROWEB")
    app.config.from_mapping(config)
    app.secret_key = app.secret_key or kept_key(Path(app.instance_path, "secret_key"))

    db.init_app(app)
    app.register_blueprint(entries.bp)
    app.register_error_handler(HTTPException, error_page)
    app.add_url_rule("/", "home", home)
    return app


def home() -> Response:
    return redirect(url_for("entries.index"))


def error_page(error: HTTPException) -> Response:
    """Dress an error as a page of the site, keeping its status and headers."""
    response = error.get_response()
    response.set_data(render_template("error.html", error=error))
    return response
