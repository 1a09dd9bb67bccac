"""One server process: in a session of its own, with its log at hand, stopped for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

START_SECONDS = 20.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class NotReadyError(Exception):
    """A process ended, or took too long, before it did what was waited for."""


@dataclass
class Process:
    name: str
    popen: subprocess.Popen[bytes]
    output: IO[bytes]
    ended_at: float | None = None
    whole_log: str = ""

    def log(self) -> str:
        if self.ended_at is not None:
            return self.whole_log
        # pread: the server writes at the offset of the same open file, which read() would move.
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode(errors="replace")

    def exit_status(self) -> int:
        return self.popen.wait(STOP_SECONDS)

    def press_ctrl_c(self) -> None:
        self.popen.send_signal(signal.SIGINT)

    def stop(self) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self._kill_those_left_behind()
        self.whole_log = self.log()
        self.ended_at = time.time()

    def _kill_those_left_behind(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while self.lives() and time.monotonic() < deadline:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)

    def lives(self) -> bool:
        """Whether the process, or one that it has started, still runs."""
        try:
            os.killpg(self.popen.pid, 0)
        except ProcessLookupError:
            return False
        return not _all_zombies(self.popen.pid)


def _all_zombies(group: int) -> bool:
    """Whether the dead of a process group only wait to be noticed, as in containers without init.

    Where there is no /proc the answer is no.
    """
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # A process may end while this looks at it.
        with suppress(OSError):
            after_the_name = stat.read_text(errors="replace").rpartition(")")[2]
            state, _parent, its_group, *_ = after_the_name.split()
            if int(its_group) == group:
                states.append(state)
    return set(states) == {"Z"}


def wait_until(ready: Callable[[], bool], *processes: Process) -> None:
    """Give up when one of the processes ends: nothing can become ready any more."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        for process in processes:
            if process.popen.poll() is not None:
                raise NotReadyError(f"{process.name} ended with {process.popen.returncode}")
        if time.monotonic() > deadline:
            names = " and ".join(process.name for process in processes)
            raise NotReadyError(f"{names}: not ready after {START_SECONDS} seconds")
        time.sleep(POLL_SECONDS)


started: list[Process] = []


@contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    with TemporaryFile() as output:
        # Every server here logs on stderr; what the application prints goes where pytest's does.
        popen = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
        )
        process = Process(" ".join(command), popen, output)
        started.append(process)
        try:
            yield process
        finally:
            process.stop()
