"""What proxies say of a request, where they are trusted: `X-Forwarded-For` and its like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: What each key of a mapping trusts: the names are those of Werkzeug's `ProxyFix`.
HEADERS = {
    "x_for": "X-Forwarded-For",
    "x_proto": "X-Forwarded-Proto",
    "x_host": "X-Forwarded-Host",
    "x_port": "X-Forwarded-Port",
    "x_prefix": "X-Forwarded-Prefix",
}

#: What Werkzeug's `ProxyFix` leaves behind in an environ that it has corrected.
CORRECTED = "werkzeug.proxy_fix.orig"


def correction(proxies: Any) -> Callable[[WSGIEnvironment], None] | None:
    """Return what corrects an environ by the headers of trusted proxies: Werkzeug's `ProxyFix`.

    `TRUSTED_PROXIES` says how many proxies stand before the application, each of which appends a
    value: a number counts for the client's address and the scheme, which practically all proxies
    set. The host, port and prefix take a mapping, because a proxy that does not set a header
    passes on the client's, who could so choose the host of the URLs that the application builds. A
    header that the mapping does not name is ignored.

    uWSGI takes the scheme from the `X-Forwarded-Proto` of any client by itself, whatever is said
    here: let the proxy before it set the header (nginx: ``uwsgi_param HTTP_X_FORWARDED_PROTO
    $scheme;``).

    :param proxies: The value of `TRUSTED_PROXIES`, checked.
    :returns: None where no header is trusted.

    .. code-block:: python

        app.config["TRUSTED_PROXIES"] = 1  # nginx: X-Forwarded-For and X-Forwarded-Proto
        app.config["TRUSTED_PROXIES"] = {"x_for": 2, "x_proto": 1, "x_host": 1}
    """
    counts = trusted(proxies)
    if not counts:
        return None
    from werkzeug.middleware.proxy_fix import ProxyFix

    fix = ProxyFix(lambda environ, start_response: (), **{**dict.fromkeys(HEADERS, 0), **counts})

    def correct(environ: WSGIEnvironment) -> None:
        # Only once, where one application calls another one, or the same middleware is around it.
        if CORRECTED not in environ:
            fix(environ, _start_nothing)

    return correct


def trusted(proxies: Any) -> dict[str, int]:
    """Return how many proxies are trusted for each header; nothing for one that is ignored.

    :param proxies: The value of `TRUSTED_PROXIES`.

    >>> trusted(1), trusted({"x_for": 2, "x_proto": 0}), trusted(None)
    ({'x_for': 1, 'x_proto': 1}, {'x_for': 2}, {})
    """
    counts = proxies if isinstance(proxies, Mapping) else {"x_for": proxies, "x_proto": proxies}
    return {header: count for header, count in counts.items() if count}


def _start_nothing(*args: Any) -> Any:
    """Stand in for a `start_response` that nobody calls."""


def can_be_trusted(proxies: Any) -> bool:
    """Whether a number or a mapping can be the value of `TRUSTED_PROXIES`.

    :param proxies: The number or the mapping.
    """
    counts = proxies.values() if isinstance(proxies, Mapping) else (proxies,)
    return all(type(count) is int and count >= 0 for count in counts) and (
        not isinstance(proxies, Mapping) or set(proxies) <= set(HEADERS)
    )


#: What to write, where it is neither.
REMEDY = (
    "write how many proxies are trusted, such as 1, or how many for each header, such as"
    f" {{'x_for': 1, 'x_host': 1}}; the headers are {', '.join(HEADERS)}"
)
