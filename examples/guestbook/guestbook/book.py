"""The book itself: reading, searching and changing its entries, for the pages and the API."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from microweb import abort, current_app, g

from . import pictures
from .db import connection
from .text import many_lines, one_line

# The longest message, and description of a picture, in characters.
LIMITS = {"message": 2000, "description": 200}

# A larger number cannot be the id of a row, and SQLite would refuse to look for it.
ENTRY = f"/<int(max={2**63 - 1}):entry_id>"

# How many pages are linked on either side of the one that is shown.
NEIGHBOURS = 2


@dataclass(frozen=True)
class Page:
    """Some of the entries, the newest first."""

    number: int
    pages: int
    total: int
    words: str
    entries: list[sqlite3.Row]

    @property
    def numbers(self) -> Iterator[int | None]:
        """The pages to link to: the first, the last and those around this one; None is a gap."""
        around = range(self.number - NEIGHBOURS, self.number + NEIGHBOURS + 1)
        numbers = sorted({1, self.pages, *(n for n in around if 1 <= n <= self.pages)})
        for before, number in zip([0, *numbers], numbers, strict=False):
            if number > before + 1:
                yield None
            yield number


def page(number: int, words: str = "") -> Page:
    """Return a page of the entries, all or those that contain some words."""
    size: int = current_app.config["ENTRIES_PER_PAGE"]
    words = one_line(words)
    where = "WHERE instr(casefold(name || char(10) || message), casefold(:words))" if words else ""
    count = connection().execute(f"SELECT count(*) FROM entry {where}", {"words": words})
    (total,) = count.fetchone()
    pages = max(1, ceil(total / size))
    if not 1 <= number <= pages:
        abort(404, f"There is no page {number}: the last one is page {pages}.")
    rows = connection().execute(
        f"SELECT * FROM entry {where} ORDER BY id DESC LIMIT :size OFFSET :start",
        {"words": words, "size": size, "start": (number - 1) * size},
    )
    return Page(number, pages, total, words, rows.fetchall())


def find(entry_id: int) -> sqlite3.Row:
    row: sqlite3.Row | None = (
        connection().execute("SELECT * FROM entry WHERE id = ?", (entry_id,)).fetchone()
    )
    if row is None:
        abort(404, "There is no such entry. Perhaps its author has deleted it.")
    return row


def is_own(entry: sqlite3.Row) -> bool:
    return g.user is not None and entry["user_id"] == g.user.id


def find_own(entry_id: int) -> sqlite3.Row:
    entry = find(entry_id)
    if not is_own(entry):
        abort(403, "Only the author of an entry can change or delete it.")
    return entry


def draft(values: dict[str, Any]) -> dict[str, str]:
    """Return the text of an entry as it would be stored."""
    return {
        "message": many_lines(values.get("message", "")),
        "description": one_line(values.get("description", "")),
    }


def errors_in(draft: dict[str, str]) -> dict[str, str]:
    """Return what the visitor should correct, by field."""
    errors = {
        field: f"Please keep your {field} to at most {limit} characters."
        for field, limit in LIMITS.items()
        if len(draft[field]) > limit
    }
    if not draft["message"]:
        errors["message"] = "Please write your message."
    return errors


def add(draft: dict[str, str], picture: str | None = None) -> int:
    with connection() as db:
        entry_id = db.execute(
            "INSERT INTO entry (user_id, name, message, picture, description)"
            " VALUES (:user_id, :name, :message, :picture, :description)",
            {**draft, "user_id": g.user.id, "name": g.user.name, "picture": picture},
        ).lastrowid
    assert entry_id is not None
    return entry_id


def change(entry: sqlite3.Row, draft: dict[str, str], picture: str | None) -> None:
    with connection() as db:
        db.execute(
            "UPDATE entry SET message = :message, description = :description, picture = :picture,"
            " edited = CURRENT_TIMESTAMP WHERE id = :id",
            {**draft, "picture": picture, "id": entry["id"]},
        )
    if entry["picture"] != picture:
        pictures.remove(entry["picture"])


def delete(entry: sqlite3.Row) -> None:
    with connection() as db:
        db.execute("DELETE FROM entry WHERE id = ?", (entry["id"],))
    pictures.remove(entry["picture"])
