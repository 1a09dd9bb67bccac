"""Many requests of all kinds leave the workers as they were."""

from __future__ import annotations

import time

from .deployment import deployed
from .figures import milliseconds, note, size
from .load import Ask, gets, load, posts
from .memory import resident

#: What a worker may grow by, in megabytes.
ALLOWED = 1.0
KINDS: list[Ask] = [gets("/"), gets("/cookies/500"), posts("/orders"), gets("/large"), gets("/url")]


def test_the_memory_of_the_workers_stays_and_their_log_is_quiet() -> None:
    with deployed("--processes", "2", "--threads", "2") as deployment:
        with load(deployment.port, 10, *KINDS):
            time.sleep(size(2, 10))
        before = {pid: resident(pid) for pid in deployment.workers()}
        log = deployment.master.log()
        with load(deployment.port, 10, *KINDS) as visits:
            time.sleep(size(3, 60))
        after = {pid: resident(pid) for pid in deployment.workers()}
        assert deployment.master.log() == log
    growth = max(after[pid] - before[pid] for pid in before)
    note(
        "endurance",
        requests=len(visits.all),
        failed=len(visits.failed),
        growth_of_a_worker=f"{growth:.2f} MB",
        worst=milliseconds(visits.worst),
    )
    assert visits.failed == []
    assert growth <= ALLOWED
