"""Machines to run a server on: network namespaces where they may be made, else ports of this one.

A namespace has no name: it is gone, and the cable to it, when the last process in it has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

from ..client import HOST
from ..process import Process, running, wait_until
from ..programs import program
from ..servers import free_port

#: For tests between networks, and so in nobody's use (RFC 2544, appendix C.2.2).
NETWORK = "198.18"
PORT = 3031
#: However this process ends: what stayed would keep its namespace, and the cable.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")


_numbers = count()


class Host(Protocol):
    """A machine that one server runs on.

    :ivar kind: What it is made of.
    :ivar address: Where its server listens.
    :ivar prefix: What a command begins with that runs on it.
    """

    kind: str
    address: str
    prefix: tuple[str, ...]

    def vanish(self, server: Process) -> None:
        """Cut it off: what is sent to it is lost without a word."""

    def come_back(self, server: Process) -> None:
        """Connect it again."""


@dataclass
class Namespace:
    """A network of its own, behind a cable.

    :ivar gateway: The address of our end of the cable.
    """

    holder: int
    kind: str = "network namespaces"
    address: str = field(init=False)
    gateway: str = field(init=False)
    prefix: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        # The one before may take a moment to go, and its numbers with it.
        number = next(_numbers)
        subnet = f"{NETWORK}.{os.getpid() % 256}"
        self.gateway = f"{subnet}.{4 * number % 256 + 1}"
        own = f"{subnet}.{4 * number % 256 + 2}"
        self.address = f"{own}:{PORT}"
        self.prefix = (*ENDS_WITH_US, "nsenter", f"--net=/proc/{self.holder}/ns/net")
        cable = f"mw{os.getpid()}-{number}"
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder))
        _ip("address", "add", f"{self.gateway}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        self._ip("address", "add", f"{own}/30", "dev", "eth0")
        self._ip("link", "set", "eth0", "up")

    def _ip(self, *arguments: str) -> None:
        _ip(*arguments, prefix=self.prefix)

    def vanish(self, server: Process) -> None:
        self._ip("route", "add", "blackhole", self.gateway)

    def come_back(self, server: Process) -> None:
        self._ip("route", "delete", "blackhole", self.gateway)


@dataclass
class Port:
    """A port of this machine; its server is stopped where a cable would be cut."""

    address: str
    kind: str = "ports"
    prefix: tuple[str, ...] = ()

    def vanish(self, server: Process) -> None:
        os.killpg(server.popen.pid, signal.SIGSTOP)

    def come_back(self, server: Process) -> None:
        os.killpg(server.popen.pid, signal.SIGCONT)


def _ip(*arguments: str, prefix: tuple[str, ...] = ()) -> None:
    ip = program("ip", "apt-get install iproute2")
    subprocess.run([*prefix, ip, *arguments], check=True, capture_output=True, text=True)


def namespaces_may_be_made() -> bool:
    done = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return done.returncode == 0


@contextmanager
def host() -> Iterator[Host]:
    if not namespaces_may_be_made():
        yield Port(f"{HOST}:{free_port()}")
        return
    command = [*ENDS_WITH_US, "unshare", "--net", "sleep", "infinity"]
    with running(command, Path("/")) as holder:
        ours = Path("/proc/self/ns/net").readlink()
        theirs = Path(f"/proc/{holder.popen.pid}/ns/net")
        wait_until(lambda: theirs.readlink() != ours, holder)
        yield Namespace(holder.popen.pid)
