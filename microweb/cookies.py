"""The line of a `Set-Cookie` header, put together directly where nothing in it has to be quoted.

Werkzeug's `dump_cookie` writes any cookie, and takes 11 µs for it. The attributes of an
application's cookies are the same again and again, so that here they are written once; what is left
is one look at the name and one at the value (1 µs).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from time import time

from werkzeug.http import dump_cookie, http_date


def plain_cookie(
    key: str,
    value: str,
    max_age: timedelta | int | None = None,
    expires: str | datetime | int | float | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = None,
    partitioned: bool = False,
) -> str | None:
    """Return the value of a `Set-Cookie` header (RFC 6265 section 4.1), clean for the wire.

    :param key: The name of the cookie.
    :param value: The value; the other parameters are those of `Response.set_cookie`.
    :returns: None where something must be quoted or refused, which Werkzeug's function does.
    :raises ValueError: for another `samesite` than "Strict", "Lax" and "None".

    >>> plain_cookie("seen", "yes", httponly=True)
    'seen=yes; HttpOnly; Path=/'
    """
    if type(key) is not str or not key.isascii() or not key.isprintable() or not _UNQUOTED(value):
        return None
    if max_age is not None or expires is not None:
        if isinstance(max_age, timedelta):
            max_age = int(max_age.total_seconds())
        if expires is None and type(max_age) is int:
            expires = int(time()) + max_age
        if type(expires) is not str:
            if type(expires) is not int and getattr(expires, "tzinfo", None) is not timezone.utc:
                return None
            expires = _date(expires)
    attributes = _attributes(
        max_age, expires, path, domain, secure, httponly, samesite, partitioned
    )
    return None if attributes is None else f"{key}={value}{attributes}"


#: All characters of a value that Werkzeug does not quote.
_UNQUOTED = re.compile(r"[\w!#$%&'()*+\-./:<=>?@[\]^`{|}~]*", re.ASCII).fullmatch

# The dates of one second are the same (6 µs). Equal dates of other zones can be different hours.
_date = lru_cache(maxsize=32)(http_date)


@lru_cache(maxsize=128, typed=True)  # typed, because a flag that is 1 is written as one
def _attributes(
    max_age: int | None,
    expires: str | None,
    path: str | None,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: str | None,
    partitioned: bool,
) -> str | None:
    """Return what follows the value, or None where it must not reach the wire."""
    text = dump_cookie(
        "name",
        "value",
        max_age=max_age,
        expires=expires,
        path=path,
        domain=domain,
        secure=secure,
        httponly=httponly,
        max_size=0,
        samesite=samesite,
        partitioned=partitioned,
    ).removeprefix("name=value")
    return text if text.isascii() and text.isprintable() else None
