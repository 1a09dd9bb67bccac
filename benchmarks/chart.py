"""The results as a bar chart in SVG, readable on light and on dark pages.

Bars start at zero on a linear scale, so that their lengths can be compared by eye.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from benchmarks import stats
from benchmarks.measure import CaseResult
from benchmarks.peers import BASELINE, Peer

TITLE = f"Time per request as a multiple of {BASELINE}'s"
TIMES = "\N{MULTIPLICATION SIGN}"
WIDTH = 860
MARGIN = 20
PLOT_LEFT = 200
PLOT_RIGHT = 740
PLOT_TOP = 104
BAR_HEIGHT = 11
BAR_STEP = 13
GROUP_GAP = 17
AXIS_HEIGHT = 34
LEGEND_STEP = 120
MAX_TICKS = 8

# Distinguishable with the common colour deficiencies, and with a contrast of at least 3
# against both white and near-black.
COLOURS = {
    "microweb": "#d55e00",
    "flask": "#0072b2",
    "falcon": "#009e73",
    "bottle": "#c070a0",
    "wheezy": "#9a7b00",
    "pyramid": "#7a5fd0",
    "bare": "#8a8f98",
}

# Where a viewer ignores the media query, the mid-grey still shows on either background.
STYLE = """
text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #6a737d; }
.title { font-size: 17px; font-weight: 600; }
.group { font-size: 13px; font-weight: 600; }
.value, .tick { font-size: 10.5px; }
.grid { stroke: #8a8f98; stroke-opacity: 0.3; }
.spread { stroke: #6a737d; }
.one { stroke: #d55e00; stroke-dasharray: 4 3; }
@media (prefers-color-scheme: light) { text { fill: #24292f; } .spread { stroke: #24292f; } }
@media (prefers-color-scheme: dark) { text { fill: #d1d7de; } .spread { stroke: #d1d7de; } }
"""


@dataclass(frozen=True)
class Bar:
    peer: Peer
    # How many times the baseline's time; None where the peer cannot take part.
    ratio: float | None
    label: str
    # A mean over cases has none.
    quartiles: tuple[float, float] | None = None

    @property
    def end(self) -> float:
        return max(self.ratio or 0, *(self.quartiles or (0,)))


@dataclass(frozen=True)
class Group:
    name: str
    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        return len(self.bars) * BAR_STEP + GROUP_GAP


def draw(results: Sequence[CaseResult], peers: Sequence[Peer]) -> str:
    """Return the SVG document of all cases."""
    groups = [*_mean_groups(results, peers), *(_group(result, peers) for result in results)]
    return _document(TITLE, groups, peers)


def draw_case(result: CaseResult, peers: Sequence[Peer]) -> str:
    """Return the SVG document of one case, on a scale of its own."""
    return _document(f"{result.case.name}: {TITLE.lower()}", [_group(result, peers)], peers)


def _document(title: str, groups: Sequence[Group], peers: Sequence[Peer]) -> str:
    bottom = PLOT_TOP + sum(group.height for group in groups)
    height = bottom + AXIS_HEIGHT
    scale = _Scale(max(bar.end for group in groups for bar in group.bars))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title summary">',
            *_heading(title, peers),
            *_axis(scale, bottom),
            *_groups(groups, scale),
            "</svg>\n",
        ]
    )


class _Scale:
    def __init__(self, largest: float) -> None:
        self.step = _round_step(largest / MAX_TICKS)
        self.end = ceil(largest / self.step) * self.step

    def x(self, ratio: float) -> float:
        return round(PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * ratio / self.end, 1)

    def ticks(self) -> list[float]:
        return [number * self.step for number in range(round(self.end / self.step) + 1)]


def _round_step(least: float) -> float:
    """The smallest of ..., 0.5, 1, 2, 5, 10, ... that is no smaller than *least*."""
    magnitude = 10.0 ** floor(log10(least))
    return next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= least)


def _mean_groups(results: Sequence[CaseResult], peers: Sequence[Peer]) -> Iterator[Group]:
    shared = stats.shared_by_all(results, [peer.name for peer in peers])
    if shared:
        title = f"{len(shared)} cases of all peers"
        yield Group("geometric mean", title, [_mean_bar(shared, peer) for peer in peers])


def _mean_bar(shared: Sequence[CaseResult], peer: Peer) -> Bar:
    mean = stats.overall(shared, peer.name)
    if mean is None:
        return Bar(peer, None, "n/a")
    return Bar(peer, mean.ratio, f"{mean.ratio:.2f}{TIMES}")


def _group(result: CaseResult, peers: Sequence[Peer]) -> Group:
    return Group(result.case.name, result.case.title, [_bar(result, peer) for peer in peers])


def _bar(result: CaseResult, peer: Peer) -> Bar:
    timing = result.timings.get(peer.name)
    if timing is None:
        return Bar(peer, None, "n/a")
    ratio = stats.ratio(result, peer.name)
    time = stats.Spread.of(timing.samples).median
    return Bar(
        peer,
        ratio.median,
        f"{ratio.median:.2f}{TIMES} · {time:.1f} µs",
        (ratio.lower_quartile, ratio.upper_quartile),
    )


def _heading(title: str, peers: Sequence[Peer]) -> Iterator[str]:
    yield f'<title id="title">{escape(title)}</title>'
    yield '<desc id="summary">Horizontal bars by case and framework; shorter is faster.</desc>'
    yield f"<style>{STYLE}</style>"
    yield _text(MARGIN, 30, title, "title")
    yield _text(
        MARGIN,
        50,
        "Shorter is faster. In-process WSGI calls, median and quartiles of the rounds; "
        "µs include the harness.",
    )
    for index, peer in enumerate(peers):
        x = MARGIN + index * LEGEND_STEP
        yield _rectangle(x, 66, BAR_HEIGHT, COLOURS[peer.name], "key")
        yield _text(x + BAR_HEIGHT + 6, 76, peer.title, "legend")


def _axis(scale: _Scale, bottom: int) -> Iterator[str]:
    for tick in scale.ticks():
        x = scale.x(tick)
        yield _vertical_line(x, bottom, "grid")
        yield _text(x, bottom + 16, f"{tick:g}{TIMES}", "tick", anchor="middle")
    yield _vertical_line(scale.x(1), bottom, "one")


def _groups(groups: Sequence[Group], scale: _Scale) -> Iterator[str]:
    top = PLOT_TOP
    for group in groups:
        yield _text(MARGIN, top + 11, group.name, "group")
        yield _text(MARGIN, top + 27, group.title)
        for index, bar in enumerate(group.bars):
            yield from _bar_marks(bar, scale, top + index * BAR_STEP)
        top += group.height


def _bar_marks(bar: Bar, scale: _Scale, y: int) -> Iterator[str]:
    if bar.ratio is not None:
        width = round(scale.x(bar.ratio) - PLOT_LEFT, 1)
        yield _rectangle(PLOT_LEFT, y, width, COLOURS[bar.peer.name], "bar")
    if bar.quartiles is not None:
        lower, upper = map(scale.x, bar.quartiles)
        ends = f'x1="{lower:g}" x2="{upper:g}" y1="{y + 5.5:g}" y2="{y + 5.5:g}"'
        yield f'<line class="spread" {ends}/>'
    label = f"{bar.peer.title} {bar.label}" if bar.ratio is None else bar.label
    yield _text(scale.x(bar.end) + 5, y + 9, label, "value")


def _rectangle(x: float, y: float, width: float, colour: str, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" '
        f'height="{BAR_HEIGHT}" fill="{colour}"/>'
    )


def _vertical_line(x: float, bottom: int, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:g}" x2="{x:g}" y1="{PLOT_TOP - 8}" y2="{bottom - 6}"/>'


def _text(x: float, y: float, text: str, kind: str = "note", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
