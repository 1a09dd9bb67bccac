"""Refuse to time applications that do not answer alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import tasks
from benchmarks.wsgi import Exchange, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from benchmarks.cases import Case, Expected


class AnswerError(Exception):
    """A peer's answer is not the one its case calls for."""


@dataclass(frozen=True)
class Subject:
    """One peer's application for one case, known to answer correctly."""

    app: WSGIApplication
    request: Request
    status: int
    body_length: int
    begins_task: bool = False

    def confirm(self, exchange: Exchange, body: bytes) -> None:
        """Catch an application that changes its answer while it is being timed."""
        if (exchange.status_code, len(body)) != (self.status, self.body_length):
            raise AnswerError(
                f"the answer changed from {self.status} with {self.body_length} bytes "
                f"to {exchange.status} with {len(body)} bytes"
            )


def verify(peer: str, case: Case, app: WSGIApplication) -> Subject:
    """Return *app* ready to be timed, or raise AnswerError."""
    request = Request(case)
    exchange = Exchange()
    if case.replay_cookies:
        exchange.run(app, request.environ())
        request.replay(exchange.cookies())
    # Twice, because state left behind by the first request would show in the second.
    for _ in range(2):
        body = exchange.run(app, request.environ())
        if case.begins_task:
            tasks.wait(1)
        faults = list(_faults(case.expected, exchange, body))
        if faults:
            log = request.errors.getvalue()
            raise AnswerError("\n  ".join([f"{peer}, case {case.name}:", *faults, log]).rstrip())
    return Subject(app, request, exchange.status_code, len(body), case.begins_task)


def _faults(expected: Expected, exchange: Exchange, body: bytes) -> Iterator[str]:
    if exchange.status_code != expected.status:
        yield f"expected status {expected.status}, got {exchange.status}"
    elif expected.json is not None:
        yield from _json_faults(expected.json, exchange, body)
    elif expected.text is not None and body != expected.text.encode():
        yield f"expected body {expected.text.encode()!r}, got {body!r}"
    for name, value in expected.headers.items():
        if exchange.header(name) != value:
            yield f"expected header {name}: {value}, got {exchange.header(name)!r}"
    cookies = {name: morsel.value for name, morsel in exchange.cookies().items()}
    for name, value in expected.cookies.items():
        if cookies.get(name) != value:
            yield f"expected cookie {name}={value}, got {cookies.get(name)!r}"


def _json_faults(expected: object, exchange: Exchange, body: bytes) -> Iterator[str]:
    content_type = exchange.header("Content-Type") or ""
    if content_type.partition(";")[0] != "application/json":
        yield f"expected application/json, got {content_type!r}"
    try:
        value = json.loads(body)
    except ValueError:
        yield f"expected JSON, got {body!r}"
    else:
        if value != expected:
            yield f"expected JSON {expected!r}, got {value!r}"
