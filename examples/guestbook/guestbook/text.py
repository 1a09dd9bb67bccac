"""Text as visitors send it, and as people read it."""

from __future__ import annotations

import re
from datetime import datetime

from markupsafe import Markup, escape


def storable(text: str) -> str:
    """Replace what no database takes: halves of characters, which JSON can hold."""
    return text.encode(errors="replace").decode()


def one_line(text: str) -> str:
    return " ".join(storable(text).split())


def many_lines(text: str) -> str:
    # Browsers send the two characters CR LF where the visitor typed one line break.
    return storable(text).replace("\r\n", "\n").strip()


def readable(timestamp: str) -> str:
    """Turn a timestamp of the database, in UTC, into one for people."""
    moment = datetime.fromisoformat(timestamp)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def marked(text: str, words: str) -> Markup:
    """Mark what was searched for in a text."""
    if not words:
        return escape(text)
    # The capturing group keeps what it splits at: every second part is a match.
    parts = re.split(f"({re.escape(words)})", text, flags=re.IGNORECASE)
    mark = Markup("<mark>{}</mark>")
    return Markup("").join(mark.format(part) if i % 2 else part for i, part in enumerate(parts))
