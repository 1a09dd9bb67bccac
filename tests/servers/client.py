"""A real HTTP client of the standard library, one connection for each request."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from http.cookies import SimpleCookie
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 20.0  # seconds


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def allow(self) -> list[str]:
        return sorted(self.headers["Allow"].split(", "))


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        with closing(HTTPConnection(HOST, self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: bytes, content_type: str) -> Answer:
        return self.request("POST", path, body, {"Content-Type": content_type})

    def exchange(self, *head: str, body: bytes = b"") -> tuple[list[str], bytes]:
        """Send what no HTTP client would; the lines of the head come back, and all that follows."""
        lines = [*head, f"Host: {HOST}:{self.port}", "Connection: close", "", ""]
        with socket.create_connection((HOST, self.port), timeout=PATIENCE) as connection:
            connection.sendall("\r\n".join(lines).encode() + body)
            with connection.makefile("rb") as answer:
                received, _, rest = answer.read().partition(b"\r\n\r\n")
        return received.decode().split("\r\n"), rest


class Browser(Client):
    """A client that keeps the cookies it is given and sends them back."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.cookies: dict[str, str] = {}

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**(headers or {}), **({"Cookie": cookies} if cookies else {})}
        answer = super().request(method, path, body, sent)
        for header in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: cookie.value for name, cookie in SimpleCookie(header).items()}
        return answer
