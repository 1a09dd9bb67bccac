"""Text as visitors send it, and as people read it."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from markupsafe import Markup, escape

# Formats such as the direction of writing, controls, halves of characters, and what only its
# owner knows the look of.
HIDDEN_CATEGORIES = {"Cf", "Cc", "Cs", "Co"}

# What Unicode counts as letters, marks or symbols, or keeps free, although nothing is to be seen.
HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U000e0000-\U000e0fff]"
)


def storable(text: str) -> str:
    """Replace what no database takes: halves of characters, which JSON can hold."""
    return text.encode(errors="replace").decode()


def one_line(text: str) -> str:
    return " ".join(storable(text).split())


def many_lines(text: str) -> str:
    # Browsers send the two characters CR LF where the visitor typed one line break.
    return storable(text).replace("\r\n", "\n").strip()


def has_hidden(text: str) -> bool:
    """Whether a text has characters that cannot be seen, besides blanks."""
    return HIDDEN.search(text) is not None or any(
        unicodedata.category(char) in HIDDEN_CATEGORIES and not char.isspace() for char in text
    )


def name_key(name: str) -> str:
    """Return what names have in common that only differ in capitals, blanks or forms of letters.

    It does not know that letters of different scripts can look the same, such as the Cyrillic and
    the Latin a: whoever wants to be mistaken for somebody else still finds a way.
    """
    folded = unicodedata.normalize("NFKC", one_line(name)).casefold()
    # Folding can take letters apart that the first step has put together.
    return unicodedata.normalize("NFKC", folded)


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
