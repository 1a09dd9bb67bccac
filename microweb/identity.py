"""The id of a request, by which what several logs and an answer say of it is found together."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from .forwarded import trusted

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: Where in the environ the id is kept, for applications that call each other and for middleware.
KEY = "microweb.request_id"

# Nothing that a log or a document would have to escape.
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id(environ: WSGIEnvironment, proxies: Any) -> str:
    """Return the id of a request; it is made when somebody asks for the first time.

    :param environ: The WSGI environ.
    :param proxies: The value of `TRUSTED_PROXIES`; the `X-Request-ID` counts where it trusts any.
    """
    if KEY not in environ:
        sent: str = environ.get("HTTP_X_REQUEST_ID", "")
        taken = sent and trusted(proxies) and _ID.fullmatch(sent)
        # Of the system, and so not the same one in two processes behind a fork.
        environ[KEY] = sent if taken else os.urandom(16).hex()
    known: str = environ[KEY]
    return known
