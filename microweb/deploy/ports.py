"""Which program has a port, and what the system allows there."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A program that listens on a port.

    :ivar program: Its name; empty where this user may not know it.
    :ivar process: Its process id.
    """

    program: str = ""
    process: int = 0

    def __str__(self) -> str:
        if not self.program:
            return "another program (as root, `ss -ltnp` names it)"
        return f"{self.program} (process {self.process})"


def holder(address: str) -> Holder | None:
    """Return the program that has a port, None where the port is free.

    :param address: A port, or ``host:port``.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]").replace("*", "")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, int(port)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return _listener(int(port)) or Holder()
            # Below 1024 only root may try.
            return _listener(int(port)) if error.errno == errno.EACCES else None
    return None


def longest_queue() -> int:
    """Return how many connections may wait at a socket: what the system allows."""
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):  # no Linux; 128 is what others allow
        return 128


def _listener(port: int) -> Holder | None:
    """Find the process by the inode of its socket."""
    inodes = {
        f"socket:[{fields[9]}]"
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in map(str.split, _lines(table)[1:])
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port  # 0A: it listens
    }
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if os.readlink(link) in inodes:
                process = link.parts[2]
                return Holder(Path("/proc", process, "comm").read_text().strip(), int(process))
    return Holder() if inodes else None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:  # not on this system
        return []
