"""Compare what it costs to import a framework, and to come to its first answer."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from operator import sub, truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import output
from benchmarks.measure import turns
from benchmarks.output import Target
from benchmarks.stats import Spread

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 20
QUICK_ROUNDS = 2
CHILD_SECONDS = 60.0

# The interpreter alone is part of every other figure; Werkzeug is what microweb stands on.
PYTHON = "python"
WERKZEUG = "werkzeug"
MICROWEB = "microweb"
IMPORTS = {
    PYTHON: "pass",
    WERKZEUG: "import werkzeug.wrappers, werkzeug.routing",
    MICROWEB: "import microweb",
    "flask": "import flask",
    "falcon": "import falcon",
    "bottle": "import bottle",
}
SITES = {PYTHON: "bare_site", **{name: f"{name}_site" for name in IMPORTS if name != PYTHON}}
DISTRIBUTIONS = ("microweb-framework", "werkzeug", "flask", "falcon", "bottle")

ANSWER = """\
import io, sys
from benchmarks.sites.{site} import app
environ = {{
    "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/json", "QUERY_STRING": "",
    "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
    "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}}
statuses = []
def start_response(status, headers, exc_info=None):
    statuses.append(status)
body = b"".join(app(environ, start_response))
assert statuses == ["200 OK"] and b"Hello, World!" in body, (statuses, body)
"""

# The exact sum: the counters behind /proc/self/status lag behind by some pages for each core.
REPORT = "print(open('/proc/self/smaps_rollup').read())"

STAGES = ("import", "first answer")


class ChildError(Exception):
    """A measured interpreter ended with an error."""


@dataclass(frozen=True)
class Sample:
    """One fresh interpreter, from its start to its end."""

    wall_ms: float
    cpu_ms: float
    rss_kb: float


Samples = Mapping[str, Mapping[str, Sequence[Sample]]]  # by stage and peer


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    # The interpreter and Werkzeug always take part: without them there is nothing to compare with.
    peers = [name for name in IMPORTS if name in {PYTHON, WERKZEUG, *options.peers}]
    try:
        samples = {stage: measure(stage, peers, rounds) for stage in STAGES}
    except ChildError as error:
        print(f"benchmarks.start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    for stage in STAGES:
        print(f"{stage.capitalize()}, median (quartiles) of {rounds} fresh interpreters:\n")
        print(table(samples[stage]), end="\n\n")
    reached = targets(samples["import"]) if MICROWEB in peers else []
    print(output.targets(reached))
    output.write(options.json, document(samples, reached, rounds))
    return 0


def measure(stage: str, peers: Sequence[str], rounds: int) -> dict[str, list[Sample]]:
    """Start *rounds* interpreters for each peer, in turns."""
    print(f"timing {stage} ...", file=sys.stderr)
    samples: dict[str, list[Sample]] = {peer: [] for peer in peers}
    with bytecode_kept() as environment:
        for peer in peers:
            run(program(stage, peer), environment)  # this one compiles
        for number in range(rounds):
            for peer in turns(peers, number):
                samples[peer].append(run(program(stage, peer), environment))
    return samples


@contextmanager
def bytecode_kept() -> Iterator[Mapping[str, str]]:
    """An environment in which nothing that is imported has to be compiled a second time.

    Without it an installed package would come with its bytecode, and a checkout perhaps not.
    """
    with TemporaryDirectory(prefix="microweb-bytecode-") as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        yield environment


def program(stage: str, peer: str) -> str:
    body = IMPORTS[peer] if stage == "import" else ANSWER.format(site=SITES[peer])
    return f"{body}\n{REPORT}"


def run(code: str, environment: Mapping[str, str]) -> Sample:
    """Run *code* in an interpreter of its own."""
    before, started = _cpu_seconds_of_children(), perf_counter()
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
    )
    wall, cpu = perf_counter() - started, _cpu_seconds_of_children() - before
    if child.returncode != 0:
        raise ChildError(f"this ended with {child.returncode}:\n{code}")
    return Sample(wall * 1e3, cpu * 1e3, resident_kb(child.stdout))


def _cpu_seconds_of_children() -> float:
    # Their sum is exact; how it is divided into user and system may be sampled.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resident_kb(report: str) -> float:
    line = next(line for line in report.splitlines() if line.startswith("Rss:"))
    return float(line.split()[1])


def table(samples: Mapping[str, Sequence[Sample]]) -> str:
    head = ["peer", "CPU ms", "least", "wall ms", "x Werkzeug (CPU, net)", "RSS MB"]
    head.append("x Werkzeug (RSS)")
    return output.markdown(head, [_row(peer, samples) for peer in samples])


def _row(peer: str, samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    times = "" if peer == PYTHON else output.with_quartiles(time_ratios(peer, samples))
    megabytes = median(sample.rss_kb for sample in samples[peer]) / 1024
    return [
        peer,
        output.with_quartiles([sample.cpu_ms for sample in samples[peer]], 1),
        f"{min(sample.cpu_ms for sample in samples[peer]):.1f}",
        output.with_quartiles([sample.wall_ms for sample in samples[peer]], 1),
        times,
        f"{megabytes:.1f}",
        f"{median(memory_ratios(peer, samples)):.2f}",
    ]


def time_ratios(peer: str, samples: Mapping[str, Sequence[Sample]]) -> list[float]:
    """The CPU time as a multiple of Werkzeug's in the same round, both without Python's."""
    python = [sample.cpu_ms for sample in samples[PYTHON]]
    net = {
        name: list(map(sub, (sample.cpu_ms for sample in samples[name]), python))
        for name in (peer, WERKZEUG)
    }
    return list(map(truediv, net[peer], net[WERKZEUG]))


def memory_ratios(peer: str, samples: Mapping[str, Sequence[Sample]]) -> list[float]:
    """The memory of the process as a multiple of the one with Werkzeug, interpreter included."""
    return [
        one.rss_kb / other.rss_kb
        for one, other in zip(samples[peer], samples[WERKZEUG], strict=True)
    ]


def targets(samples: Mapping[str, Sequence[Sample]]) -> list[Target]:
    return [
        Target(
            "CPU time of `import microweb`, as a multiple of Werkzeug's, both without Python's",
            median(time_ratios(MICROWEB, samples)),
            1.25,
        ),
        Target(
            "memory after `import microweb`, as a multiple of Werkzeug's",
            median(memory_ratios(MICROWEB, samples)),
            1.10,
        ),
    ]


def document(samples: Samples, reached: Sequence[Target], rounds: int) -> dict[str, object]:
    return {
        **output.header({"rounds": rounds}, DISTRIBUTIONS),
        "stages": {
            stage: {peer: _entry(those) for peer, those in by_peer.items()}
            for stage, by_peer in samples.items()
        },
        "targets": [asdict(target) for target in reached],
    }


def _entry(samples: Sequence[Sample]) -> dict[str, object]:
    columns = {
        "wall_ms": [sample.wall_ms for sample in samples],
        "cpu_ms": [sample.cpu_ms for sample in samples],
        "rss_kb": [sample.rss_kb for sample in samples],
    }
    return {
        "samples": columns,
        "summary": {name: asdict(Spread.of(values)) for name, values in columns.items()},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    peers = [name for name in IMPORTS if name not in {PYTHON, WERKZEUG}]
    output.add_common_options(parser, ROUNDS, peers, "start.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
