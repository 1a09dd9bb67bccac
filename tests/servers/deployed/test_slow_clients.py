"""Clients on bad lines keep nginx busy, and no worker: everybody else is served as ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from socket import SO_RCVBUF, SOL_SOCKET, socket
from threading import Event, Thread

import pytest

from ..client import HOST, PATIENCE
from .deployment import Deployment, deployed
from .figures import milliseconds, note, size
from .load import gets, load

#: How many clients there are of a kind.
SLOW = 50
#: How long the others are watched, in seconds.
SECONDS = size(2, 15)
#: Within which the others are served, in seconds; the noise of the machine comes on top.
PROMPT = 0.1
#: How long a slow client takes from one bit to the next, in seconds.
STEP = 0.05
#: How long after one of them the next comes, in seconds.
ARRIVAL = 0.02
LARGE = 5_000_000


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed("--processes", "2") as deployment:
        yield deployment


def slow_clients(stack: ExitStack, port: int, head: list[str]) -> list[socket]:
    """Clients that come one after the other, and send the head of a request."""
    clients = []
    for _ in range(SLOW):
        client = stack.enter_context(socket())
        # A small window, or the kernel would take a large answer in for us.
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, 16_384)
        client.settimeout(PATIENCE)
        client.connect((HOST, port))
        lines = [*head, f"Host: {HOST}", "Connection: close", "", ""]
        client.sendall("\r\n".join(lines).encode())
        clients.append(client)
        # Fifty large answers at once are work for the workers, whoever reads them.
        time.sleep(ARRIVAL)
    return clients


@contextmanager
def slowly(clients: list[socket], step: Callable[[socket], int]) -> Iterator[list[int]]:
    """Let every client do a little now and then; how many bytes have passed is kept for each."""
    passed = [0] * len(clients)
    over = Event()

    def drip() -> None:
        while not over.wait(STEP):
            for i, client in enumerate(clients):
                passed[i] += step(client)

    thread = Thread(target=drip, name="slow clients")
    thread.start()
    try:
        yield passed
    finally:
        over.set()
        thread.join()


@contextmanager
def watch_others(deployment: Deployment, story: str) -> Iterator[None]:
    with load(deployment.port, 1, gets("/")) as visits:
        yield
    note(
        story,
        slow=SLOW,
        others=len(visits.all),
        failed=len(visits.failed),
        worst=milliseconds(visits.worst),
        noise=milliseconds(visits.noise),
    )
    assert visits.failed == []
    assert visits.worst < PROMPT + visits.noise


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def read_all(client: socket) -> bytes:
    client.setsockopt(SOL_SOCKET, SO_RCVBUF, 1_000_000)
    with client.makefile("rb") as answer:
        return answer.read()


def test_slow_senders_hold_up_nobody(deployment: Deployment) -> None:
    length = 1_000
    head = ["POST /small HTTP/1.1", f"Content-Length: {length}"]
    with ExitStack() as stack:
        with watch_others(deployment, "slow senders"):
            clients = slow_clients(stack, deployment.port, head)
            with slowly(clients, lambda client: client.send(b"x")) as sent:
                time.sleep(SECONDS)
        assert 0 < min(sent) <= max(sent) < length
        for client, already in zip(clients, sent, strict=True):
            client.sendall(b"x" * (length - already))
        assert [status_of(read_all(client)) for client in clients] == [200] * SLOW


def test_slow_readers_hold_up_nobody(deployment: Deployment) -> None:
    with ExitStack() as stack:
        with watch_others(deployment, "slow readers"):
            clients = slow_clients(stack, deployment.port, ["GET /large HTTP/1.1"])
            with slowly(clients, lambda client: len(client.recv(1024))) as received:
                time.sleep(SECONDS)
        assert 0 < min(received) <= max(received) < LARGE
        rests = [len(read_all(client)) for client in clients]
        wholes = [rest + already for rest, already in zip(rests, received, strict=True)]
        assert min(wholes) > LARGE
        # Nothing but the length of a number in the headers may differ.
        assert max(wholes) - min(wholes) < 10
