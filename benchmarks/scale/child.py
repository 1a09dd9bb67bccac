"""One application in a process of its own: how it starts, then a sample for each line on stdin.

``python -m benchmarks.scale.child PEER SCENE SIZE SAMPLE_SECONDS``
"""

from __future__ import annotations

import gc
import json
import resource
import signal
import sys
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from time import thread_time
from typing import TYPE_CHECKING

from benchmarks.cases import Case, Expected
from benchmarks.scale.scenes import SCENES, Ask, NotApplicableError, Scene, load
from benchmarks.wsgi import Exchange, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Ten thousand routes take some routers minutes: they get no figure. Under such a limit the clock
# of the process only advances with the kernel's tick; the clock of the thread stays exact.
CPU_SECONDS = 25
WALL_SECONDS = 300


def main() -> None:
    peer, name, size, seconds = sys.argv[1:]
    signal.alarm(WALL_SECONDS)
    # At the hard limit it would be killed, which could be anybody's doing.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, 2 * CPU_SECONDS))
    scene = next(scene for scene in SCENES if scene.name == name)
    try:
        app, asks = start(peer, scene, int(size))
    except NotApplicableError:
        tell(None)
        return
    # What has come up in time is also sampled.
    resource.setrlimit(resource.RLIMIT_CPU, (2 * CPU_SECONDS, 2 * CPU_SECONDS))
    requests = [request(ask) for ask in asks]
    calls = calibrate(app, requests, float(seconds))
    for _ in sys.stdin:
        gc.collect()
        tell(timed(app, requests, calls))


def start(peer: str, scene: Scene, size: int) -> tuple[WSGIApplication, Sequence[Ask]]:
    """Build the application, send the first request, and tell what both took."""
    module = load(peer)
    # What a process does once, at the request of whichever application, is not the scene's.
    first, *_ = scene.asks(scene.sizes[0])
    check(scene.build(module, scene.sizes[0]), first)
    asks = scene.asks(size)
    gc.collect()
    at_first, began = resident_kb(), thread_time()
    app = scene.build(module, size)
    registered, after_registration = thread_time() - began, resident_kb()
    began = thread_time()
    check(app, asks[len(asks) // 2])
    first_request = thread_time() - began
    figures = {
        "registration_ms": registered * 1e3,
        "first_request_ms": first_request * 1e3,
        "registration_kb": after_registration - at_first,
        "first_request_kb": resident_kb() - after_registration,
    }
    for ask in asks:
        check(app, ask)
    tell(figures)
    return app, asks


def check(app: WSGIApplication, ask: Ask) -> None:
    """Refuse to time a wrong answer."""
    exchange = Exchange()
    body = exchange.run(app, request(ask).environ())
    if exchange.status_code != ask.status or (ask.body is not None and body != ask.body.encode()):
        raise SystemExit(f"{ask.path}: {exchange.status}, {body[:200]!r}, expected {ask}")


def request(ask: Ask) -> Request:
    return Request(Case("scale", "", Expected(), path=ask.path))


def calibrate(app: WSGIApplication, requests: Sequence[Request], seconds: float) -> int:
    """Return how many calls fill *seconds*, rounded up so that each path gets the same share."""
    calls = len(requests)
    while (elapsed := timed(app, requests, calls) * calls / 1e6) < seconds / 2:
        calls *= 2
    wanted = calls * seconds / elapsed
    return max(1, round(wanted / len(requests))) * len(requests)


def timed(app: WSGIApplication, requests: Iterable[Request], calls: int) -> float:
    """Return the microseconds of CPU time that one request takes."""
    run = Exchange().run
    began = thread_time()
    for each in islice(cycle(requests), calls):
        run(app, each.environ())
    return (thread_time() - began) / calls * 1e6


def resident_kb() -> int:
    with open("/proc/self/smaps_rollup", encoding="ascii") as report:
        return next(int(line.split()[1]) for line in report if line.startswith("Rss:"))


def tell(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
