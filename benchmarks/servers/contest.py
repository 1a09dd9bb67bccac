"""Serves one site after the other, and measures the worker while wrk asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import turns
from benchmarks.servers.processes import ServerError, cpu_ns, memory
from benchmarks.servers.setups import HOST, SETUPS, Cores, Server
from benchmarks.servers.wrk import load
from benchmarks.sites import ANSWERS

BASELINE = "bare"
PEERS = ("microweb", "falcon", "bottle", "werkzeug", "flask", BASELINE)
WARM_UP_REQUESTS = 100


@dataclass(frozen=True)
class Settings:
    rounds: int
    seconds: int  # of load for each request in each round
    connections: int


@dataclass(frozen=True)
class Sample:
    """One worker under load by one request."""

    cpu_us: float  # of the worker, for each request
    p50_us: float
    p99_us: float
    per_second: float


@dataclass(frozen=True)
class Life:
    """A worker from its start to its end: a sample for each request, memory after all."""

    samples: Mapping[str, Sample]
    rss_kb: float
    pss_kb: float


Lives = dict[str, list[Life]]  # by peer, one for each round


def compare(setup: str, peers: Sequence[str], cores: Cores, settings: Settings) -> Lives:
    """Let the peers live one after the other, each round in another order."""
    lives: Lives = {peer: [] for peer in peers}
    for number in range(settings.rounds):
        for peer in turns(peers, number):
            with SETUPS[setup](f"benchmarks.sites.{peer}_site:app", cores) as server:
                lives[peer].append(live(server, cores, settings))
    return lives


def live(server: Server, cores: Cores, settings: Settings) -> Life:
    samples = {}
    for name, (path, expected) in ANSWERS.items():
        check(server, path, expected)
        samples[name] = sample(server, path, cores, settings)
    used = memory(server.worker)
    return Life(samples, used.rss_kb, used.pss_kb)


def check(server: Server, path: str, expected: object) -> None:
    """Warm the worker up, and refuse to measure wrong answers."""
    for _ in range(WARM_UP_REQUESTS):
        status, body = server.get(path)
        right = body == expected.encode() if isinstance(expected, str) else _is_json(body, expected)
        if status != 200 or not right:
            raise ServerError(f"{path}: {status}, {body[:200]!r}")


def _is_json(body: bytes, expected: object) -> bool:
    try:
        return bool(json.loads(body) == expected)
    except ValueError:
        return False


def sample(server: Server, path: str, cores: Cores, settings: Settings) -> Sample:
    before = cpu_ns(server.worker)
    url = f"http://{HOST}:{server.port}{path}"
    result = load(url, settings.seconds, settings.connections, cores.load)
    nanoseconds = cpu_ns(server.worker) - before
    return Sample(
        cpu_us=nanoseconds / 1e3 / result.requests,
        p50_us=result.p50_us,
        p99_us=result.p99_us,
        per_second=result.requests / result.microseconds * 1e6,
    )
