"""A guestbook: visitors read and search its entries, and with an account write their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from werkzeug import Response

from microweb import App, redirect, url_for

from . import admin, api, auth, db, entries, journal, pages, pictures, status
from .files import kept_key


def create_app(config: Mapping[str, Any] | None = None, *, instance_path: str | None = None) -> App:
    """Build the site.

    Its data and `config.py` are in the instance folder, which GUESTBOOK_INSTANCE can name.
    Settings come from the defaults below, `config.py`, `MICROWEB_` environment variables and
    `config`, each overriding those before it.
    """
    instance_path = instance_path or os.environ.get("GUESTBOOK_INSTANCE")
    app = App(__name__, instance_path=instance_path, instance_relative_config=True)
    # Hashes of passwords and the addresses of visitors are nothing for other users of the computer.
    Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
    app.config.from_mapping(
        SITE_NAME="Guestbook",
        DATABASE="guestbook.sqlite3",
        ENTRIES_PER_PAGE=10,
        PASSWORD_HASH="scrypt",
        MAX_CONTENT_LENGTH=64 * 1024,
        # With a cookie on every answer no cache could share the pictures and the stylesheet. In
        # return everybody has to log in again after PERMANENT_SESSION_LIFETIME.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.config.from_pyfile("config.py", silent=True)
    app.config.from_prefixed_env()
    app.config.from_mapping(config)
    app.secret_key = app.secret_key or kept_key(Path(app.instance_path, "secret_key"))

    db.init_app(app)
    journal.init_app(app)
    pages.init_app(app)
    app.before_serving(pictures.sweep)
    for module in (auth, entries, api, admin, status):
        app.register_blueprint(module.bp)
    app.add_url_rule("/", "home", home)
    return app


def home() -> Response:
    return redirect(url_for("entries.index"))
