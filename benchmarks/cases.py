"""The requests that are timed, and the one answer each of them must get."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True)
class Expected:
    """What every peer has to answer before its time counts.

    A body of ``None`` is not compared: frameworks word their error pages as they like.
    """

    status: int = 200
    text: str | None = None
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One request, described independently of the framework that serves it."""

    name: str
    title: str
    expected: Expected
    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    body: bytes = b""
    # Signed cookies differ per framework, so each peer has to be given one of its own making.
    replay_cookies: bool = False


MESSAGE = {"id": 7, "title": "Caf\u00e9", "tags": ["a", "b", "c"], "draft": False}
FORM = {"title": "Caf\u00e9 au lait", "body": "Two lines\r\nof text"}

CASES: Sequence[Case] = (
    Case("hello", "plain text", Expected(text="Hello, World!")),
    Case("json", "small JSON object", Expected(json={"message": "Hello, World!", "ok": True})),
    Case(
        "params",
        "path parameters to JSON",
        Expected(json={"name": "ada", "post_id": 42}),
        path="/user/ada/post/42",
    ),
    Case(
        "query_header",
        "query, header to JSON",
        Expected(json={"q": "caf\u00e9", "request_id": "f3a1"}),
        path="/search",
        query=urlencode({"q": "caf\u00e9", "page": "2"}),
        headers={"X-Request-Id": "f3a1"},
    ),
    Case(
        "json_echo",
        "JSON body echoed",
        Expected(json=MESSAGE),
        method="POST",
        path="/echo",
        content_type="application/json",
        body=json.dumps(MESSAGE).encode(),
    ),
    Case(
        "form",
        "two form fields to JSON",
        Expected(json=FORM),
        method="POST",
        path="/form",
        content_type="application/x-www-form-urlencoded",
        body=urlencode(FORM).encode(),
    ),
    Case(
        "session",
        "counter in a signed cookie",
        Expected(text="visit 2"),
        path="/visits",
        replay_cookies=True,
    ),
    Case(
        "cookie",
        "one cookie read, one set",
        Expected(text="dark", cookies={"seen": "yes"}),
        path="/theme",
        headers={"Cookie": "theme=dark; lang=en"},
    ),
    Case(
        "hooks",
        "3 hooks before, 3 after",
        Expected(text="6", headers={"X-First": "1", "X-Second": "2", "X-Third": "3"}),
    ),
    Case(
        "routes300",
        "297th of 300 dynamic routes",
        Expected(json={"section": 297, "item_id": 42}),
        path="/section297/item/42",
    ),
    Case("not_found", "no such URL: 404", Expected(status=404), path="/missing"),
    Case("forbidden", "view aborts: 403", Expected(status=403), path="/secret"),
    Case(
        "stream",
        "generator of ten chunks",
        Expected(text="".join(f"line {number}\n" for number in range(10))),
        path="/lines",
    ),
)
