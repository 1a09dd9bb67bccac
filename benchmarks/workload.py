"""What runs under callgrind: the requests of one contestant, each case in a fork of its own.

    python -m benchmarks.workload microweb hello json

It writes a line for each case: its name, the process and the number of requests.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence

from benchmarks.cases import CASES, Case
from benchmarks.check import Subject, verify
from benchmarks.measure import OVERHEAD, idle_subject, sample
from benchmarks.peers import PEERS, load_all

WARM_UP = 20
REQUESTS = 200
# A body of a megabyte is as much work as many requests.
LARGE = 100_000
REQUESTS_IF_LARGE = 10


def main(arguments: Sequence[str]) -> None:
    contestant, *names = arguments
    subject_of = _subjects(contestant)
    for case in (case for case in CASES if case.name in names):
        requests = REQUESTS if len(case.body) < LARGE else REQUESTS_IF_LARGE
        # What was imported is shared, and what a case leaves behind is gone with its process.
        process = os.fork()
        if not process:
            _run(subject_of(case), requests)
            os._exit(0)
        if os.waitpid(process, 0)[1]:
            raise SystemExit(f"{contestant}, case {case.name}: see above")
        print(case.name, process, requests, flush=True)


def _subjects(contestant: str) -> Callable[[Case], Subject]:
    if contestant == OVERHEAD:
        return idle_subject
    apps = load_all(peer for peer in PEERS if peer.name == contestant)[contestant]
    return lambda case: verify(contestant, case, apps[case.name]())


def _run(subject: Subject, requests: int) -> None:
    sample(subject, WARM_UP)
    # When a collection comes depends on all that was allocated before it.
    gc.collect()
    gc.disable()
    _mark()
    sample(subject, requests)
    _mark()


def _mark() -> None:
    """Let callgrind begin to count anew: it watches this function, which nothing else calls."""
    os.getppid()


if __name__ == "__main__":
    main(sys.argv[1:])
