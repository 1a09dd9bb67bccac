"""A service that is stopped answers whom it has begun to serve, and then it is gone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..client import Client
from ..process import wait_until
from . import service
from .deployment import Deployment, deployed, prepared
from .figures import milliseconds, note, size

SECONDS = 0.7


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
        stop = deployment.stop_as_systemd()
        status = deployment.master.exit_status()
        took = time.monotonic() - began
        assert (status, stop.wait(5)) == (0, 0)
        return [answer.result() for answer in answers], took


@pytest.mark.parametrize("threads", [1, 2])
def test_requests_under_way_are_answered_and_new_ones_refused(threads: int) -> None:
    rounds = size(2, 20)
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


def test_processes_that_still_import_the_application_overlook_no_stop() -> None:
    with prepared("--processes", "2") as deployment:
        source = Path(service.__file__).read_text()
        deployment.release_source(f"{source}\nimport time\n\ntime.sleep(1.5)\n")
        with deployment.uwsgi_running() as master:
            wait_until(lambda: 'running "unix_signal:15' in master.log(), master)
            stop = deployment.stop_as_systemd()
            assert (master.exit_status(), stop.wait(5)) == (0, 0)
