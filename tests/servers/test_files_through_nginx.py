"""Files that the application names and nginx sends: `X-Accel-Redirect` to an internal location."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from . import nginx
from .client import Client
from .process import running, wait_until
from .servers import answers, free_port, uwsgi

APP = """\
from microweb import App, send_file, send_from_directory

app = App(__name__, static_folder=None)
app.config["USE_X_SENDFILE"] = True
app.config["X_ACCEL_MAPPING"] = {{{files!r}: "/internal/files"}}

@app.get("/")
def index():
    return "Hello, World!"

@app.get("/files/<path:name>")
def file(name):
    return send_from_directory({files!r}, name, max_age=60)

@app.get("/download/<path:name>")
def download(name):
    return send_file({files!r} + "/" + name, as_attachment=True)

@app.get("/elsewhere")
def elsewhere():
    return send_file(__file__)
"""

LOCATION = """\
location /internal/files/ {{
            internal;
            alias {files}/;
        }}
"""

CONTENT = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    port = free_port()
    with TemporaryDirectory(prefix="microweb-") as name:
        folder = Path(name)
        files = folder / "files"
        (files / "deep").mkdir(parents=True)
        (files / "bytes.bin").write_bytes(CONTENT)
        (files / "deep/50% grüße?#.txt").write_text("grüße")
        (files / "empty.txt").touch()
        (files / "drawing.svgz").write_bytes(b"\x1f\x8b as it is")
        (folder / "app.py").write_text(APP.format(files=str(files)))
        back = [uwsgi(), "--socket", str(folder / "s"), "--chmod-socket=666", "-w", "app:app"]
        more = LOCATION.format(files=files)
        front = nginx.command(folder, port, nginx.to_uwsgi(folder / "s"), more)
        with running(back, folder) as application, running(front, folder) as proxy:
            wait_until(lambda: answers(port), application, proxy)
            yield Client(port)


def test_nginx_sends_the_file_and_the_application_says_how(client: Client) -> None:
    answer = client.get("/files/bytes.bin")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.headers["Content-Disposition"] == "inline; filename=bytes.bin"
    # nginx makes its own of the time and the size, without those of the application.
    assert answer.headers.get_all("Content-Length") == [str(len(CONTENT))]
    assert len(answer.headers.get_all("ETag", [])) == 1
    assert "X-Accel-Redirect" not in answer.headers


def test_names_arrive_as_they_are(client: Client) -> None:
    answer = client.get("/files/deep/50%25%20gr%C3%BC%C3%9Fe%3F%23.txt")
    assert (answer.status, answer.text) == (200, "grüße")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    disposition = client.get("/download/deep/50%25%20gr%C3%BC%C3%9Fe%3F%23.txt").headers[
        "Content-Disposition"
    ]
    assert disposition.startswith("attachment; filename=")
    assert client.get("/files/empty.txt").body == b""


def test_ranges_and_head_are_nginxs(client: Client) -> None:
    answer = client.request("GET", "/files/bytes.bin", headers={"Range": "bytes=100-199"})
    assert (answer.status, answer.body) == (206, CONTENT[100:200])
    assert answer.headers["Content-Range"] == f"bytes 100-199/{len(CONTENT)}"
    (status, *headers), body = client.exchange("HEAD /files/bytes.bin HTTP/1.1")
    assert (status, body) == ("HTTP/1.1 200 OK", b"")
    assert f"Content-Length: {len(CONTENT)}" in headers
    answer = client.request("GET", "/files/bytes.bin", headers={"Range": "bytes=999999-"})
    assert answer.status == 416


def test_what_the_client_has_is_not_sent_again(client: Client) -> None:
    known = client.get("/files/bytes.bin").headers
    for name, value in [
        ("If-None-Match", known["ETag"]),
        ("If-Modified-Since", known["Last-Modified"]),
    ]:
        answer = client.request("GET", "/files/bytes.bin", headers={name: value})
        assert (answer.status, answer.body) == (304, b"")
    part = {"Range": "bytes=0-9", "If-Range": known["ETag"]}
    answer = client.request("GET", "/files/bytes.bin", headers=part)
    assert (answer.status, answer.body) == (206, CONTENT[:10])


def test_the_encoding_of_a_file_is_not_lost(client: Client) -> None:
    answer = client.get("/files/drawing.svgz")
    assert (answer.status, answer.body) == (200, b"\x1f\x8b as it is")
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "gzip"


def test_nobody_but_the_application_opens_the_location(client: Client) -> None:
    assert client.get("/internal/files/bytes.bin").status == 404
    assert client.get("/files/missing").status == 404
    assert client.get("/files/..%2Fapp.py").status == 404


def test_files_of_other_folders_come_from_the_application(client: Client) -> None:
    answer = client.get("/elsewhere")
    assert answer.status == 200
    assert "X_ACCEL_MAPPING" in answer.text
