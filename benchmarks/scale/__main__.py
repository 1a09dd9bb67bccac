"""Compare what a request costs when an application grows: routes, hooks, nested blueprints."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from benchmarks import output
from benchmarks.scale import contest, report
from benchmarks.scale.contest import ChildError, Settings, TooSlowError
from benchmarks.scale.scenes import PEERS, ROUTES, SCENES, Scene

NORMAL = Settings(rounds=3, samples=8, sample_seconds=0.020)
QUICK = Settings(rounds=1, samples=2, sample_seconds=0.002)


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    chosen = QUICK if options.quick else NORMAL
    settings = Settings(options.rounds or chosen.rounds, chosen.samples, chosen.sample_seconds)
    scenes = [scene for scene in SCENES if scene.name in options.scenes]
    growths = []
    try:
        for scene in scenes:
            print(f"timing {scene.name} ...", file=sys.stderr)
            sizes = _sizes(scene, options)
            growths.append(contest.compare(scene, options.peers, sizes, settings))
    except (ChildError, TooSlowError) as error:
        print(f"benchmarks.scale: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    reached = list(report.targets(growths))
    print(*report.tables(growths), output.targets(reached), sep="\n\n")
    output.write(options.json, report.document(growths, settings, reached))
    return 0


def _sizes(scene: Scene, options: argparse.Namespace) -> Sequence[int]:
    if scene.unit != "routes":
        return scene.sizes
    at_most: int = options.routes or (100 if options.quick else ROUTES[-1])
    return [size for size in scene.sizes if size <= at_most]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    output.add_common_options(parser, NORMAL.rounds, PEERS, "scale.json")
    names = [scene.name for scene in SCENES]
    parser.add_argument(
        "--scenes",
        type=output.among(names),
        default=names,
        metavar="NAME,...",
        help=f"default: {', '.join(names)}",
    )
    parser.add_argument(
        "--routes", type=int, choices=ROUTES, help=f"at most so many (default {ROUTES[-1]})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
