"""The same small applications, once per framework.

Each module maps case names to factories in ``APPS``; a case that is not in there has no
idiomatic expression in that framework and is reported as not applicable.
"""

from __future__ import annotations

from pathlib import Path

# The URLs of the ``routes300`` case run from /section1 to /section300.
SECTIONS = range(1, 301)

SECRET_KEY = "a fixed key, because runs are to be comparable"

# Flask and microweb find these by themselves, because they are beside their module.
STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"

# What the ``page`` case lists.
HEADING = "Salt & pepper"
ITEMS = [{"name": f"<item {number}>", "price": number * 5} for number in range(1, 21)]
