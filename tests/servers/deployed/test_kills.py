"""Workers that are killed take what they were doing with them: nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from ..process import wait_until
from ..servers import answers, free_port
from .deployment import Deployment, deployed, prepared
from .figures import milliseconds, note, size
from .load import Visit, keyed_gets, load, posts

#: In seconds.
PAUSE = 0.5
#: How many requests a worker takes with it at the most.
THREADS = 2
#: Within which a failure must be told, in seconds.
PROMPT = 5.0


def kill_workers(deployments: Sequence[Deployment], times: int) -> int:
    """Kill a worker again and again, of any of the hosts, and return how many it has met."""
    chance = Random(5)
    killed = 0
    for _ in range(times):
        time.sleep(PAUSE)
        workers = chance.choice(deployments).workers()
        # It may just have ended by itself.
        with suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(workers), signal.SIGKILL)
            killed += 1
    return killed


def key(visit: Visit) -> str:
    return visit.path.split("/")[2]


def test_an_order_is_never_executed_twice_and_a_200_means_that_it_was() -> None:
    with deployed("--processes", "2", "--threads", str(THREADS)) as deployment:
        with load(deployment.port, 8, posts("/orders")) as visits:
            killed = kill_workers([deployment], size(8, 240))
        begun, ended = deployment.journal.begun(), deployment.journal.ended()
        logged = deployment.access()
    note(
        "worker kills, POST",
        requests=len(visits.all),
        kills=killed,
        failed=len(visits.failed),
        failed_but_executed=sum(ended[key(visit)] for visit in visits.failed),
        executed_twice=len([times for times in begun.values() if times > 1]),
        worst=milliseconds(visits.worst),
    )
    assert killed > 0
    assert set(begun.values()) == {1}
    assert [visit for visit in visits.served if ended[key(visit)] != 1] == []
    assert {visit.status for visit in visits.failed} <= {502}
    assert len(visits.failed) <= THREADS * killed
    assert [visit for visit in visits.failed if visit.seconds > PROMPT + visits.noise] == []
    assert logged.count(502) == len(visits.failed)


def test_with_two_upstreams_a_get_is_answered_by_the_other() -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    hosts = ("--hosts", ",".join(addresses))
    with (
        prepared("--socket", addresses[0], *hosts) as one,
        prepared("--socket", addresses[1], *hosts) as other,
    ):
        with one.uwsgi_running(), other.uwsgi_running(), one.nginx_running():
            wait_until(lambda: answers(one.port), one.master, other.master, one.proxy)
            with load(one.port, 8, keyed_gets("/slow/{key}/0.02")) as visits:
                killed = kill_workers([one, other], size(8, 240))
        repeated = one.journal.begun() + other.journal.begun()
    note(
        "worker kills, GET, two upstreams",
        requests=len(visits.all),
        kills=killed,
        failed=len(visits.failed),
        executed_twice=len([times for times in repeated.values() if times > 1]),
        worst=milliseconds(visits.worst),
    )
    assert killed > 0
    assert visits.failed == []
