"""Runs the applications, each in a process of its own, and takes their samples in turns."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import turns
from benchmarks.scale.scenes import Scene

ROOT = Path(__file__).resolve().parents[2]
OUT_OF_TIME = {-signal.SIGXCPU, -signal.SIGALRM}


class ChildError(Exception):
    """A measured process ended with an error."""


class TooSlowError(Exception):
    """A measured process used up its time."""


@dataclass(frozen=True)
class Settings:
    rounds: int
    samples: int  # of each application in each round
    sample_seconds: float


@dataclass(frozen=True)
class Start:
    """How an application came up: processor time, and by how much its process grew."""

    registration_ms: float
    first_request_ms: float
    registration_kb: float
    first_request_kb: float


@dataclass
class Figures:
    """One application of one size, with an entry for each round."""

    starts: list[Start] = field(default_factory=list)
    request_us: list[float] = field(default_factory=list)


@dataclass
class Growth:
    """A scene's figures by peer and size; without an entry there is nothing to compare."""

    scene: Scene
    sizes: Sequence[int]
    peers: dict[str, dict[int, Figures]]
    too_slow: set[tuple[str, int]] = field(default_factory=set)


class Child:
    """A process that tells one line for each that it is sent."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen

    def start(self) -> Start | None:
        """How its application came up, or None where there is none of this kind."""
        told: Mapping[str, float] | None = self._line()
        return None if told is None else Start(**told)

    def sample(self) -> float:
        """Time requests: the microseconds of processor time for one."""
        assert self.popen.stdin is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        microseconds: float = self._line()
        return microseconds

    def _line(self) -> Any:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if line:
            return json.loads(line)
        status = self.popen.wait()
        error = TooSlowError if status in OUT_OF_TIME else ChildError
        raise error(f"a measured process ended with {status}")


@contextmanager
def running(peer: str, scene: Scene, size: int, seconds: float) -> Iterator[Child]:
    module = "benchmarks.scale.child"
    command = [sys.executable, "-m", module, peer, scene.name, str(size), str(seconds)]
    popen = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with popen:
        try:
            yield Child(popen)
        finally:
            popen.kill()


def compare(scene: Scene, peers: Sequence[str], sizes: Sequence[int], settings: Settings) -> Growth:
    growth = Growth(scene, sizes, {peer: {} for peer in peers})
    for number in range(settings.rounds):
        for peer in turns(peers, number):
            _round(growth, peer, settings)
    return growth


def _round(growth: Growth, peer: str, settings: Settings) -> None:
    """Let the applications of all sizes live side by side, so that they share their weather."""
    figures = growth.peers[peer]
    with ExitStack() as stack:
        children = {}
        for size in growth.sizes:
            if (peer, size) in growth.too_slow:
                continue
            child = stack.enter_context(running(peer, growth.scene, size, settings.sample_seconds))
            try:
                start = child.start()
            except TooSlowError:
                growth.too_slow.add((peer, size))
                continue
            if start is None:
                return
            children[size] = child
            figures.setdefault(size, Figures()).starts.append(start)
        for size, samples in _samples(children, settings.samples).items():
            figures[size].request_us.append(median(samples))


def _samples(children: Mapping[int, Child], number: int) -> dict[int, list[float]]:
    samples: dict[int, list[float]] = {size: [] for size in children}
    for index in range(number if children else 0):
        order = list(children)
        for size in order if index % 2 else reversed(order):
            samples[size].append(children[size].sample())
    return samples
