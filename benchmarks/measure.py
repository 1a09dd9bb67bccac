"""Timing: equal samples, taken in turns."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import tasks
from benchmarks.cases import Case
from benchmarks.check import Subject
from benchmarks.wsgi import Exchange, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Timed in turn with the peers, so that its figure shares their weather.
OVERHEAD = "overhead"
# Requests whose tasks may wait at a time.
TASK_BATCH = 100


@dataclass(frozen=True)
class Settings:
    rounds: int
    sample_seconds: float


@dataclass(frozen=True)
class Timing:
    """Every sample of one peer in one case, in microseconds per request."""

    calls: int
    samples: Sequence[float]


@dataclass(frozen=True)
class CaseResult:
    case: Case
    timings: Mapping[str, Timing]
    overhead: Timing


def measure(case: Case, subjects: Mapping[str, Subject], settings: Settings) -> CaseResult:
    """Time every subject in *settings.rounds* rounds."""
    contestants = {**subjects, OVERHEAD: idle_subject(case)}
    calls = {
        name: calibrate(subject, settings.sample_seconds) for name, subject in contestants.items()
    }
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(settings.rounds):
        for name in turns(list(contestants), number):
            gc.collect()
            seconds = sample(contestants[name], calls[name])
            samples[name].append(seconds / calls[name] * 1e6)
    timings = {name: Timing(calls[name], samples[name]) for name in contestants}
    overhead = timings.pop(OVERHEAD)
    return CaseResult(case, timings, overhead)


def turns(names: Sequence[str], number: int) -> Iterator[str]:
    """Rotate the order by one each round, and turn it round every other time.

    Rotation alone would let every peer always run right after the same neighbour.
    """
    start = number % len(names)
    order = [*names[start:], *names[:start]]
    return reversed(order) if number % 2 else iter(order)


def calibrate(subject: Subject, seconds: float) -> int:
    """Return how many calls fill *seconds*; the trial runs warm the application up."""
    calls = 1
    while (elapsed := sample(subject, calls)) < seconds / 2:
        calls *= 2
    return max(1, round(calls * seconds / elapsed))


def sample(subject: Subject, calls: int) -> float:
    """Return the seconds that *calls* requests take."""
    app, environ = subject.app, subject.request.environ
    exchange = Exchange()
    run = exchange.run
    started = perf_counter()
    for size in _batches(calls, subject.begins_task):
        for _ in repeat(None, size):
            body = run(app, environ())
        if subject.begins_task:
            tasks.wait(size)
    elapsed = perf_counter() - started
    subject.confirm(exchange, body)
    return elapsed


def _batches(calls: int, begins_task: bool) -> Iterator[int]:
    """Let no more tasks wait than any queue of bounded length has room for."""
    size = TASK_BATCH if begins_task else calls
    while calls > 0:
        yield min(size, calls)
        calls -= size


def idle_subject(case: Case) -> Subject:
    return Subject(_idle_app, Request(case), status=200, body_length=0)


def _idle_app(environ: WSGIEnvironment, start_response: StartResponse) -> Sequence[bytes]:
    start_response("200 OK", [])
    return ()
