"""Compare microweb with other WSGI frameworks, in process."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks import chart, contest, instructions, report
from benchmarks.cases import CASES, Case
from benchmarks.check import AnswerError
from benchmarks.measure import Settings
from benchmarks.peers import BASELINE, PEERS, MissingPeersError, Peer

DEFAULT_JSON = Path(__file__).parent / "results" / "latest.json"
NORMAL = Settings(rounds=25, sample_seconds=0.020)
QUICK = Settings(rounds=3, sample_seconds=0.001)

Named = TypeVar("Named", Case, Peer)


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        if options.check:
            contest.check(options.cases, options.peers)
            print("the peers answer alike")
        elif options.instructions:
            _count(options)
        else:
            _compare(options)
    except (AnswerError, MissingPeersError, instructions.CountingError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _compare(options: argparse.Namespace) -> None:
    cases, peers, settings = options.cases, options.peers, _settings(options)
    results = contest.run(cases, peers, settings)
    print(report.tables(results, peers), flush=True)
    if options.chart is not None:
        _write(options.chart, chart.draw(results, peers))
        for result in results:
            path = options.chart.with_suffix("") / f"{result.case.name}.svg"
            _write(path, chart.draw_case(result, peers))
    _write_json(options.json, report.document(results, peers, settings))
    if options.quick:
        return
    print()
    if instructions.available():
        _count(options)
    else:
        print(instructions.REMEDY)


def _count(options: argparse.Namespace) -> None:
    counts = instructions.count(options.cases, options.peers)
    print(report.instructions_table(counts, options.peers))
    path = options.json.with_name("instructions.json")
    _write_json(path, report.instructions_document(counts))


def _settings(options: argparse.Namespace) -> Settings:
    chosen = QUICK if options.quick else NORMAL
    return Settings(options.rounds or chosen.rounds, chosen.sample_seconds)


def _write_json(path: Path, document: Mapping[str, object]) -> None:
    _write(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=_positive,
        metavar="N",
        help=f"samples of each peer in each case (default {NORMAL.rounds})",
    )
    parser.add_argument(
        "--cases",
        type=_among(CASES),
        default=CASES,
        metavar="NAME,...",
        help=f"default: {_names(CASES)}",
    )
    parser.add_argument(
        "--peers",
        type=_peers,
        default=PEERS,
        metavar="NAME,...",
        help=f"default: {_names(PEERS)}; {BASELINE} always takes part",
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=DEFAULT_JSON,
        metavar="FILE",
        help="default: %(default)s; the instructions go into instructions.json beside it",
    )
    parser.add_argument(
        "--chart",
        type=Path,
        metavar="FILE",
        help="draw the ratios as SVG, too, and each case in a folder of that name",
    )
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="only count instructions per request, with valgrind",
    )
    parser.add_argument(
        "--check", action="store_true", help="only check that the peers answer alike"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a smoke run of a few seconds, whose figures mean nothing",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _peers(text: str) -> Sequence[Peer]:
    # Without the baseline there would be nothing to compare with.
    return _among(PEERS)(f"{text},{BASELINE}")


def _among(known: Sequence[Named]) -> Callable[[str], Sequence[Named]]:
    def choose(text: str) -> Sequence[Named]:
        wanted = {name.strip() for name in text.split(",")}
        unknown = wanted.difference(item.name for item in known)
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))} (choose from {_names(known)})"
            )
        return [item for item in known if item.name in wanted]

    return choose


def _names(items: Sequence[Named]) -> str:
    return ", ".join(item.name for item in items)


if __name__ == "__main__":
    sys.exit(main())
