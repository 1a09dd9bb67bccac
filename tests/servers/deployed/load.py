"""Clients that send one request after the other, and what became of each request.

They measure with the same clock and in the same process how long the machine kept them waiting by
itself, so that a busy machine is not taken for a slow server.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count, pairwise
from threading import Event, Thread

from ..client import HOST, PATIENCE

# A request that hangs in a host that has gone is answered when nginx gives it up. In seconds.
LONG_PATIENCE = 3 * PATIENCE

Ask = Callable[[], tuple[str, str]]


@dataclass(frozen=True)
class Visit:
    """One request and its answer; status 0 is a connection that broke without one.

    :ivar client: Which client has asked.
    :ivar release: Which release of the application has answered; empty where none did.
    :ivar worker: The number of the process that answered; 0 where none did.
    """

    client: int
    method: str
    path: str
    status: int
    release: str
    worker: int
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class Visits:
    """What a load has come to.

    :ivar noise: The longest time for which the machine has let this process wait, in seconds.
    """

    all: list[Visit] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0
    noise: float = 0.0

    @property
    def statuses(self) -> Counter[int]:
        return Counter(visit.status for visit in self.all)

    @property
    def served(self) -> list[Visit]:
        return [visit for visit in self.all if visit.status == 200]

    @property
    def failed(self) -> list[Visit]:
        return [visit for visit in self.all if visit.status != 200]

    def of(self, method: str) -> Visits:
        """The part that was asked with one method."""
        chosen = [visit for visit in self.all if visit.method == method]
        return Visits(chosen, self.began, self.ended, self.noise)

    def since(self, moment: float) -> Visits:
        """The part that was asked after a moment of the monotonic clock."""
        chosen = [visit for visit in self.all if visit.began > moment]
        return Visits(chosen, moment, self.ended, self.noise)

    @property
    def workers(self) -> set[int]:
        return {visit.worker for visit in self.served}

    @property
    def clients(self) -> set[int]:
        return {visit.client for visit in self.all}

    @property
    def releases(self) -> set[str]:
        return {visit.release for visit in self.served}

    @property
    def worst(self) -> float:
        return max((visit.seconds for visit in self.all), default=0.0)

    @property
    def gap(self) -> float:
        """The longest time in which nobody was served, in seconds."""
        moments = [self.began, *sorted(visit.ended for visit in self.served), self.ended]
        return max(after - before for before, after in pairwise(moments))


def gets(path: str) -> Ask:
    return lambda: ("GET", path)


_keys = count(1)


def posts(path: str) -> Ask:
    """Orders, each with a key of its own."""
    return lambda: ("POST", f"{path}/{next(_keys)}")


def keyed_gets(path: str) -> Ask:
    return lambda: ("GET", path.format(key=next(_keys)))


class _Client(Thread):
    def __init__(self, number: int, port: int, ask: Ask, over: Event, visits: Visits) -> None:
        super().__init__(name=f"client {number}")
        self.number = number
        self.port = port
        self.ask = ask
        self.over = over
        self.visits = visits

    def run(self) -> None:
        connection = self._connection()
        while not self.over.is_set():
            method, path = self.ask()
            began = time.monotonic()
            status, release, worker = 0, "", 0
            try:
                connection.request(method, path)
                answer = connection.getresponse()
                answer.read()
                release = answer.headers.get("X-Release", "")
                worker = int(answer.headers.get("X-Worker", "0"))
                status = answer.status
            except (OSError, HTTPException):
                connection.close()
                connection = self._connection()
            ended = time.monotonic()
            self.visits.all.append(
                Visit(self.number, method, path, status, release, worker, began, ended)
            )
        connection.close()

    def _connection(self) -> HTTPConnection:
        return HTTPConnection(HOST, self.port, timeout=LONG_PATIENCE)


class Pauses(Thread):
    """Wakes up all the time, and finds out how much too late."""

    STEP = 0.005  # seconds

    def __init__(self) -> None:
        super().__init__(name="pauses")
        self.over = Event()
        self.longest = 0.0

    def run(self) -> None:
        before = time.monotonic()
        while not self.over.wait(self.STEP):
            now = time.monotonic()
            self.longest = max(self.longest, now - before - self.STEP)
            before = now

    def __enter__(self) -> Pauses:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


@contextmanager
def load(port: int, clients: int, *asks: Ask) -> Iterator[Visits]:
    """Let clients ask, in turn what is given, until the block ends.

    Whoever waits for an answer then still gets it.
    """
    visits = Visits(began=time.monotonic())
    over = Event()
    crowd = [_Client(i, port, asks[i % len(asks)], over, visits) for i in range(clients)]
    with Pauses() as pauses:
        for client in crowd:
            client.start()
        try:
            yield visits
        finally:
            over.set()
            visits.ended = time.monotonic()
            for client in crowd:
                client.join()
    visits.noise = pauses.longest
