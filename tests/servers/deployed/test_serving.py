"""What nginx does for the application, and what passes both without harm."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from socket import create_connection

import pytest

from ..client import HOST, PATIENCE, Client
from ..process import wait_until
from .deployment import Deployment, deployed
from .figures import note, size


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed("--processes", "2") as deployment:
        yield deployment


@pytest.fixture
def client(deployment: Deployment) -> Client:
    return deployment.client


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_static_file_comes_from_nginx_whatever_the_workers_do(
    deployment: Deployment, client: Client
) -> None:
    assert "X-Worker" in client.get("/").headers
    with frozen([deployment.master.popen.pid, *deployment.workers()]):
        answer = client.get("/static/site.css")
        etag = answer.headers["ETag"]
        again = client.request("GET", "/static/site.css", headers={"If-None-Match": etag})
        part = client.request("GET", "/static/site.css", headers={"Range": "bytes=0-3"})
        missing = client.get("/static/none.css")
    assert (answer.status, answer.text) == (200, "body { color: teal }\n")
    assert answer.headers["Content-Type"] == "text/css"
    assert answer.headers["Cache-Control"] == "max-age=3600"
    assert (again.status, again.body) == (304, b"")
    assert (part.status, part.body) == (206, b"body")
    assert missing.status == 404
    assert "X-Worker" not in answer.headers


UNREAD = {"/none": 404, "/work": 405, "/small": 413}


@pytest.mark.parametrize("kilobytes", [20, 200, 2_000])
@pytest.mark.parametrize("path", UNREAD)
def test_an_answer_arrives_though_nobody_has_read_the_body(
    client: Client, path: str, kilobytes: int
) -> None:
    body = b"x" * kilobytes * 1_000
    times = size(20, 200)
    statuses = Counter(
        client.post(path, body, "application/octet-stream").status for _ in range(times)
    )
    note(f"POST of {kilobytes} kB to a {UNREAD[path]}", requests=times, statuses=dict(statuses))
    assert statuses == {UNREAD[path]: times}


def test_a_body_beyond_the_limit_of_the_application_is_refused_by_nginx(client: Client) -> None:
    with closing(HTTPConnection(HOST, client.port, timeout=PATIENCE)) as connection:
        connection.putrequest("POST", "/uploads")
        connection.putheader("Content-Length", "600000001")
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert "X-Worker" not in answer.headers


@pytest.mark.parametrize("length", [4_093, 7_000])
def test_large_cookies_pass_both_ways(client: Client, length: int) -> None:
    cookie = "taste=" + "x" * (length - len("taste="))
    answer = client.request("GET", f"/cookies/{length}", headers={"Cookie": cookie})
    note(f"cookie of {length} bytes", status=answer.status)
    assert (answer.status, answer.text) == (200, str(length))
    assert answer.headers["Set-Cookie"] == cookie


def test_the_application_knows_how_it_was_asked(client: Client) -> None:
    answer = client.request("GET", "/url", headers={"X-Forwarded-Proto": "https"})
    assert answer.text == f"http://127.0.0.1:{client.port}/url"


def test_an_endless_stream_ends_when_its_reader_goes(deployment: Deployment) -> None:
    times = size(5, 40)
    for _ in range(times):
        with create_connection((HOST, deployment.port), timeout=PATIENCE) as connection:
            connection.sendall(f"GET /endless HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: deployment.journal.ended()["endless"] == times, deployment.master)
    note("endless streams, cut", requests=times, ended=times)
