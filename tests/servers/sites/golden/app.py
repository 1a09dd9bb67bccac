"""The application of the server matrix: each view shows a thing that servers do in several ways."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import App, Response, make_response, redirect, request, send_file, url_for

HERE = Path(__file__).parent
if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HERE = Path(__file__).parent
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]
LETTERS = b"".join(bytes([letter]) * 1000 for letter in b"abcdefghij")

#: Which of the streams have made a step, in their order.
steps: list[str] = []

app = App(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = 5_000_000
inner = app.wsgi_app


def with_a_prefix(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same once more, as if a server had it under a prefix."""
    if environ["PATH_INFO"].startswith("/mounted"):
        environ["SCRIPT_NAME"] = "/mounted"
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/mounted")
    return inner(environ, start_response)


app.wsgi_app = with_a_prefix  # type: ignore[method-assign]  # as middleware goes on


@app.get("/")
def index() -> str:
    return "Hello, World!"


@app.route("/echo", methods=EVERY_METHOD)
def echo() -> dict[str, Any]:
    """What came, as this application sees it."""
    data = request.get_data()
    return {
        "method": request.method,
        "path": request.path,
        "root": request.root_path,
        "args": request.args.to_dict(flat=False),
        "size": len(data),
        "body": data.decode() if len(data) < 100 else data[:10].decode(),
    }


@app.route("/length", methods=["GET", "POST"])
def length() -> dict[str, Any]:
    return {
        "length": request.content_length,
    }


@app.get("/path/<path:path>")
def path(path: str) -> dict[str, str]:
    return {"path": path, "url": request.url}


@app.get("/slash/")
def slash() -> str:
    return "with a slash"


@app.post("/form")
def form() -> dict[str, Any]:
    return {"form": request.form.to_dict(flat=False), "files": sorted(request.files)}


@app.post("/lines")
def lines() -> list[str]:
    return [line.decode() for line in request.stream]


@app.post("/unread")
def unread() -> str:
    return "not read"


@app.post("/small")
def small() -> str:
    request.max_content_length = 10
    return request.get_data(as_text=True)


# --- headers and cookies


@app.get("/header/<name>")
def header(name: str) -> dict[str, str | None]:
    return {name: request.headers.get(name)}


@app.get("/listed/<name>")
def listed(name: str) -> list[str]:
    """The members of a header that is a list (RFC 9110 section 5.6.1)."""
    return [member.strip() for member in request.headers.get(name, "").split(",")]


@app.get("/size/<name>")
def size(name: str) -> dict[str, int]:
    return {name: len(request.headers.get(name, ""))}


@app.get("/host")
def host() -> dict[str, Any]:
    return {"host": request.host, "scheme": request.scheme, "url": request.url}


@app.get("/client")
def client() -> dict[str, Any]:
    return {"address": request.remote_addr, "secure": request.is_secure, "root": request.root_path}


@app.get("/cookies")
def cookies() -> dict[str, str]:
    return request.cookies.to_dict()


@app.get("/cookies/set")
def set_cookies() -> Response:
    response = make_response("three cookies")
    response.set_cookie("first", "1")
    response.set_cookie("second", "with a space", httponly=True, samesite="Lax")
    response.set_cookie("third", "x" * 3900)
    return response


@app.get("/many")
def many() -> Response:
    response = make_response("headers")
    response.headers.add("X-Many", "one")
    response.headers.add("X-Many", "two")
    response.headers["X-Large"] = "y" * 3000
    return response


# --- statuses


@app.route("/status/<int:code>", methods=["GET", "DELETE"])
def status(code: int) -> tuple[str, int]:
    return ("" if code in (204, 304) else f"status {code}"), code


@app.get("/redirect")
def redirected() -> WerkzeugResponse:
    return redirect(url_for("path", path="ü/ä b"))


@app.get("/redirect/external")
def redirected_outside() -> WerkzeugResponse:
    return redirect("https://example.com/grüße?q=ß")


# --- files and streams


@app.get("/file")
def file() -> Response:
    return send_file(HERE / "letters.txt")


@app.get("/download")
def download() -> Response:
    return send_file(HERE / "letters.txt", as_attachment=True, download_name="grüße.txt")


@app.get("/tagged")
def tagged() -> Response:
    response = make_response("tagged")
    response.set_etag("abc")
    return response.make_conditional(request)


@app.route("/stream", methods=["GET", "POST"])
def stream() -> Iterator[str]:
    yield request.get_data(as_text=True)
    yield from ("one ", "", "two ")
    yield request.path


@app.get("/stream/sized")
def sized_stream() -> Response:
    pieces = (LETTERS[start : start + 1000] for start in range(0, len(LETTERS), 1000))
    return Response(pieces, headers={"Content-Length": str(len(LETTERS))})


@app.get("/stream/empty")
def empty_stream() -> Iterator[str]:
    yield from ()


@app.get("/stream/mine/<int:number>")
def my_stream(number: int) -> Iterator[str]:
    """Pieces that each say which request they belong to, while others go on between them."""
    for _ in range(int(request.args["steps"])):
        pause()
        steps.append(str(number))
        yield f"{request.view_args == {'number': number}} "


@app.get("/order")
def order() -> list[str]:
    """Return which streams have made a step, one after the other."""
    return steps


def pause() -> None:
    """Wait as the server wants it done, so that it can turn to other requests."""
    uwsgi: Any = sys.modules.get("uwsgi")
    if uwsgi is not None and "async" in uwsgi.opt:
        uwsgi.async_sleep(0.001)
    else:
        time.sleep(0.001)


@app.get("/endless/<name>")
def endless(name: str) -> Iterator[bytes]:
    """More than any client reads; a file is the sign that it has ended, in its own request."""
    try:
        while True:
            yield b"x" * 65_536
    finally:
        Path(os.environ["GOLDEN_FOLDER"], name).write_text(request.path)


# --- errors


@app.get("/fails")
def fails() -> str:
    raise RuntimeError("on purpose")


@app.get("/fails/at-first")
def fails_at_first() -> Iterator[str]:
    raise RuntimeError("on purpose")
    yield ""


@app.get("/fails/midway")
def fails_midway() -> Iterator[str]:
    yield "the beginning"
    time.sleep(0.1)  # granian sends it from another thread, and might have cut the connection first
    raise RuntimeError("on purpose")


@app.get("/fails/midway/sized")
def fails_midway_although_sized() -> Response:
    return Response(fails_midway(), headers={"Content-Length": "1000"})
