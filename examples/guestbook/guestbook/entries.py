"""The pages of the guestbook."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from math import ceil

from werkzeug import Response

from microweb import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from . import csrf
from .db import connection

bp = Blueprint("entries", __name__, url_prefix="/entries")
csrf.protect(bp)

# The longest name and message, in characters.
LIMITS = {"name": 60, "message": 2000}

# A larger number cannot be the id of a row, and SQLite would refuse to look for it.
ENTRY = f"/<int(max={2**63 - 1}):entry_id>"

# The session travels in a cookie, and browsers drop cookies larger than 4 KB.
OWN_ENTRIES_KEPT = 100


@bp.get("/")
def index() -> str:
    """Show a page of entries, the newest first."""
    size: int = current_app.config["ENTRIES_PER_PAGE"]
    page = request.args.get("page", 1, type=int)
    (total,) = connection().execute("SELECT count(*) FROM entry").fetchone()
    pages = max(1, ceil(total / size))
    if not 1 <= page <= pages:
        abort(404)
    entries = connection().execute(
        "SELECT * FROM entry ORDER BY id DESC LIMIT ? OFFSET ?", (size, (page - 1) * size)
    )
    return render_template("entries/index.html", entries=entries.fetchall(), page=page, pages=pages)


@bp.get(ENTRY)
def show(entry_id: int) -> str:
    return render_template("entries/show.html", entry=find(entry_id), own=entry_id in own_entries())


@bp.get("/new")
def new() -> str:
    return form({"name": session.get("name", ""), "message": ""}, {})


@bp.post("/new")
def create() -> Response | tuple[str, int]:
    """Store what was written, or show the form again with what is wrong with it."""
    draft = {
        "name": " ".join(request.form.get("name", "").split()),
        # Browsers send the two characters CR LF where the visitor typed one line break.
        "message": request.form.get("message", "").replace("\r\n", "\n").strip(),
    }
    if errors := errors_in(draft):
        return form(draft, errors), 422
    with connection() as db:
        entry_id = db.execute(
            "INSERT INTO entry (name, message) VALUES (:name, :message)", draft
        ).lastrowid
    # The visitor should still be known, and own the entry, after closing the browser.
    session.permanent = True
    session["name"] = draft["name"]
    session["own"] = [*own_entries(), entry_id][-OWN_ENTRIES_KEPT:]
    flash(f"Thank you, {draft['name']}. Your entry is in the guestbook.")
    return redirect(url_for(".show", entry_id=entry_id), 303)


@bp.post(f"{ENTRY}/delete")
def delete(entry_id: int) -> Response:
    find(entry_id)
    if entry_id not in own_entries():
        abort(403, "Only the visitor who wrote an entry can delete it.")
    with connection() as db:
        db.execute("DELETE FROM entry WHERE id = ?", (entry_id,))
    session["own"] = [own for own in own_entries() if own != entry_id]
    flash("Your entry has been deleted.")
    return redirect(url_for(".index"), 303)


def find(entry_id: int) -> sqlite3.Row:
    row: sqlite3.Row | None = (
        connection().execute("SELECT * FROM entry WHERE id = ?", (entry_id,)).fetchone()
    )
    if row is None:
        abort(404, "There is no such entry. Perhaps its author has deleted it.")
    return row


def own_entries() -> list[int]:
    """Return the ids of the entries which this visitor wrote."""
    ids: list[int] = session.get("own", [])
    return ids


def form(draft: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("entries/new.html", draft=draft, errors=errors, limits=LIMITS)


def errors_in(draft: dict[str, str]) -> dict[str, str]:
    """Return what the visitor should correct, by field."""
    errors = {}
    for field, limit in LIMITS.items():
        if not draft[field]:
            errors[field] = f"Please write your {field}."
        elif len(draft[field]) > limit:
            errors[field] = f"Please keep your {field} to at most {limit} characters."
    return errors


@bp.app_template_filter()
def readable(timestamp: str) -> str:
    """Turn a timestamp of the database, in UTC, into one for people."""
    moment = datetime.fromisoformat(timestamp)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
