"""The pages of the guestbook."""

from __future__ import annotations

import click
from werkzeug import Response
from werkzeug.datastructures import FileStorage

from microweb import Blueprint, current_app, flash, redirect, render_template, request, url_for

from . import book, csrf, journal, pictures
from .auth import login_required
from .book import ENTRY
from .db import connection

bp = Blueprint("entries", __name__, url_prefix="/entries")
bp.register_blueprint(pictures.bp)
csrf.protect(bp)


@bp.get("/")
def index() -> str:
    """Show a page of entries, all or those that contain what is searched for."""
    page = book.page(request.args.get("page", 1, type=int), request.args.get("q", ""))
    return render_template("entries/index.html", page=page)


@bp.get(ENTRY)
def show(entry_id: int) -> str:
    entry = book.find(entry_id)
    return render_template("entries/show.html", entry=entry, own=book.is_own(entry))


@bp.get("/new")
@login_required
def new() -> str:
    return form(book.draft({}), {})


@bp.post("/new", max_content_length=pictures.FORM_LIMIT)
@login_required
def create() -> Response | tuple[str, int]:
    """Store what was written, or show the form again with what is wrong with it."""
    draft, picture, errors = received()
    if errors:
        return form(draft, errors), 422
    entry_id = book.add(draft, pictures.save(picture) if picture else None)
    journal.record("wrote an entry", entry=entry_id)
    flash("Thank you. Your entry is in the guestbook.")
    return redirect(url_for(".show", entry_id=entry_id), 303)


@bp.get(f"{ENTRY}/edit")
@login_required
def edit(entry_id: int) -> str:
    entry = book.find_own(entry_id)
    return form(dict(entry), {})


@bp.post(f"{ENTRY}/edit", max_content_length=pictures.FORM_LIMIT)
@login_required
def update(entry_id: int) -> Response | tuple[str, int]:
    entry = book.find_own(entry_id)
    draft, picture, errors = received()
    if errors:
        return form({**entry, **draft}, errors), 422
    kept = None if "remove" in request.form else entry["picture"]
    book.change(entry, draft, pictures.save(picture) if picture else kept)
    journal.record("changed an entry", entry=entry_id)
    flash("Your entry has been changed.")
    return redirect(url_for(".show", entry_id=entry_id), 303)


@bp.post(f"{ENTRY}/delete")
@login_required
def delete(entry_id: int) -> Response:
    book.delete(book.find_own(entry_id))
    journal.record("deleted an entry", entry=entry_id)
    flash("Your entry has been deleted.")
    return redirect(url_for(".index"), 303)


def form(draft: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("entries/form.html", draft=draft, errors=errors, limits=book.LIMITS)


def received() -> tuple[dict[str, str], FileStorage | None, dict[str, str]]:
    """Return what the form holds: the text, the picture, and what is wrong with them."""
    draft = book.draft(request.form)
    errors = book.errors_in(draft)
    picture = None
    try:
        picture = pictures.received()
    except pictures.Refused as refused:
        errors["picture"] = str(refused)
    if errors and picture:
        # No page can fill in this field.
        errors["picture"] = "Please choose the picture again."
    return draft, picture, errors


@bp.cli.command("export")
def export() -> None:
    """Write all entries to the output, a line of JSON each."""
    columns = "id, name, message, written, edited, picture, description"
    for row in connection().execute(f"SELECT {columns} FROM entry ORDER BY id"):
        click.echo(current_app.json.dumps(dict(row)))
