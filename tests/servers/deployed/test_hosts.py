"""Two hosts behind one nginx; one of them is taken away under load."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from ..client import Browser
from ..process import wait_until
from ..servers import answers
from .deployment import Deployment, prepared
from .figures import milliseconds, note, size
from .hosts import Host, host
from .load import Visits, gets, load, posts

#: The longest that a request may take, in seconds.
TIMEOUT = 1
#: How much longer nginx waits for a host that has begun to answer, and may be lost.
MARGIN = 5
CLIENTS = 8
SECONDS = size(1, 20)


@dataclass
class Cluster:
    """Two deployments of one application, of which the first has nginx."""

    front: Deployment
    deployments: list[Deployment]
    hosts: list[Host]

    def workers(self, index: int) -> set[int]:
        return set(self.deployments[index].workers())

    def executions(self) -> list[int]:
        begun = self.deployments[0].journal.begun() + self.deployments[1].journal.begun()
        return sorted(begun.values())


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        hosts = [stack.enter_context(host()) for _ in range(2)]
        addresses = ",".join(host.address for host in hosts)
        deployments = [
            stack.enter_context(
                prepared("--socket", host.address, "--hosts", addresses, "--timeout", str(TIMEOUT))
            )
            for host in hosts
        ]
        for deployment, its_host in zip(deployments, hosts, strict=True):
            stack.enter_context(deployment.uwsgi_running(*its_host.prefix))
        front = deployments[0]
        stack.enter_context(front.nginx_running())
        wait_until(lambda: answers(front.port), front.master, front.proxy)
        yield Cluster(front, deployments, hosts)


@contextmanager
def loaded(cluster: Cluster) -> Iterator[Visits]:
    with load(cluster.front.port, CLIENTS, gets("/work"), posts("/orders")) as visits:
        wait_until(lambda: used(cluster, visits, 0) and used(cluster, visits, 1))
        time.sleep(SECONDS)
        yield visits


def used(cluster: Cluster, visits: Visits, index: int) -> bool:
    return bool(cluster.workers(index) & visits.workers)


def check(cluster: Cluster, visits: Visits, story: str) -> None:
    asked, ordered = visits.of("GET"), visits.of("POST")
    executions = cluster.executions()
    note(
        story,
        hosts=cluster.hosts[0].kind,
        GETs=len(asked.all),
        failed=len(asked.failed),
        POSTs=len(ordered.all),
        failed_POSTs=dict(Counter(visit.status for visit in ordered.failed)),
        executed_twice=len([times for times in executions if times > 1]),
        worst=milliseconds(visits.worst),
    )
    assert asked.failed == []
    assert set(executions) == {1}
    assert len(executions) >= len(ordered.served)
    assert {visit.status for visit in ordered.failed} <= {502, 504}
    # No more than what was under way; a host that is stopped at its port takes some twice.
    assert len(ordered.failed) <= CLIENTS


def test_a_host_that_is_killed_is_missed_by_nobody(cluster: Cluster) -> None:
    with loaded(cluster) as visits:
        os.killpg(cluster.deployments[1].master.popen.pid, signal.SIGKILL)
        time.sleep(SECONDS)
    check(cluster, visits, "host killed")


def test_a_host_that_is_cut_off_is_missed_by_nobody_and_used_again(cluster: Cluster) -> None:
    with loaded(cluster) as visits:
        lost, server = cluster.hosts[1], cluster.deployments[1].master
        lost.vanish(server)
        gone = time.monotonic()
        time.sleep(SECONDS)
        # Nobody waits for the lost host any more.
        wait_until(lambda: visits.since(gone).clients == set(range(CLIENTS)), server)
        lost.come_back(server)
        back = time.monotonic()
        wait_until(lambda: used(cluster, visits.since(back), 1), server)
        took = time.monotonic() - back
    note("host cut off, used again", after=milliseconds(took))
    check(cluster, visits, "host cut off")
    assert visits.worst < TIMEOUT + MARGIN + 1 + visits.noise


def test_a_session_lives_on_whichever_host_is_there(cluster: Cluster) -> None:
    browser = Browser(cluster.front.port)
    workers = set()
    for visit in range(1, 11):
        answer = browser.request("POST", "/visits")
        assert answer.json == {"visits": visit}
        workers.add(int(answer.headers["X-Worker"]))
    assert workers & cluster.workers(0)
    assert workers & cluster.workers(1)
    os.killpg(cluster.deployments[1].master.popen.pid, signal.SIGKILL)
    assert [browser.get("/visits").json for _ in range(10)] == [{"visits": 10}] * 10
