"""The requests that are timed, and the one answer each of them must get."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from random import Random
from urllib.parse import urlencode

from benchmarks.apps import HEADING, ITEMS, STATIC


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
    # Each request begins a task (`benchmarks.tasks`), whose end belongs to the time of the request.
    begins_task: bool = False


def _page() -> str:
    """What the templates of the `page` case come to."""
    rows = [
        f'<li class="{"even" if index % 2 else "odd"}">{escape(str(item["name"]))}: '
        f"{item['price']}</li>\n  "
        for index, item in enumerate(ITEMS)
    ]
    heading = escape(HEADING)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n  <meta charset="utf-8">\n'
        f"  <title>{heading}: {len(ITEMS)} items</title>\n</head>\n<body>\n  <h1>{heading}</h1>\n"
        f"  <ul>\n  {''.join(rows)}</ul>\n</body>\n</html>"
    )


def _multipart(title: str, file_name: str, content: bytes) -> bytes:
    return b"\r\n".join(
        [
            f"--{BOUNDARY}".encode(),
            b'Content-Disposition: form-data; name="title"',
            b"",
            title.encode(),
            f"--{BOUNDARY}".encode(),
            f'Content-Disposition: form-data; name="photo"; filename="{file_name}"'.encode(),
            b"Content-Type: image/jpeg",
            b"",
            content,
            f"--{BOUNDARY}--".encode(),
            b"",
        ]
    )


MESSAGE = {"id": 7, "title": "Caf\u00e9", "tags": ["a", "b", "c"], "draft": False}
FORM = {"title": "Caf\u00e9 au lait", "body": "Two lines\r\nof text"}
BOUNDARY = "----geckoformboundary4b5c2f0a9d7e1c38"
# Random, because a picture is: parsers that look for line ends find as many as there.
PHOTO = Random(7).randbytes(1_000_000)

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
    Case(
        "url_for",
        "ten URLs built, as JSON",
        Expected(json={"urls": [f"/post/{number}" for number in range(10)]}),
    ),
    Case("page", "page of 20 rows, Jinja", Expected(text=_page())),
    Case(
        "static",
        "static file of 10 KB",
        Expected(text=(STATIC / "site.css").read_text(encoding="utf-8")),
        path="/static/site.css",
    ),
    Case(
        "upload",
        "multipart file of 1 MB",
        Expected(json={"name": "photo.jpg", "size": len(PHOTO), "title": FORM["title"]}),
        method="POST",
        path="/upload",
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        body=_multipart(FORM["title"], "photo.jpg", PHOTO),
    ),
    Case(
        "error_handler",
        "own exception to JSON 409",
        Expected(status=409, json={"error": "out of stock", "item_id": 42}),
        path="/order/42",
    ),
    Case(
        "nested",
        "blueprint in a blueprint",
        Expected(
            json={"item_id": 42, "path": ["app", "shop", "cart"]},
            headers={"X-App": "1", "X-Shop": "2", "X-Cart": "3"},
        ),
        path="/shop/cart/42",
    ),
    Case("async_view", "async def view", Expected(text="Hello, World!")),
    Case(
        "background",
        "task after the answer",
        Expected(status=202, text="accepted"),
        method="POST",
        path="/orders",
        begins_task=True,
    ),
    Case(
        "signal",
        "receiver of request_finished",
        Expected(text="Hello, World!", headers={"X-Finished": "1"}),
    ),
    Case(
        "method_view",
        "class with get and post",
        Expected(json={"item_id": 42}),
        path="/items/42",
    ),
)
