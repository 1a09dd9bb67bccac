"""Processes of our own: started on a chosen core, looked at through /proc, stopped for certain."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02

# Debian keeps nginx where the PATH of a normal user does not look.
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


class ServerError(Exception):
    """A program is missing, did not start, or did not answer as it should."""


@dataclass(frozen=True)
class Process:
    popen: subprocess.Popen[bytes]
    log: IO[bytes]

    @property
    def pid(self) -> int:
        return self.popen.pid

    def last_lines(self) -> str:
        # pread: the server writes at the offset of the same open file, which read() would move.
        size = os.fstat(self.log.fileno()).st_size
        text = os.pread(self.log.fileno(), size, 0).decode(errors="replace")
        return "\n".join(text.splitlines()[-15:])


@dataclass(frozen=True)
class Memory:
    """All pages of a process; and those, with shared ones divided among who shares them."""

    rss_kb: int
    pss_kb: int


def program(name: str, remedy: str) -> str:
    beside_python = str(Path(sys.executable).parent)
    folders = [beside_python, os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise ServerError(f"{name} is not installed: {remedy}")
    return found


def on_core(core: int, command: Sequence[str]) -> list[str]:
    return [program("taskset", "apt-get install util-linux"), "-c", str(core), *command]


@contextmanager
def running(command: Sequence[str]) -> Iterator[Process]:
    """Run a server in a session of its own, which Ctrl-C at this terminal does not reach."""
    with TemporaryFile() as log:
        popen = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield Process(popen, log)
        finally:
            stop(popen)


def stop(popen: subprocess.Popen[bytes]) -> None:
    popen.terminate()
    try:
        popen.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
    # What it has started is in its process group; usually nobody is left there.
    with suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)


def wait_until(ready: Callable[[], bool], *processes: Process) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        for process in processes:
            if process.popen.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"a server did not come up:\n{process.last_lines()}")
        time.sleep(POLL_SECONDS)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_ns(pid: int) -> int:
    """The nanoseconds that a process has been on a core; /proc/PID/stat only counts ticks."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


def memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)
    }
    return Memory(sizes["Rss"], sizes["Pss"])
