"""The least Python that answers: the unit of every other figure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/":
        content_type, body = TEXT, b"Hello, World!"
    elif path == "/json":
        content_type, body = JSON, json.dumps({"message": "Hello, World!", "ok": True}).encode()
    else:
        _, _, name, _, post_id = path.split("/")
        content_type = JSON
        body = json.dumps({"name": name, "post_id": int(post_id)}).encode()
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
