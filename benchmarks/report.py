"""Results as a JSON document and as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from statistics import geometric_mean

from benchmarks import machine, stats
from benchmarks.instructions import Counts
from benchmarks.measure import OVERHEAD, CaseResult, Settings, Timing
from benchmarks.output import TO, markdown
from benchmarks.peers import BARE, BASELINE, Peer

SCHEMA = 1
NOT_APPLICABLE = "n/a"


def document(
    results: Sequence[CaseResult], peers: Sequence[Peer], settings: Settings
) -> dict[str, object]:
    """Everything another person needs to redo the statistics."""
    return {
        **_circumstances(),
        "settings": {
            "rounds": settings.rounds,
            "sample_seconds": settings.sample_seconds,
            "baseline": BASELINE,
            "peers": [peer.name for peer in peers],
        },
        "cases": [_case_entry(result, peers) for result in results],
        "geometric_means": _means(results, peers),
        "geometric_means_shared_by_all": _means(_shared(results, peers), peers),
    }


def instructions_document(counts: Counts) -> dict[str, object]:
    return {**_circumstances(), "instructions": counts}


def _circumstances() -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "python": machine.describe_python(),
        "platform": machine.describe_platform(),
        "packages": machine.package_versions(),
        "compiled_modules": machine.compiled_modules(),
    }


def _case_entry(result: CaseResult, peers: Sequence[Peer]) -> dict[str, object]:
    return {
        "name": result.case.name,
        "title": result.case.title,
        "overhead": _timing_entry(result.overhead),
        "peers": {
            name: {**_timing_entry(timing), "ratio": asdict(stats.ratio(result, name))}
            for name, timing in result.timings.items()
        },
        "not_applicable": [peer.name for peer in peers if peer.name not in result.timings],
    }


def _timing_entry(timing: Timing) -> dict[str, object]:
    return {
        "calls_per_sample": timing.calls,
        "samples_us": list(timing.samples),
        "us": asdict(stats.Spread.of(timing.samples)),
    }


def _shared(results: Sequence[CaseResult], peers: Sequence[Peer]) -> list[CaseResult]:
    return stats.shared_by_all(results, [peer.name for peer in peers])


def _means(results: Sequence[CaseResult], peers: Sequence[Peer]) -> dict[str, object]:
    means = {peer.name: stats.overall(results, peer.name) for peer in peers}
    return {name: asdict(mean) for name, mean in means.items() if mean is not None}


def tables(results: Sequence[CaseResult], peers: Sequence[Peer]) -> str:
    rivals = [peer for peer in peers if peer.name != BASELINE]
    parts = [
        "Median time per request in µs (the overhead of the harness is included):",
        markdown(["case", *(peer.title for peer in peers), "overhead"], _times(results, peers)),
    ]
    if rivals:
        parts += [
            f"Time as a multiple of {BASELINE}'s, median (quartiles) of the rounds; "
            f"above 1 means slower than {BASELINE}:",
            markdown(["case", *(peer.title for peer in rivals)], _multiples(results, rivals)),
        ]
    parts += _beside_bare(results)
    return "\n\n".join(parts)


def _times(results: Sequence[CaseResult], peers: Sequence[Peer]) -> Iterator[list[str]]:
    for result in results:
        timings = [result.timings.get(peer.name) for peer in peers]
        yield [result.case.name, *map(_microseconds, [*timings, result.overhead])]


def _microseconds(timing: Timing | None) -> str:
    if timing is None:
        return NOT_APPLICABLE
    return f"{stats.Spread.of(timing.samples).median:.2f}"


def _multiples(results: Sequence[CaseResult], rivals: Sequence[Peer]) -> Iterator[list[str]]:
    for result in results:
        yield [result.case.name, *(_multiple(result, peer.name) for peer in rivals)]
    yield ["geometric mean, own cases", *(_mean(results, peer.name) for peer in rivals)]
    shared = _shared(results, rivals)
    yield ["geometric mean, cases of all", *(_mean(shared, peer.name) for peer in rivals)]
    net = (stats.overall_net(shared, peer.name) for peer in rivals)
    yield ["the same, less overhead", *map(_number, net)]


def _multiple(result: CaseResult, peer: str) -> str:
    if peer not in result.timings:
        return NOT_APPLICABLE
    return _spread(stats.ratio(result, peer))


def _spread(spread: stats.Spread) -> str:
    quartiles = f"{spread.lower_quartile:.2f}{TO}{spread.upper_quartile:.2f}"
    return f"{spread.median:.2f} ({quartiles})"


def _mean(results: Sequence[CaseResult], peer: str) -> str:
    mean = stats.overall(results, peer)
    return NOT_APPLICABLE if mean is None else f"{mean.ratio:.2f} (n={len(mean.cases)})"


def _number(value: float | None) -> str:
    return NOT_APPLICABLE if value is None else f"{value:.2f}"


def _beside_bare(results: Sequence[CaseResult]) -> Iterator[str]:
    """What a framework costs at all: its smallest answer beside that of a bare function."""
    for result in results:
        if result.case.name == "hello" and BARE in result.timings:
            times = _spread(stats.ratio(result, BASELINE, BARE))
            net = _number(stats.net_ratio(result, BASELINE, BARE))
            yield (
                f"`hello`: {BASELINE} takes {times} times as long as the bare WSGI function; "
                f"less the overhead of both, {net} times."
            )


def instructions_table(counts: Counts, peers: Sequence[Peer]) -> str:
    names = [*(peer.name for peer in peers), OVERHEAD]
    shared = [found for found in counts.values() if all(name in found for name in names)]
    means = [_mean_count_ratio(shared, name) for name in names]
    rows = [[case, *(_count(found, name) for name in names)] for case, found in counts.items()]
    head = ["case", *(peer.title for peer in peers), OVERHEAD]
    return "\n\n".join(
        [
            "Instructions per request (as a multiple of "
            f"{BASELINE}'s; the overhead of the harness is included):",
            markdown(head, [*rows, ["geometric mean, cases of all", *means]]),
        ]
    )


def _count(found: Mapping[str, float], name: str) -> str:
    if name not in found:
        return NOT_APPLICABLE
    count = f"{found[name]:,.0f}"
    return count if name in (BASELINE, OVERHEAD) else f"{count} ({_count_ratio(found, name):.2f})"


def _count_ratio(found: Mapping[str, float], name: str) -> float:
    return found[name] / found[BASELINE]


def _mean_count_ratio(shared: Sequence[Mapping[str, float]], name: str) -> str:
    if not shared or name == OVERHEAD:
        return ""
    return f"{geometric_mean([_count_ratio(found, name) for found in shared]):.2f}"
