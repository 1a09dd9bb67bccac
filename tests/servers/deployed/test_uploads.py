"""A large upload passes a worker without growing it, and leaves nothing behind on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from socket import create_connection

import pytest

from ..client import HOST
from ..process import wait_until
from .deployment import Deployment, deployed
from .figures import note, size
from .memory import MEGABYTE, forget_peak, peak

MEGABYTES = size(100, 500)
#: What a worker may grow by, in megabytes.
ALLOWED = 8.0
PATIENCE = 120.0  # seconds


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed("--processes", "1") as deployment:
        yield deployment


def body(megabytes: int) -> Iterator[bytes]:
    piece = bytes(MEGABYTE)
    for _ in range(megabytes):
        yield piece


def upload(port: int, megabytes: int) -> int:
    """Send an upload, and return how many bytes the view has read."""
    with closing(HTTPConnection(HOST, port, timeout=PATIENCE)) as connection:
        length = {"Content-Length": str(megabytes * MEGABYTE)}
        connection.request("POST", "/uploads", body(megabytes), length)
        answer = connection.getresponse()
        assert answer.status == 200
        received: int = json.loads(answer.read())["bytes"]
        return received


@contextmanager
def half_an_upload(port: int, megabytes: int) -> Iterator[None]:
    """Send the first half of an upload, and go when the block ends."""
    with create_connection((HOST, port), timeout=PATIENCE) as connection:
        head = ["POST /uploads HTTP/1.1", f"Host: {HOST}", f"Content-Length: {megabytes}000000"]
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        for piece in body(megabytes // 2):
            connection.sendall(piece)
        yield


def test_an_upload_does_not_grow_the_worker(deployment: Deployment) -> None:
    (worker,) = deployment.workers()
    upload(deployment.port, 1)
    forget_peak(worker)
    before = peak(worker)
    assert upload(deployment.port, MEGABYTES) == MEGABYTES * MEGABYTE
    growth = peak(worker) - before
    note(
        "upload",
        megabytes=MEGABYTES,
        peak_before=f"{before:.1f} MB",
        growth=f"{growth:.1f} MB",
    )
    assert deployment.workers() == [worker]
    assert growth <= ALLOWED
    assert deployment.spooled() == 0


def test_an_upload_that_is_cut_leaves_nothing(deployment: Deployment) -> None:
    (worker,) = deployment.workers()
    forget_peak(worker)
    before = peak(worker)
    with half_an_upload(deployment.port, MEGABYTES):
        wait_until(lambda: deployment.spooled() > 0, deployment.master, deployment.proxy)
    wait_until(lambda: deployment.spooled() == 0, deployment.master, deployment.proxy)
    growth = peak(worker) - before
    note("upload, cut at half", megabytes=MEGABYTES // 2, growth=f"{growth:.1f} MB")
    assert growth <= ALLOWED
    assert deployment.client.get("/").text == "1"
