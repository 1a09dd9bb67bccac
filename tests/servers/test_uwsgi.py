"""What is uWSGI's own: chunks in time, streams that take turns on one thread."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise

import pytest

from .client import HOST, Client
from .runners import MATRIX, by_uwsgi
from .servers import Serve, Site, alone
from .test_matrix import SITE
from .wire import PATIENCE, Request, ask

#: How long a client waits for the answer at most, in seconds; the best of some tries counts, on a
#: machine that does other things too.
AT_ONCE = 0.1
TRIES = 5


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(SITE)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("uwsgi-http", 411),
        ("uwsgi-http-keepalive", 411),
        ("uwsgi-http-chunked", 200),
        ("uwsgi-http-socket", 200),
        ("uwsgi-ugreen", 200),
        ("nginx-uwsgi", 200),
    ],
)
def test_chunks_arrive_or_are_refused_at_once(site: Site, name: str, status: int) -> None:
    chunks = (b"chunk after chunk, ",) * 50
    with MATRIX[name](site) as client:
        seconds = []
        for _ in range(TRIES):
            before = time.monotonic()
            answer = ask(client.port, Request("POST", "/echo", (), chunks))
            seconds.append(time.monotonic() - before)
            assert answer.status == status
            if status == 200:
                assert json.loads(answer.body)["size"] == sum(map(len, chunks))
    assert min(seconds) < AT_ONCE


def test_chunks_that_come_slowly_arrive_too(site: Site) -> None:
    request = Request("POST", "/lines", (), (b"one\n", b"two\n"))
    with (
        MATRIX["uwsgi-http-socket"](site) as client,
        socket.create_connection((HOST, client.port), timeout=PATIENCE) as connection,
    ):
        connection.sendall(request.head())
        for part in request.content().splitlines(keepends=True):
            time.sleep(0.02)  # a client that is slow
            connection.sendall(part)
        with connection.makefile("rb") as answer:
            assert answer.read().endswith(b'\r\n\r\n["one\\n","two\\n"]\n')


# --- streams

STREAMS, STEPS = 8, 50

INTERLEAVING: dict[str, Serve] = {
    # By itself --async reads no bodies, as uWSGI says in its log ("DANGER"), but it does stream.
    "async": alone(by_uwsgi("http-socket", "--async", "16")),
    "ugreen": MATRIX["uwsgi-ugreen"],
    "gevent": MATRIX["uwsgi-gevent"],
    "threads": alone(by_uwsgi("http-socket", "--threads", "16")),
    "gunicorn-gevent": MATRIX["gunicorn-gevent"],
}


@pytest.fixture(params=INTERLEAVING)
def client(request: pytest.FixtureRequest, site: Site) -> Iterator[Client]:
    with ExitStack() as stack:
        yield stack.enter_context(INTERLEAVING[request.param](site))


def test_each_step_of_streams_that_take_turns_sees_its_own_request(client: Client) -> None:
    def read(number: int) -> str:
        return client.get(f"/stream/mine/{number}?steps={STEPS}").text

    with ThreadPoolExecutor(STREAMS) as threads:
        bodies = list(threads.map(read, range(STREAMS)))
    assert bodies == ["True " * STEPS] * STREAMS
    order = client.get("/order").json
    assert len(order) == STREAMS * STEPS
    turns = sum(one != another for one, another in pairwise(order))
    assert turns > STREAMS * STEPS / 4  # they did take turns
