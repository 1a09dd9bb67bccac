"""The application that the load is sent to; each story deploys a copy of it as app.py.

It keeps a journal of what it has really done, which no client and no proxy can tell: a request that
was answered with 502 may have been executed, and one that was repeated was executed twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from microweb import App, Response, request, session

#: What is replaced when a new release is written.
RELEASE = "1"

app = App(__name__)
app.config.update(
    SECRET_KEY="the same on every host, as the sessions are",
    MAX_CONTENT_LENGTH=600_000_000,
    SEND_FILE_MAX_AGE_DEFAULT=3_600,
)
journal = os.open(
    Path(__file__).with_name("journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode=0o600
)


def write(event: str, key: str) -> None:
    os.write(journal, f"{event} {key}\n".encode())


@app.after_request
def sign(response: Response) -> Response:
    """Let the client see that it was a worker that answered, which, and of what release."""
    response.headers["X-Worker"] = str(os.getpid())
    response.headers["X-Release"] = RELEASE
    return response


@app.get("/")
def index() -> str:
    return RELEASE


@app.get("/work")
def work() -> str:
    time.sleep(0.005)
    return RELEASE


@app.get("/slow/<key>/<float:seconds>")
def be_slow(key: str, seconds: float) -> str:
    write("begin", key)
    time.sleep(seconds)
    write("end", key)
    return RELEASE


@app.post("/orders/<key>")
def order(key: str) -> str:
    """Do what must be done once."""
    write("begin", key)
    time.sleep(0.02)
    write("end", key)
    return RELEASE


@app.post("/uploads")
def upload() -> dict[str, int]:
    size = 0
    while piece := request.stream.read(65_536):
        size += len(piece)
    return {"bytes": size}


@app.post("/small", max_content_length=1_000)
def take_a_little() -> dict[str, int]:
    return {"bytes": len(request.get_data())}


@app.get("/large")
def large() -> bytes:
    return bytes(5_000_000)


@app.get("/endless")
def endless() -> Iterator[bytes]:
    write("begin", "endless")
    try:
        while True:
            yield bytes(65_536)
    finally:
        write("end", "endless")


@app.get("/url")
def show_url() -> str:
    return request.url


@app.get("/cookies/<int:size>")
def exchange_cookies(size: int) -> Response:
    """Tell how much came, and send a pair of name, equals sign and value of as many bytes back."""
    answer = Response(str(len(request.headers.get("Cookie", ""))))
    answer.headers["Set-Cookie"] = "taste=" + "x" * (size - len("taste="))
    return answer


@app.post("/visits")
def count_visits() -> dict[str, int]:
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}


@app.get("/visits")
def show_visits() -> dict[str, int]:
    return {"visits": session.get("visits", 0)}
