"""The growth of each scene as tables, targets, and a JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from operator import truediv
from statistics import median

from benchmarks import output
from benchmarks.output import NOT_APPLICABLE, Target
from benchmarks.scale.contest import Figures, Growth, Settings, Start
from benchmarks.scale.scenes import BASELINE

RIVAL = "flask"
DISTRIBUTIONS = ("microweb-framework", "flask", "werkzeug", "falcon", "bottle")
MAX_GROWTH = 1.3
MAX_COMPILATION = 0.5


def requests_table(growths: Sequence[Growth]) -> str:
    """All scenes that grow by the same unit, a row for each peer in each."""
    unit, sizes = growths[0].scene.unit, growths[0].sizes
    head = ["µs per request", "peer", *(f"{size:,} {unit}" for size in sizes), "last : first"]
    return output.markdown(head, _request_rows(growths))


def _request_rows(growths: Sequence[Growth]) -> Iterator[list[str]]:
    for growth in growths:
        for peer, figures in growth.peers.items():
            if figures:
                cells = [_time(figures.get(size)) for size in growth.sizes]
                yield [growth.scene.name, peer, *cells, _last_to_first(growth, figures)]


def _time(figures: Figures | None) -> str:
    return NOT_APPLICABLE if figures is None else f"{median(figures.request_us):.2f}"


def _last_to_first(growth: Growth, figures: dict[int, Figures]) -> str:
    first, last = growth.sizes[0], growth.sizes[-1]
    if first not in figures or last not in figures:
        return NOT_APPLICABLE
    return output.with_quartiles(ratios(figures, last, first))


def ratios(figures: dict[int, Figures], size: int, to_size: int) -> list[float]:
    """Compare within each round only, where the applications took turns."""
    return list(map(truediv, figures[size].request_us, figures[to_size].request_us))


def starts_table(growths: Sequence[Growth]) -> str:
    """The largest application of each peer; all others are in the JSON document."""
    head = ["largest", "peer", "routes", "registration ms", "first request ms", "memory MB"]
    rows = [
        [growth.scene.name, peer, *_start_cells(max(figures), figures[max(figures)].starts)]
        for growth in growths
        for peer, figures in growth.peers.items()
        if figures
    ]
    return output.markdown(head, rows)


def _start_cells(size: int, starts: Sequence[Start]) -> Iterator[str]:
    yield f"{size:,}"
    yield output.with_quartiles([start.registration_ms for start in starts], 1)
    yield output.with_quartiles([start.first_request_ms for start in starts], 1)
    kilobytes = median(start.registration_kb + start.first_request_kb for start in starts)
    yield f"{kilobytes / 1024:.1f}"


def targets(growths: Sequence[Growth]) -> Iterator[Target]:
    for growth in growths:
        if growth.scene.unit != "routes":
            continue
        first, last = growth.sizes[0], growth.sizes[-1]
        own, rival = growth.peers.get(BASELINE, {}), growth.peers.get(RIVAL, {})
        name = growth.scene.name
        if first != last and first in own and last in own:
            text = f"{name}: a request with {last:,} routes, as a multiple of that with {first:,}"
            yield Target(text, median(ratios(own, last, first)), MAX_GROWTH)
        if last in own and last in rival:
            yield from _start_targets(name, last, own[last], rival[last])


def _start_targets(name: str, size: int, own: Figures, rival: Figures) -> Iterator[Target]:
    # One of them may have run out of time in a later round.
    pairs = list(zip(own.starts, rival.starts, strict=False))
    first = [mine.first_request_ms / theirs.first_request_ms for mine, theirs in pairs]
    text = f"{name}: the first request with {size:,} routes, as a multiple of Flask's"
    yield Target(text, median(first), MAX_COMPILATION)
    # Flask builds its map while it registers, microweb may wait until the first request.
    both = [
        (mine.registration_ms + mine.first_request_ms)
        / (theirs.registration_ms + theirs.first_request_ms)
        for mine, theirs in pairs
    ]
    text = f"{name}: registration and first request with {size:,} routes, as a multiple of Flask's"
    yield Target(text, median(both), MAX_COMPILATION)


def document(
    growths: Sequence[Growth], settings: Settings, reached: Sequence[Target]
) -> dict[str, object]:
    return {
        **output.header(asdict(settings), DISTRIBUTIONS),
        "scenes": {
            growth.scene.name: {
                "title": growth.scene.title,
                "unit": growth.scene.unit,
                "peers": {
                    peer: {size: asdict(those) for size, those in figures.items()}
                    for peer, figures in growth.peers.items()
                },
                "too_slow": sorted(growth.too_slow),
            }
            for growth in growths
        },
        "targets": [asdict(target) for target in reached],
    }


def tables(growths: Sequence[Growth]) -> Iterator[str]:
    yield "Processor time of one request in µs; the last column: median (quartiles) of the rounds."
    for unit in dict.fromkeys(growth.scene.unit for growth in growths):
        yield requests_table([growth for growth in growths if growth.scene.unit == unit])
    of_routes = [growth for growth in growths if growth.scene.unit == "routes"]
    if of_routes:
        yield "What it takes to come up; memory is by how much the process grew."
        yield starts_table(of_routes)
    slow = [
        f"{growth.scene.name}: {peer} with {size:,}"
        for growth in growths
        for peer, size in sorted(growth.too_slow)
    ]
    if slow:
        yield "Not within the time that a process is given: " + "; ".join(slow) + "."
