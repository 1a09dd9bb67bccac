"""New releases under load: nobody is turned away, and nobody waits."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..process import wait_until
from .deployment import Deployment, deployed
from .figures import milliseconds, note, size
from .load import Visits, gets, load

#: The longest time in which nobody may be served, in seconds.
GAP = 0.25


def put_out(deployment: Deployment, name: str, visits: Visits) -> None:
    """Bring a release, and wait until nothing else is served."""
    deployment.release(name)
    done = deployment.reload()
    assert done.returncode == 0, done.stderr
    wait_until(lambda: visits.all[-1].release == name, deployment.master)


@pytest.mark.parametrize("threads", [1, 4])
def test_releases_under_load_fail_nobody_and_leave_no_gap(threads: int) -> None:
    releases = [str(number) for number in range(2, 2 + size(1, 15))]
    with deployed("--processes", "2", "--threads", str(threads)) as deployment:
        with load(deployment.port, 8, gets("/work")) as visits:
            for name in releases:
                put_out(deployment, name, visits)
        logged = deployment.access()
    note(
        f"chain reload, threads {threads}",
        requests=len(visits.all),
        reloads=len(releases),
        failed=len(visits.failed),
        longest_gap=milliseconds(visits.gap),
        noise=milliseconds(visits.noise),
        worst=milliseconds(visits.worst),
    )
    assert visits.failed == []
    assert set(logged) == {200}
    assert len(logged) >= len(visits.all)
    assert visits.releases == {"1", *releases}
    assert visits.gap < GAP + visits.noise


def test_two_hundred_clients_meet_no_502_in_a_release() -> None:
    releases = [str(number) for number in range(2, 2 + size(1, 5))]
    with deployed("--processes", "2") as deployment:
        with load(deployment.port, 200, gets("/work")) as visits:
            for name in releases:
                put_out(deployment, name, visits)
        logged = deployment.access()
    note(
        "chain reload, 200 clients",
        requests=len(visits.all),
        reloads=len(releases),
        failed=len(visits.failed),
        worst=milliseconds(visits.worst),
    )
    assert visits.failed == []
    assert set(logged) == {200}


BROKEN = {
    "import nothing_like_this\n": "nothing_like_this",
    "def app(:\n": "SyntaxError",
    "app = None\n": "app",
    "raise SystemExit\n": "SystemExit(None)",
}


def test_a_release_that_cannot_be_imported_is_refused_and_the_old_one_serves_on() -> None:
    with (
        deployed("--processes", "2") as deployment,
        load(deployment.port, 4, gets("/work")) as visits,
    ):
        workers = deployment.workers()
        touched = deployment.touched()
        for source, reason in BROKEN.items():
            deployment.release_source(source)
            refused = deployment.reload()
            assert refused.returncode != 0
            assert reason in refused.stderr
        assert deployment.touched() == touched
        assert deployment.workers() == workers
        assert visits.releases == {"1"}
        put_out(deployment, "2", visits)
    note(
        "broken releases",
        refused=len(BROKEN),
        requests=len(visits.all),
        failed=len(visits.failed),
    )
    assert visits.failed == []
    assert visits.releases == {"1", "2"}


def test_a_release_that_overtakes_another_is_the_one_that_stays() -> None:
    with (
        deployed("--processes", "2") as deployment,
        load(deployment.port, 4, gets("/work")) as visits,
    ):
        with ThreadPoolExecutor() as pool:
            deployment.release("2")
            first = pool.submit(deployment.reload)
            before = set(deployment.workers())
            wait_until(lambda: before != set(deployment.workers()), deployment.master)
            put_out(deployment, "3", visits)
        overtaken = first.result()
        assert overtaken.returncode == 0, overtaken.stderr
        settled = time.monotonic()
        wait_until(lambda: len(visits.since(settled).workers) == 2, deployment.master)
        assert visits.since(settled).releases == {"3"}
    note("overtaken releases", requests=len(visits.all), failed=len(visits.failed))
    assert visits.failed == []
