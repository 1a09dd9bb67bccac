"""How much memory a process has, and has had at the most, in megabytes (proc(5))."""

from __future__ import annotations

from pathlib import Path

MEGABYTE = 1_000_000


def _of(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / MEGABYTE
    raise LookupError(name)


def resident(pid: int) -> float:
    return _of(pid, "VmRSS")


def peak(pid: int) -> float:
    return _of(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Let the peak be what there is now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
