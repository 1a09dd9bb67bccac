"""Many requests of all kinds leave the workers as they were."""

from __future__ import annotations

import time

from .deployment import Deployment, deployed
from .figures import milliseconds, note, size
from .load import Ask, gets, load, posts
from .memory import resident

#: What a worker may grow by from the first half to the second, in megabytes.
ALLOWED = 1.0
HALF = size(3, 45)  # seconds
STEP = 0.1  # seconds
KINDS: list[Ask] = [gets("/"), gets("/cookies/500"), posts("/orders"), gets("/large"), gets("/url")]


def most(deployment: Deployment, seconds: float) -> dict[int, float]:
    """The most memory that each worker has at any moment of some seconds."""
    found: dict[int, float] = {}
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        for worker in deployment.workers():
            found[worker] = max(found.get(worker, 0), resident(worker))
        time.sleep(STEP)
    return found


def test_the_memory_of_the_workers_stays_and_their_log_is_quiet() -> None:
    with deployed("--processes", "2", "--threads", "2") as deployment:
        log = deployment.master.log()
        with load(deployment.port, 10, *KINDS) as visits:
            before = most(deployment, HALF)
            after = most(deployment, HALF)
        assert deployment.master.log() == log
    growth = max(after[worker] - before[worker] for worker in after)
    note(
        "endurance",
        requests=len(visits.all),
        failed=len(visits.failed),
        a_worker=f"{max(after.values()):.1f} MB",
        growth=f"{growth:.2f} MB",
        worst=milliseconds(visits.worst),
    )
    assert visits.failed == []
    assert growth <= ALLOWED
