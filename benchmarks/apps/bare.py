"""The least Python that gives each case's answer: the floor under every framework.

No routing beyond the case's own URL, no safety net, nothing anyone would want to maintain.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from benchmarks.apps import SECTIONS, STATIC
from benchmarks.tasks import task

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Header = tuple[str, str]


def send(
    start_response: StartResponse, status: str, text: str, *headers: Header
) -> Sequence[bytes]:
    body = text.encode()
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            *headers,
        ],
    )
    return [body]


def send_json(start_response: StartResponse, value: object) -> Sequence[bytes]:
    body = jsonlib.dumps(value).encode()
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


def read_body(environ: WSGIEnvironment) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return body


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/":
        return send(start_response, "404 Not Found", "Not Found")
    return send(start_response, "200 OK", "Hello, World!")


def json(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return send_json(start_response, {"message": "Hello, World!", "ok": True})


def params(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    _, _, name, _, post_id = environ["PATH_INFO"].split("/")
    return send_json(start_response, {"name": name, "post_id": int(post_id)})


def query_header(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    query = parse_qs(environ["QUERY_STRING"])
    return send_json(
        start_response, {"q": query["q"][0], "request_id": environ["HTTP_X_REQUEST_ID"]}
    )


def json_echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return send_json(start_response, jsonlib.loads(read_body(environ)))


def form(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    fields = parse_qs(read_body(environ).decode())
    return send_json(start_response, {"title": fields["title"][0], "body": fields["body"][0]})


def cookie(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    cookies = dict(pair.split("=", 1) for pair in environ["HTTP_COOKIE"].split("; "))
    return send(start_response, "200 OK", cookies["theme"], ("Set-Cookie", "seen=yes; Path=/"))


def build_routes300() -> WSGIApplication:
    sections = {f"section{section}": section for section in SECTIONS}

    def routes300(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        _, name, _, item_id = environ["PATH_INFO"].split("/")
        return send_json(start_response, {"section": sections[name], "item_id": int(item_id)})

    return routes300


def forbidden(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return send(start_response, "403 Forbidden", "Forbidden")


def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    for number in range(10):
        yield f"line {number}\n".encode()


def url_for(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return send_json(start_response, {"urls": [f"/post/{number}" for number in range(10)]})


def static(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    name = environ["PATH_INFO"].rpartition("/")[2]
    body = (STATIC / name).read_bytes()
    headers = [("Content-Type", "text/css"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


def build_background() -> WSGIApplication:
    executor = ThreadPoolExecutor()

    def background(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        executor.submit(task)
        return send(start_response, "202 Accepted", "accepted")

    return background


def always(app: WSGIApplication) -> Callable[[], WSGIApplication]:
    return lambda: app


# What is missing here is what there is nothing in WSGI to express with.
APPS = {
    "hello": always(hello),
    "json": always(json),
    "params": always(params),
    "query_header": always(query_header),
    "json_echo": always(json_echo),
    "form": always(form),
    "cookie": always(cookie),
    "routes300": build_routes300,
    "not_found": always(hello),
    "forbidden": always(forbidden),
    "stream": always(stream),
    "url_for": always(url_for),
    "static": always(static),
    "background": build_background,
}
