"""The lives of the workers as tables, targets, and a JSON document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from operator import truediv
from statistics import median

from benchmarks import output
from benchmarks.output import Target
from benchmarks.servers.contest import BASELINE, Life, Lives, Settings
from benchmarks.sites import ANSWERS

OWN = "microweb"
RIVAL = "falcon"
DISTRIBUTIONS = (
    "microweb-framework",
    "falcon",
    "bottle",
    "werkzeug",
    "flask",
    "pyuwsgi",
    "gunicorn",
)
TARGETED = ("json", "params")

Figure = Callable[[Life], float]


def tables(results: Mapping[str, Lives]) -> Iterator[str]:
    yield "Each figure: median of the rounds, and as a multiple of the bare function's (quartiles)."
    for setup, lives in results.items():
        yield f"{setup}:"
        yield requests_table(lives)
        yield memory_table(lives)


def requests_table(lives: Lives) -> str:
    head = ["request", "peer", "CPU µs", "x bare", "p50 µs", "x bare", "p99 µs", "x bare"]
    head += ["requests/s", "x bare"]
    return output.markdown(head, _request_rows(lives))


def _request_rows(lives: Lives) -> Iterator[list[str]]:
    for request in ANSWERS:
        figures = [
            (figure(request, "cpu_us"), 1),
            (figure(request, "p50_us"), 0),
            (figure(request, "p99_us"), 0),
            (figure(request, "per_second"), 0),
        ]
        for peer in lives:
            yield [request, peer, *_cells(lives, peer, figures)]


def memory_table(lives: Lives) -> str:
    figures: Sequence[tuple[Figure, int]] = [(_rss_mb, 1), (_pss_mb, 1)]
    head = ["worker", "RSS MB", "x bare", "PSS MB", "x bare"]
    return output.markdown(head, [[peer, *_cells(lives, peer, figures)] for peer in lives])


def _cells(lives: Lives, peer: str, figures: Sequence[tuple[Figure, int]]) -> Iterator[str]:
    for get, digits in figures:
        yield f"{median(map(get, lives[peer])):.{digits}f}"
        yield output.with_quartiles(ratios(lives, get, peer))


def figure(request: str, name: str) -> Figure:
    def get(life: Life) -> float:
        value: float = getattr(life.samples[request], name)
        return value

    return get


def _rss_mb(life: Life) -> float:
    return life.rss_kb / 1024


def _pss_mb(life: Life) -> float:
    return life.pss_kb / 1024


def ratios(lives: Lives, get: Figure, peer: str, unit: str = BASELINE) -> list[float]:
    """Compare within each round only, where both had about the same weather."""
    return list(map(truediv, map(get, lives[peer]), map(get, lives[unit])))


def targets(results: Mapping[str, Lives]) -> Iterator[Target]:
    for setup, lives in results.items():
        for request in TARGETED:
            cpu = figure(request, "cpu_us")
            name = f"{setup}, {request}: CPU time of the worker as a multiple of"
            if {OWN, RIVAL} <= set(lives):
                yield Target(f"{name} Falcon's", median(ratios(lives, cpu, OWN, RIVAL)), 1.0)
            if OWN in lives:
                yield Target(f"{name} the bare function's", median(ratios(lives, cpu, OWN)), 1.4)


def document(
    results: Mapping[str, Lives],
    settings: Settings,
    programs: Mapping[str, str],
    reached: Sequence[Target],
) -> dict[str, object]:
    return {
        **output.header(asdict(settings), DISTRIBUTIONS),
        "programs": programs,
        "servers": {
            setup: {peer: [asdict(life) for life in those] for peer, those in lives.items()}
            for setup, lives in results.items()
        },
        "targets": [asdict(target) for target in reached],
    }
