"""The golden set, sent to every server: the same answers, or a difference that is written down."""

from __future__ import annotations

import re
import runpy
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import in_process
from .client import HOST
from .differences import DIFFERENCES, Instead, instead
from .golden import GOLDEN, K200, Golden, content
from .process import wait_until
from .runners import MATRIX
from .servers import Site
from .wire import PATIENCE, Answer, Headers, Request, ask, parsed, read_all

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SITE = Path(__file__).parent / "sites/golden"


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    folder: Path


@pytest.fixture(scope="module", params=MATRIX)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    name: str = request.param
    folder = tmp_path_factory.mktemp("golden")
    folder.chmod(0o777)  # for an Apache that does not run as root
    with MATRIX[name](Site(SITE, {"GOLDEN_FOLDER": str(folder)})) as client:
        yield Server(name, client.port, folder)


@pytest.fixture(scope="module")
def app() -> WSGIApplication:
    app: WSGIApplication = runpy.run_path(str(SITE / "app.py"))["app"]
    return app


@pytest.fixture(params=GOLDEN)
def golden(request: pytest.FixtureRequest) -> Golden:
    return GOLDEN[request.param]


def test_the_set_is_large_and_the_list_of_differences_short() -> None:
    assert len(GOLDEN) >= 100
    assert len(DIFFERENCES) < 10
    named = {name for _, cases in DIFFERENCES for _, requests, _ in cases for name in requests}
    assert named <= set(GOLDEN)


# The validator of the tests knows the methods of HTTP only, and warns of others.
UNKNOWN_METHODS = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")


@UNKNOWN_METHODS
def test_the_application_itself_answers_so(app: WSGIApplication, golden: Golden) -> None:
    answer = in_process.answer(app, golden.request)
    assert answer.status == golden.status
    assert content(golden.says, answer.body) == golden.says
    assert answer.cut == golden.cut
    assert golden.headers.items() <= dict(answer.headers).items()


@UNKNOWN_METHODS
def test_every_server_answers_so(server: Server, app: WSGIApplication, golden: Golden) -> None:
    answer = ask(server.port, golden.request)
    alone = in_process.answer(app, golden.request)
    if alone.cut and not any(name == "content-length" for name, _ in alone.headers):
        # Where the end of the connection is the end of the body, a client cannot tell.
        alone = replace(alone, cut=answer.cut)
    difference = instead(server.name, golden.name)
    if difference is None:
        assert without_id(answer) == without_id(alone)
    else:
        assert answer != alone, "the difference is there no longer"
        check_difference(answer, alone, golden, difference)


def without_id(answer: Answer) -> Answer:
    """Return an answer less the id of its request, which is in every problem document."""
    body = re.sub(rb'("request_id": *)"[0-9a-f]{32}"', rb'\1""', answer.body)
    return replace(answer, body=body)


def check_difference(answer: Answer, alone: Answer, golden: Golden, known: Instead) -> None:
    assert answer.status == (known.status or golden.status)
    assert content(known.says, answer.body) == known.says
    assert (answer.cut, answer.rest) == (False, known.rest)
    if known.headers is not None:
        assert answer.headers == replaced(alone.headers, known.headers)


def replaced(headers: Headers, others: Headers) -> Headers:
    names = {name for name, _ in others}
    kept = [pair for pair in headers if pair[0] not in names]
    return tuple(sorted([*kept, *others]))


# --- connections


UNREAD = Request("POST", "/", (), K200, closes=False)


def test_a_body_that_nobody_read_is_not_taken_for_the_next_request(server: Server) -> None:
    with socket.create_connection((HOST, server.port), timeout=PATIENCE) as connection:
        following = Request(target="/echo?second")
        connection.sendall(UNREAD.head() + UNREAD.content() + following.head())
        first = parsed(read_all(connection), "POST")
    assert (first.status, first.cut) == (405, False)
    # A server may close the connection; what it must not do is to answer something else.
    if first.rest:
        assert parsed(first.rest, "GET") == ask(server.port, following)


def test_a_client_that_goes_away_ends_the_stream_in_its_own_request(server: Server) -> None:
    sign = server.folder / "stream"
    with socket.create_connection((HOST, server.port), timeout=PATIENCE) as connection:
        connection.sendall(Request(target="/endless/stream").head())
        received = 0
        while received < 1_000_000:
            received += len(connection.recv(65_536))
        assert not sign.exists()
    wait_until(sign.exists)
    wait_until(lambda: sign.read_text() == "/endless/stream")
