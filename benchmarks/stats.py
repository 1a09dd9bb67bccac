"""The few statistics the report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import truediv
from statistics import geometric_mean, median, quantiles

from benchmarks.measure import CaseResult, Timing
from benchmarks.peers import BASELINE


@dataclass(frozen=True)
class Spread:
    """A median and how far the values scatter around it."""

    median: float
    lower_quartile: float
    upper_quartile: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        # A single round has no quartiles of its own.
        lower, _, upper = (
            quantiles(values, n=4, method="inclusive") if len(values) > 1 else list(values) * 3
        )
        return cls(median(values), lower, upper, min(values), max(values))


@dataclass(frozen=True)
class GeometricMean:
    ratio: float
    cases: Sequence[str]


def ratios(timing: Timing, baseline: Timing) -> list[float]:
    """Compare within each round only, where both ran under the same conditions."""
    return list(map(truediv, timing.samples, baseline.samples))


def ratio(result: CaseResult, peer: str, to: str = BASELINE) -> Spread:
    """How many times as long as *to* *peer* takes."""
    return Spread.of(ratios(result.timings[peer], result.timings[to]))


def net_ratio(result: CaseResult, peer: str, to: str = BASELINE) -> float | None:
    """The ratio without the harness's own time, if that leaves anything to compare."""
    overhead = median(result.overhead.samples)
    time, other = (median(result.timings[name].samples) - overhead for name in (peer, to))
    return time / other if time > 0 and other > 0 else None


def overall(results: Sequence[CaseResult], peer: str) -> GeometricMean | None:
    """The mean ratio over the cases *peer* took part in, if there is any."""
    shared = [result for result in results if peer in result.timings]
    if not shared:
        return None
    return GeometricMean(
        geometric_mean([ratio(result, peer).median for result in shared]),
        [result.case.name for result in shared],
    )


def overall_net(results: Sequence[CaseResult], peer: str) -> float | None:
    """The mean of the net ratios, if there is one of each case."""
    found = [net_ratio(result, peer) for result in results]
    known = [ratio for ratio in found if ratio is not None]
    return geometric_mean(known) if found and len(known) == len(found) else None


def shared_by_all(results: Sequence[CaseResult], peers: Sequence[str]) -> list[CaseResult]:
    """The cases in which nobody is missing, so that means over them can be compared."""
    return [result for result in results if all(peer in result.timings for peer in peers)]
