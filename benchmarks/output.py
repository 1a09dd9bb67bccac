"""What the benchmarks around the request share: options, tables, targets, and the JSON document."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import machine
from benchmarks.stats import Spread

RESULTS = Path(__file__).parent / "results"
NOT_APPLICABLE = "n/a"
TO = "\N{EN DASH}"


@dataclass(frozen=True)
class Target:
    """A figure that is to stay at or below its limit."""

    text: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        return self.value <= self.limit

    def line(self) -> str:
        verdict = "met   " if self.met else "missed"
        return f"{verdict} {self.text}: {self.value:.2f} (at most {self.limit:.2f})"


def markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, all others to the right."""
    rows = [head, *body]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    line = f"| {{:<{widths[0]}}} |" + "".join(f" {{:>{width}}} |" for width in widths[1:])
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(line.format(*row) for row in [head, rule, *rows[1:]])


def with_quartiles(values: Sequence[float], digits: int = 2) -> str:
    """The median, and between which values the middle half of the rounds lies."""
    spread = Spread.of(values)
    quartiles = f"{spread.lower_quartile:.{digits}f}{TO}{spread.upper_quartile:.{digits}f}"
    return f"{spread.median:.{digits}f} ({quartiles})"


def targets(those: Sequence[Target]) -> str:
    """A line for each; nothing where the chosen peers or sizes leave none to compare."""
    return "\n".join(["Targets:", *(target.line() for target in those)]) if those else ""


def header(settings: dict[str, object], distributions: Sequence[str]) -> dict[str, object]:
    """What a reader of the JSON document has to know before the figures."""
    return {
        "schema": 1,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "python": machine.describe_python(),
        "platform": machine.describe_platform(),
        "load": os.getloadavg(),
        "packages": {name: installed_version(name) for name in distributions},
        "settings": settings,
    }


def installed_version(distribution: str) -> str:
    """The version of a package that is measured in another process, and not imported here."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def among(known: Iterable[str]) -> Callable[[str], list[str]]:
    """An option that takes names with commas between them, and keeps them in the known order."""
    names = list(known)

    def choose(text: str) -> list[str]:
        wanted = {name.strip() for name in text.split(",")}
        unknown = wanted.difference(names)
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))} (choose from {', '.join(names)})"
            )
        return [name for name in names if name in wanted]

    return choose


def add_common_options(
    parser: argparse.ArgumentParser, rounds: int, peers: Iterable[str], results: str
) -> None:
    names = list(peers)
    parser.add_argument(
        "--rounds", type=positive, metavar="N", help=f"rounds of samples (default {rounds})"
    )
    parser.add_argument(
        "--peers",
        type=among(names),
        default=names,
        metavar="NAME,...",
        help=f"default: {', '.join(names)}",
    )
    parser.add_argument(
        "--json", type=Path, default=RESULTS / results, metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a smoke run of a few seconds, whose figures mean nothing",
    )
