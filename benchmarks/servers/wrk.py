"""The load generator wrk, and what it says in the end."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.servers.processes import ServerError, on_core, program

# Answers cut short are not among the errors: uWSGI's own HTTP server closes the connection after
# each answer without saying so, which wrk takes for one.
SCRIPT = """\
done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\\n{"requests": %d, "microseconds": %d, "p50_us": %d, "p99_us": %d, "errors": %d}\\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.write + errors.status + errors.timeout))
end
"""
PATIENCE = 30.0  # seconds beyond those that it is to run


@dataclass(frozen=True)
class Load:
    """What was asked and answered in one run."""

    requests: int
    microseconds: int
    p50_us: int
    p99_us: int
    errors: int


def load(url: str, seconds: int, connections: int, core: int) -> Load:
    with TemporaryDirectory(prefix="microweb-wrk-") as folder:
        script = Path(folder, "report.lua")
        script.write_text(SCRIPT)
        command = [program("wrk", "apt-get install wrk"), "--threads", "1"]
        command += ["--connections", str(connections), "--duration", f"{seconds}s"]
        command += ["--script", str(script), url]
        done = subprocess.run(
            on_core(core, command),
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE,
            check=False,
        )
    if done.returncode != 0:
        raise ServerError(f"wrk ended with {done.returncode}: {done.stderr}{done.stdout}")
    result = Load(**json.loads(done.stdout.splitlines()[-1]))
    if result.errors or not result.requests:
        raise ServerError(f"{url}: {result.errors} errors in {result.requests} requests")
    return result
