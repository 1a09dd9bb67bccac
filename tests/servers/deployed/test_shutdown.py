"""A service that is stopped answers whom it has begun to serve, and then it is gone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..client import Client
from ..process import wait_until
from .deployment import Deployment, deployed, prepared
from .figures import milliseconds, note, size

#: Longer than the unit waits before it tells the workers again.
SECONDS = 2.5


def ask_slowly(deployment: Deployment, key: str) -> int:
    return Client(deployment.port).get(f"/slow/{key}/{SECONDS}").status


def stop_while_busy(deployment: Deployment, requests: int) -> tuple[list[int], float]:
    """Stop uWSGI while every worker and thread has something to do.

    :returns: The statuses of what was under way, and how long the end took in seconds.
    """
    journal = deployment.journal
    with ThreadPoolExecutor(requests) as pool:
        answers = [pool.submit(ask_slowly, deployment, f"a{i}") for i in range(requests)]
        wait_until(lambda: journal.begun().total() == requests, deployment.master)
        began = time.monotonic()
        status = deployment.stop_as_systemd()
        took = time.monotonic() - began
        assert status == 0
        return [answer.result() for answer in answers], took


@pytest.mark.parametrize("threads", [1, 2])
def test_requests_under_way_are_answered_and_new_ones_refused(threads: int) -> None:
    rounds = size(1, 20)
    requests = 2 * threads
    took = []
    for _ in range(rounds):
        with deployed("--processes", "2", "--threads", str(threads)) as deployment:
            statuses, seconds = stop_while_busy(deployment, requests)
            assert statuses == [200] * requests
            assert deployment.journal.ended() == deployment.journal.begun()
            assert deployment.client.get("/").status == 502
            assert deployment.leftovers() == []
            took.append(seconds)
    note(
        f"SIGTERM, threads {threads}",
        rounds=rounds,
        under_way=rounds * requests,
        answered=rounds * requests,
        longest_stop=milliseconds(max(took)),
    )


def test_a_service_that_is_stopped_while_it_starts_does_not_stay() -> None:
    with prepared("--processes", "2") as deployment:
        deployment.release("1", seconds=1.5)
        with deployment.uwsgi_running():
            wait_until(lambda: len(deployment.workers()) == 2, deployment.master)
            began = time.monotonic()
            assert deployment.stop_as_systemd() == 0
            took = time.monotonic() - began
    note("SIGTERM while it starts", stop=milliseconds(took))
    assert took < 8
