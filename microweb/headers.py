"""The headers of a response: what may be sent, and short roads for what mostly is."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.utils import get_content_type

Pairs = list[tuple[str, str]]


#: The header of the content types that most responses have.
CONTENT_TYPES: dict[str | None, tuple[str, str]] = {
    mimetype: ("Content-Type", get_content_type(mimetype, "utf-8"))
    for mimetype in (
        "text/html",
        "text/plain",
        "application/json",
        "application/problem+json",
    )
}


class Headers(WerkzeugHeaders):
    """Werkzeug's headers, with a shorter way to set one: ``response.headers["X-Rows"] = "7"``."""

    _list: Pairs

    def __setitem__(self, key: Any, value: Any) -> None:
        # A new name of text with a plain value is what it is about nearly always (2 µs of 3).
        if type(key) is str and type(value) is str and value.isprintable():
            size = len(key)
            for name, _ in self._list:
                if len(name) == size and name.lower() == key.lower():
                    break
            else:
                self._list.append((key, value))
                return
        super().__setitem__(key, value)

    def __eq__(self, other: object) -> bool:
        # Werkzeug's are equal to those of their own class only.
        if isinstance(other, WerkzeugHeaders):
            return WerkzeugHeaders(self) == WerkzeugHeaders(other)
        return NotImplemented

    __hash__ = None  # as Werkzeug's, which can be changed


def over(pairs: Pairs) -> Headers:
    """Return headers that are kept in this very list, which holds clean pairs.

    :param pairs: The list.
    """
    # Werkzeug's copies it, and looks at each value once more (2 µs).
    headers = Headers.__new__(Headers)
    headers._list = pairs
    return headers


def headers_of(body: bytes, mimetype: str | None) -> Pairs | None:
    """Return the headers of ``Response(body, mimetype=mimetype)``; None for a rare type.

    :param body: The body.
    :param mimetype: The content type without its charset.
    """
    kind = CONTENT_TYPES.get(mimetype)
    return None if kind is None else [kind, ("Content-Length", str(len(body)))]


def survey(headers: Pairs) -> tuple[bool, bool]:
    """Refuse headers that must not reach the wire, and tell two things about the others.

    :param headers: The headers.
    :returns: Whether one of them is `Location` or `Content-Location`, whose value may still have to
        become a URI, so that it is not looked at; and whether one is `Content-Length`.
    :raises ValueError: for what :func:`check_header` refuses.
    """
    has_location = has_length = False
    for name, value in headers:
        # These few calls of C settle what nearly all headers are (0.07 µs each).
        if value.isascii() and value.isprintable():
            if name in _ordinary:
                continue
            if name == "Content-Length":
                has_length = True
                continue
        lower = name.lower()
        if lower in _URL_HEADERS:
            has_location = True
            continue
        check_header(name, value)
        if lower == "content-length":
            has_length = True
        # Views use few names; one that makes them up must not fill the memory.
        elif len(_ordinary) < _MANY:
            _ordinary.add(name)
    return has_location, has_length


def check_header(name: str, value: str) -> None:
    """Refuse what must not reach the wire (RFC 9110 section 5.5), and what no server could send.

    :param name: The name.
    :param value: The value.
    :raises ValueError: for a name that is no token, a control character, or what is not Latin-1.
    """
    if not _TOKEN(name):
        raise ValueError(f"{name!r} cannot be the name of a header.")
    if value.isascii() and value.isprintable():
        return
    control = CONTROL(value)
    if control:
        raise ValueError(f"The header {name} has a control character in its value {value!r}.")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The header {name} has the value {value!r}, which is not Latin-1 at position"
            f" {error.start}: encode it, for example with urllib.parse.quote()."
        ) from None


#: Headers whose value Werkzeug makes a URI before it is sent.
_URL_HEADERS = frozenset(("content-location", "location"))
#: Names that were seen and found good, and that nothing depends on.
_ordinary: set[str] = set()
_MANY = 1000
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
#: Finds a control character other than the tab.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
