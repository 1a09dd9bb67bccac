"""The same small applications, once per framework.

Each module maps case names to factories in ``APPS``; a case that is not in there has no
idiomatic expression in that framework and is reported as not applicable.
"""

from __future__ import annotations

# The URLs of the ``routes300`` case run from /section1 to /section300.
SECTIONS = range(1, 301)

SECRET_KEY = "a fixed key, because runs are to be comparable"
