"""Proxy headers, request ids, the access log and health with real servers."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from . import nginx
from .client import HOST, Client
from .process import Process, running, wait_until
from .programs import program
from .servers import answers, free_port, uwsgi

APP = """\
from pathlib import Path

from microweb import App, request

app = App(__name__, static_folder=None)
app.config.from_prefixed_env()
app.health_routes()

@app.before_serving
def start():
    if Path("broken").exists():
        raise ConnectionError("no database")

@app.health_check
def database():
    return not Path("database-is-away").exists()

@app.get("/")
def index():
    return ""

@app.get("/seen/<name>")
def seen(name):
    return {
        "address": request.remote_addr,
        "scheme": request.scheme,
        "host": request.host,
        "id": request.id,
    }

@app.get("/endless")
def endless():
    while True:
        yield "x" * 1000

@app.get("/broken")
def broken():
    raise LookupError("so it goes")
"""

#: What a client sends who wants to be somebody else.
FORGED = {
    "X-Forwarded-For": "192.0.2.66",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Request-ID": "forged",
}

#: What makes a proxy one that can be trusted.
SETS = """\
uwsgi_param HTTP_X_FORWARDED_FOR $proxy_add_x_forwarded_for;
uwsgi_param HTTP_X_REQUEST_ID $request_id;
uwsgi_pass"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@contextmanager
def uwsgi_behind_nginx(site: Path, *options: str) -> Iterator[tuple[Client, Process]]:
    port = free_port()
    settings = {"MICROWEB_TRUSTED_PROXIES": "1", "MICROWEB_ACCESS_LOG": "json"}
    # pytest's own temporary folders can be too deep for the name of a unix socket: 107 bytes.
    with TemporaryDirectory(prefix="microweb-") as folder:
        path = Path(folder, "app.sock")
        front = nginx.command(Path(folder), port, nginx.to_uwsgi(path))
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(configuration.read_text().replace("uwsgi_pass", SETS))
        back = [uwsgi(), "--socket", str(path), "--chmod-socket=666", "-w", "app:app", "--need-app"]
        with (
            running([*back, "--master", "--die-on-term", *options], site, settings) as application,
            running(front, Path(folder)) as proxy,
        ):
            wait_until(lambda: answers(port), application, proxy)
            yield Client(port), application


@contextmanager
def gunicorn(site: Path, *options: str) -> Iterator[tuple[Client, Process]]:
    port = free_port()
    command = [program("gunicorn", "pip install -e '.[dev]'"), "--bind", f"{HOST}:{port}"]
    with running([*command, *options, "app:app"], site, {"MICROWEB_ACCESS_LOG": "json"}) as process:
        wait_until(lambda: answers(port), process)
        yield Client(port), process


def lines(process: Process, path: str) -> list[dict[str, Any]]:
    """The documents in the log of a server that are about a path."""
    texts = [text for text in process.log().splitlines() if text.startswith('{"time"')]
    documents = map(json.loads, texts)
    return [document for document in documents if document["path"] == path]


def test_behind_nginx_the_forged_headers_of_a_client_do_not_count(site: Path) -> None:
    with uwsgi_behind_nginx(site, "--disable-logging") as (client, process):
        answer = client.request("GET", "/seen/one?token=secret", headers=FORGED)
        seen = answer.json
        assert (seen["address"], seen["scheme"]) == (HOST, "http")
        assert seen["host"] == f"{HOST}:{client.port}"
        assert re.fullmatch("[0-9a-f]{32}", seen["id"])
        wait_until(lambda: lines(process, "/seen/one") != [], process)
        (line,) = lines(process, "/seen/one")
        assert 0 < line.pop("ms") < 20_000
        assert line.pop("time")
        assert line == {
            "client": HOST,
            "method": "GET",
            "path": "/seen/one",
            "route": "/seen/<name>",
            "status": 200,
            "bytes": len(answer.body),
            "request_id": seen["id"],
            "end": "complete",
        }
        assert "secret" not in process.log()


def test_behind_nginx_an_error_has_one_id_in_its_document_and_in_both_logs(site: Path) -> None:
    with uwsgi_behind_nginx(site, "--disable-logging") as (client, process):
        problem = client.request("GET", "/broken", headers={"Accept": "application/json"}).json
        wait_until(lambda: lines(process, "/broken") != [], process)
        assert problem["status"] == 500
        assert [line["request_id"] for line in lines(process, "/broken")] == [problem["request_id"]]
        error = f" [{problem['request_id']}] ERROR in handling: Exception on /broken [GET]\n"
        assert process.log().count(error) == 1


def test_uwsgis_own_lines_are_enough_and_one_warning_in_each_process_says_so(site: Path) -> None:
    with uwsgi_behind_nginx(site) as (client, process):
        for _ in range(3):
            assert client.get("/seen/one").status == 200
        wait_until(lambda: process.log().count("GET /seen/one") == 3, process)
        assert lines(process, "/seen/one") == []
        warning = "ACCESS_LOG is 'json', and has no effect: uWSGI writes a line"
        assert process.log().count(warning) == 1


@pytest.mark.parametrize("muted", [False, True])
def test_the_development_server_or_the_access_log_writes_a_line(site: Path, muted: bool) -> None:
    port = free_port()
    mute = "import logging; logging.getLogger('werkzeug').setLevel('ERROR'); " if muted else ""
    command = [sys.executable, "-c", f"{mute}from app import app; app.run(port={port})"]
    with running(command, site, {"MICROWEB_ACCESS_LOG": "json"}) as process:
        wait_until(lambda: answers(port), process)
        assert Client(port).get("/seen/one").status == 200
        wait_until(lambda: "/seen/one" in process.log(), process)
        assert len(lines(process, "/seen/one")) == muted
        assert process.log().count("/seen/one") == 1


def test_a_client_that_goes_cuts_the_stream_and_the_line_says_so(site: Path) -> None:
    with gunicorn(site) as (client, process):
        with socket.create_connection((HOST, client.port), timeout=20) as connection:
            connection.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert len(connection.recv(5000)) > 0
        wait_until(lambda: lines(process, "/endless") != [], process)
        (line,) = lines(process, "/endless")
        assert (line["status"], line["end"]) == (200, "cut")
        assert line["bytes"] % 1000 == 0


def test_a_process_lives_without_its_database_and_is_ready_with_it(site: Path) -> None:
    (site / "broken").touch()
    unavailable = {"status": "unavailable"}
    with gunicorn(site) as (client, process):
        assert (client.get("/healthz").status, client.get("/").status) == (200, 500)
        answer = client.get("/readyz")
        assert (answer.status, answer.json) == (503, {**unavailable, "failed": ["startup"]})
        (site / "broken").unlink()
        assert (client.get("/readyz").status, client.get("/").status) == (200, 200)
        (site / "database-is-away").touch()
        answer = client.get("/readyz")
        assert (answer.status, answer.json) == (503, {**unavailable, "failed": ["database"]})
        assert answer.headers["Cache-Control"] == "no-store"
        assert client.get("/healthz").json == {"status": "ok"}
        assert "ConnectionError: no database" in process.log()
