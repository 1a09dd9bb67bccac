"""An application below a path of its server, which only the server knows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .client import Client
from .runners import under_a_prefix
from .servers import Site
from .test_matrix import SITE
from .wire import Request, ask

PREFIX = "/shop"
SERVERS = under_a_prefix(PREFIX)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Client]:
    with SERVERS[request.param](Site(SITE)) as client:
        yield client


def test_the_prefix_is_no_part_of_the_path(server: Client) -> None:
    told = json.loads(ask(server.port, Request(target=f"{PREFIX}/echo?a=1")).body)
    assert (told["root"], told["path"], told["args"]) == (PREFIX, "/echo", {"a": ["1"]})


def test_urls_and_redirects_have_the_prefix(server: Client) -> None:
    answer = ask(server.port, Request(target=f"{PREFIX}/slash?a=1"))
    assert answer.status == 308
    assert dict(answer.headers)["location"] == f"http://golden.test{PREFIX}/slash/?a=1"
    answer = ask(server.port, Request(target=f"{PREFIX}/redirect"))
    assert dict(answer.headers)["location"] == f"{PREFIX}/path/%C3%BC/%C3%A4%20b"


def test_what_is_escaped_below_the_prefix_is_so_once(server: Client) -> None:
    answer = ask(server.port, Request(target=f"{PREFIX}/path/gr%C3%BC%C3%9Fe%20%2520"))
    assert json.loads(answer.body)["path"] == "grüße %20"


def test_the_prefix_alone_is_the_front_page(server: Client) -> None:
    assert ask(server.port, Request(target=f"{PREFIX}/")).body == b"Hello, World!"
    answer = ask(server.port, Request(target=PREFIX))
    if answer.status != 200:  # as granian has it, which adds the slash in silence
        location = dict(answer.headers).get("location")
        assert (answer.status, location) == (308, f"http://golden.test{PREFIX}/")
