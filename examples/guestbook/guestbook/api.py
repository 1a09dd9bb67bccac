"""The entries for programs: JSON under /api, with errors as problem details (RFC 9457)."""

from __future__ import annotations

import sqlite3
from typing import Any

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException, UnprocessableEntity

from microweb import Blueprint, Response, abort, g, jsonify, request, url_for

from . import book, journal, users
from .book import ENTRY

bp = Blueprint("api", __name__, url_prefix="/api")

# No token against forgery is needed here: with this site's cookie a page of another site can send
# neither a DELETE nor the type of JSON, unless this site would tell browsers to allow it.


class Invalid(UnprocessableEntity):
    """A document that is JSON, but not of an entry.

    :ivar errors: What is wrong, by the place in the document (a JSON pointer, RFC 6901).
    """

    description = "The entry has errors."

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


@bp.errorhandler(HTTPException)
def problem(error: HTTPException) -> Response:
    """Tell programs of an error in their language, keeping its status and headers."""
    document: dict[str, Any] = {
        "title": error.name,
        "status": error.code,
        "detail": error.description,
    }
    if isinstance(error, Invalid):
        document["errors"] = [
            {"pointer": f"#{pointer}", "detail": detail} for pointer, detail in error.errors.items()
        ]
    response = jsonify(document)
    response.status_code = error.code or 500
    response.headers.extend(error.get_headers())
    response.content_type = "application/problem+json"
    return response


@bp.before_request
def know_by_token() -> None:
    """Let a token stand for its account; without one the session counts, as on the pages."""
    if request.authorization is not None:
        g.user = users.by_token(request.authorization.token or "")
        if g.user is None:
            unauthorized("This token is not valid, or not any more.")


@bp.get("/entries")
def index() -> Response:
    page = book.page(request.args.get("page", 1, type=int), request.args.get("q", ""))
    has_more = page.number < page.pages
    response = jsonify(
        entries=[public(entry) for entry in page.entries],
        total=page.total,
        next=url_for(".index", q=page.words or None, page=page.number + 1) if has_more else None,
    )
    response.add_etag()
    return response.make_conditional(request)


@bp.get(f"/entries{ENTRY}")
def show(entry_id: int) -> dict[str, Any]:
    return public(book.find(entry_id))


@bp.post("/entries")
def create() -> tuple[dict[str, Any], int, dict[str, str]]:
    require_user()
    entry_id = book.add(valid(request.get_json()))
    journal.record("wrote an entry", entry=entry_id)
    entry = public(book.find(entry_id))
    return entry, 201, {"Location": entry["url"]}


@bp.delete(f"/entries{ENTRY}")
def delete(entry_id: int) -> tuple[str, int]:
    require_user()
    book.delete(book.find_own(entry_id))
    journal.record("deleted an entry", entry=entry_id)
    return "", 204


def require_user() -> None:
    if g.user is None:
        unauthorized("Send a token: Authorization: Bearer <token>. Your account page draws one.")


def unauthorized(description: str) -> None:
    abort(401, description, www_authenticate=WWWAuthenticate("bearer"))


def valid(document: Any) -> dict[str, str]:
    """Return the text of the entry that a document holds."""
    if not isinstance(document, dict):
        raise Invalid({"": "An entry is an object."})
    if not isinstance(document.get("message", ""), str):
        raise Invalid({"/message": "The message must be text."})
    draft = book.draft(document)
    errors = {f"/{name}": "There is no such member." for name in document.keys() - {"message"}}
    errors |= {f"/{name}": error for name, error in book.errors_in(draft).items()}
    if errors:
        raise Invalid(errors)
    return draft


def public(entry: sqlite3.Row) -> dict[str, Any]:
    """Return what programs learn about an entry."""
    picture = entry["picture"]
    return {
        "id": entry["id"],
        "url": url_for("api.show", entry_id=entry["id"]),
        "name": entry["name"],
        "message": entry["message"],
        "written": f"{entry['written']}Z".replace(" ", "T"),
        "picture": picture and url_for("entries.pictures.show", name=picture),
        "description": entry["description"],
    }
