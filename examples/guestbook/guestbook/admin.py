"""What administrators see: the accounts, what happened lately, and any entry to delete."""

from __future__ import annotations

from werkzeug import Response

from microweb import Blueprint, abort, current_app, flash, g, redirect, render_template, url_for

from . import book, csrf, journal, users
from .auth import to_login

bp = Blueprint("admin", __name__, url_prefix="/admin")
csrf.protect(bp)


# A hook and not a decorator on each view, which somebody could forget.
@bp.before_request
def admins_only() -> Response | None:
    if g.user is None:
        return to_login()
    if not g.user.admin:
        abort(403, "This page is for administrators.")
    return None


@bp.get("/")
def index() -> str:
    lines = journal.latest(current_app, 20)
    return render_template("admin/index.html", users=users.everybody(), lines=lines)


@bp.post(f"/entries{book.ENTRY}/delete")
def delete(entry_id: int) -> Response:
    book.delete(book.find(entry_id))
    journal.record("deleted somebody's entry", entry=entry_id)
    flash("The entry has been deleted.")
    return redirect(url_for("entries.index"), 303)
