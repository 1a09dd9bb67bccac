"""HTTP as it is on the wire: requests that no library would send, and answers byte for byte."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BytesIO
from typing import cast

from .client import HOST

PATIENCE = 20.0  # seconds
# How long a server may take to say that it wants a body, in seconds; HTTP lets it say nothing.
CONTINUE_SECONDS = 0.1

#: What one server frames its answers with, and another does not.
FRAMING = {"server", "date", "connection", "transfer-encoding", "keep-alive"}

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """A request as it is sent.

    :ivar body: A tuple is sent in chunks, without a length.
    :ivar host: None leaves the header out.
    :ivar closes: It is the last one on its connection.
    :ivar sized: It has a length, which a method that takes a body may go without.
    """

    method: str = "GET"
    target: str = "/"
    headers: Headers = ()
    body: bytes | tuple[bytes, ...] = b""
    host: str | None = "golden.test"
    version: str = "HTTP/1.1"
    closes: bool = True
    sized: bool = True

    def all_headers(self) -> Headers:
        """Return the headers with those that say how long the body is."""
        if isinstance(self.body, tuple):
            return *self.headers, ("Transfer-Encoding", "chunked")
        if self.sized and (self.body or self.method in ("POST", "PUT", "PATCH")):
            return *self.headers, ("Content-Length", str(len(self.body)))
        return self.headers

    def head(self) -> bytes:
        lines = [f"{self.method} {self.target} {self.version}"]
        lines += [] if self.host is None else [f"Host: {self.host}"]
        lines += ["Connection: close"] if self.closes else []
        lines += [f"{name}: {value}" for name, value in self.all_headers()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def content(self) -> bytes:
        if not isinstance(self.body, tuple):
            return self.body
        return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*self.body, b""))


@dataclass(frozen=True)
class Answer:
    """An answer as it was received.

    :ivar headers: In lower case and sorted, without those of :data:`FRAMING`.
    :ivar cut: It ended before it was complete; a body without any framing never looks so.
    :ivar rest: What follows the end of the answer.
    """

    status: int
    headers: Headers
    body: bytes
    cut: bool = False
    rest: bytes = b""


def comparable(headers: list[tuple[str, str]]) -> Headers:
    named = ((name.lower(), value) for name, value in headers)
    return tuple(sorted(pair for pair in named if pair[0] not in FRAMING))


def ask(port: int, request: Request) -> Answer:
    """Send a request and read all that comes back."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
        connection.sendall(request.head())
        early = b""
        if any(name == "Expect" for name, _ in request.headers):
            early = _wait_for_a_word(connection)
        # A server may answer, and close, before it has read all; its answer is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request.content())
        return parsed(early + read_all(connection), request.method)


def _wait_for_a_word(connection: socket.socket) -> bytes:
    connection.settimeout(CONTINUE_SECONDS)
    try:
        return connection.recv(65_536)
    except TimeoutError:
        return b""
    finally:
        connection.settimeout(PATIENCE)


def read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            received += data
    return bytes(received)


class _Received(BytesIO):
    """Stands for the socket that an answer was read from; what is behind the answer stays."""

    def makefile(self, mode: str) -> BytesIO:
        return self

    def close(self) -> None:
        """Stay open: the parser closes what it has read to its end."""


def parsed(data: bytes, method: str) -> Answer:
    """Parse the first answer.

    :raises AssertionError: where there is none.
    """
    source = _Received(data)
    response = HTTPResponse(cast(socket.socket, source), method=method)
    cut = False
    try:
        response.begin()
    except HTTPException as error:
        raise AssertionError(f"no answer, but {data[:200]!r}") from error
    try:
        body = response.read()
    except IncompleteRead as incomplete:
        body, cut = incomplete.partial, True
    headers = comparable(response.getheaders())
    return Answer(response.status, headers, body, cut, source.read())
