"""Instructions per request, counted by callgrind: the same however busy the machine is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import Case
from benchmarks.measure import OVERHEAD
from benchmarks.peers import Peer, load_all

# Instructions per request of each contestant, by case.
Counts = Mapping[str, Mapping[str, float]]

REMEDY = "Instructions per request are counted where valgrind is: apt-get install valgrind"
ROOT = Path(__file__).resolve().parent.parent


class CountingError(Exception):
    """Callgrind did not say what it was asked."""


def available() -> bool:
    return shutil.which("valgrind") is not None


def count(cases: Sequence[Case], peers: Sequence[Peer]) -> Counts:
    """Run the requests of every peer under callgrind, as many peers at a time as there are CPUs."""
    if not available():
        raise CountingError(REMEDY)
    loaded = load_all(peers)
    wanted = {
        name: [case.name for case in cases if case.name in apps] for name, apps in loaded.items()
    }
    wanted[OVERHEAD] = [case.name for case in cases]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        counts = dict(zip(wanted, threads.map(_count, wanted, wanted.values()), strict=True))
    return {
        case.name: {name: found[case.name] for name, found in counts.items() if case.name in found}
        for case in cases
    }


def _count(contestant: str, cases: Sequence[str]) -> dict[str, float]:
    print(f"counting {contestant} ...", file=sys.stderr)
    with TemporaryDirectory() as folder:
        finished = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--quiet", "--dump-before=getppid"),
                f"--callgrind-out-file={folder}/%p",
                *(sys.executable, "-m", "benchmarks.workload", contestant, *cases),
            ],
            cwd=ROOT,
            # Random hashes would put each run's dictionaries in an order of their own.
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if finished.returncode:
            raise CountingError(finished.stderr)
        lines = [line.split() for line in finished.stdout.splitlines()]
        return {
            # The first dump is of what came before the requests.
            case: _counted(Path(folder, f"{process}.2")) / int(requests)
            for case, process, requests in lines
        }


def _counted(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)$", dump.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise CountingError(f"no total in {dump}")
    return int(found[1])
