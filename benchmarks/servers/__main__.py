"""Compare what a request costs the worker process of a real server."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from benchmarks import output
from benchmarks.servers import contest, report
from benchmarks.servers.contest import BASELINE, PEERS, Lives, Settings
from benchmarks.servers.processes import ServerError, program
from benchmarks.servers.setups import SETUPS, Cores

NORMAL = Settings(rounds=7, seconds=1, connections=8)
QUICK_ROUNDS = 1


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else NORMAL.rounds)
    settings = Settings(rounds, options.seconds, options.connections)
    peers = [name for name in PEERS if name in {*options.peers, BASELINE}]
    # Whoever ends this program ends its servers, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    results: dict[str, Lives] = {}
    try:
        cores = choose_cores()
        for setup in options.servers:
            print(f"measuring {setup} ...", file=sys.stderr)
            results[setup] = contest.compare(setup, peers, cores, settings)
    except (ServerError, subprocess.TimeoutExpired) as error:
        print(f"benchmarks.servers: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    reached = list(report.targets(results))
    print(*report.tables(results), output.targets(reached), sep="\n\n")
    output.write(options.json, report.document(results, settings, versions(), reached))
    return 0


def choose_cores() -> Cores:
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise ServerError("the worker and the load need a core each, and there is only one")
    return Cores(available[0], available[-1])


def versions() -> dict[str, str]:
    """What those programs say that no Python package stands for."""
    said = {}
    for name, option in (("nginx", "-v"), ("wrk", "-v")):
        with suppress(ServerError):
            done = subprocess.run(
                [program(name, ""), option],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=10,
                check=False,
            )
            said[name] = done.stdout.partition("\n")[0].strip()
    return said


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers", description=__doc__)
    output.add_common_options(parser, NORMAL.rounds, PEERS, "servers.json")
    parser.add_argument(
        "--servers",
        type=output.among(SETUPS),
        default=list(SETUPS),
        metavar="NAME,...",
        help=f"default: {', '.join(SETUPS)}",
    )
    parser.add_argument(
        "--seconds",
        type=output.positive,
        default=NORMAL.seconds,
        metavar="N",
        help="of load for each request in each round (default %(default)s)",
    )
    parser.add_argument(
        "--connections",
        type=output.positive,
        default=NORMAL.connections,
        metavar="N",
        help="of wrk at the same time (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
