"""Where servers answer the golden set in another way, and why microweb cannot level it out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .golden import CHUNKED
from .wire import Headers

UWSGI = "uwsgi-*"
GUNICORN = "gunicorn*"
BEHIND_NGINX = "nginx-*"
UWSGI_BEHIND_NGINX = "nginx-uwsgi*"


@dataclass(frozen=True)
class Instead:
    """What a server answers in place of what all others do.

    :ivar status: None: the same.
    :ivar says: As that of a golden request; None: a page of the server's own.
    :ivar headers: They stand in place of those of the same names; None: they are not compared.
    :ivar rest: What the server sends behind the end of the answer.
    """

    status: int | None = None
    says: Any = None
    headers: Headers | None = None
    rest: bytes = b""


#: Servers, requests, and what these servers answer to them.
Case = tuple[list[str], list[str], Instead]

#: The whole list: a reason, and the cases that it is the reason for.
DIFFERENCES: list[tuple[str, list[Case]]] = [
    (
        "wsgiref does not decode chunks, and uWSGI's router does not send them on: 411",
        [
            (
                ["wsgiref", "uwsgi-http", "uwsgi-http-keepalive"],
                [row.name for row in CHUNKED],
                Instead(411),
            )
        ],
    ),
    (
        "a client sends one header of cookies (RFC 6265 section 5.4): servers join two by a comma,"
        " at which nothing may be split, or the value of a cookie could set another one",
        [
            (
                ["wsgiref", "werkzeug", "development-server", GUNICORN, "nginx-gunicorn"],
                ["two headers of cookies"],
                Instead(says={"a": "1,b=2", "b": None}),
            ),
            (
                [UWSGI, "apache", "waitress"],
                ["two headers of cookies"],
                Instead(says={"a": None, "b": None}),
            ),
            ([UWSGI_BEHIND_NGINX], ["two headers of cookies"], Instead(says={"a": None, "b": "2"})),
        ],
    ),
    (
        "wsgiref gives every answer without a body a length of 0, which HTTP leaves to the server",
        [
            (
                ["wsgiref"],
                [
                    *("HEAD of a stream", "no content", "no content to DELETE", "not modified"),
                    *("what the client has", "a file since then", "a stream of nothing"),
                ],
                Instead(says="", headers=(("content-length", "0"),)),
            )
        ],
    ),
    (
        "nginx and Apache refuse a NUL and what is no escape; uWSGI takes the latter for a NUL",
        [
            ([BEHIND_NGINX], ["a NUL", "a NUL to nowhere", "a broken escape"], Instead(400)),
            (["apache"], ["a NUL", "a NUL to nowhere"], Instead(404)),
            (["apache"], ["a broken escape"], Instead(400)),
            ([UWSGI], ["a broken escape"], Instead(says={"path": "\0"})),
        ],
    ),
    (
        "some servers resolve dots, and some merge slashes, before they hand a path over",
        [
            (
                [UWSGI, UWSGI_BEHIND_NGINX, "apache"],
                ["dot segments"],
                Instead(200, says={"path": "/echo"}),
            ),
            ([UWSGI_BEHIND_NGINX, "apache"], ["many slashes"], Instead(200, says={"path": "a/b"})),
        ],
    ),
    (
        "uWSGI, and gunicorn on the loopback, believe the scheme of a client; nginx replaces it",
        [([UWSGI, GUNICORN], ["forwarded, the scheme"], Instead(says={"secure": True}))],
    ),
    (
        "a header that comes twice: uWSGI behind nginx knows the last, Apache joins an answer's",
        [
            ([UWSGI_BEHIND_NGINX], ["a header twice"], Instead(says=["b"])),
            (
                ["apache"],
                ["many headers in the answer"],
                Instead(says="headers", headers=(("x-many", "one, two"),)),
            ),
        ],
    ),
    (
        "granian hands over a header that is not ASCII as an empty one",
        [(["granian"], ["a header in Latin-1"], Instead(says={"X-Name": ""}))],
    ),
    (
        "waitress ends the answer to HEAD as if there had been chunks",
        [(["waitress"], ["HEAD of a stream"], Instead(says="", headers=(), rest=b"0\r\n\r\n"))],
    ),
]


def instead(server: str, request: str) -> Instead | None:
    """Return how a server differs, or None where it does not."""
    found = [
        case
        for _, cases in DIFFERENCES
        for servers, requests, case in cases
        if request in requests and any(fnmatchcase(server, name) for name in servers)
    ]
    assert len(found) <= 1, f"{server} differs in two ways at {request!r}"
    return found[0] if found else None
