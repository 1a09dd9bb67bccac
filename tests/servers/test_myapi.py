"""The service of examples/myapi, asked over HTTP through every server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import Client
from .servers import Serve, Site

JSON = "application/json"


@pytest.fixture(scope="module")
def server(serve: Serve, examples: Path) -> Iterator[Client]:
    with serve(Site(examples / "myapi")) as client:
        yield client


@pytest.fixture(scope="module")
def uuid(server: Client) -> str:
    return str(server.get("/").json["uuid"])


def test_the_answer_tells_how_it_was_asked(server: Client, uuid: str) -> None:
    answer = server.get("/mypath?name=J%C3%BCrgen+M&tag=a&tag=b&empty=")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == JSON
    assert answer.json == {
        "status": "ok",
        "uuid": uuid,
        "view": "show_mypath",
        "method": "GET",
        "path_info": "/mypath",
        "query_string": "name=J%C3%BCrgen+M&tag=a&tag=b&empty=",
        "query": {"name": ["Jürgen M"], "tag": ["a", "b"], "empty": [""]},
    }


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_another_method_goes_to_another_view(server: Client, uuid: str, method: str) -> None:
    answer = server.request(method, "/mypath")
    assert answer.status == 200
    assert answer.json == {
        "status": "ok",
        "uuid": uuid,
        "view": "change_mypath",
        "method": method,
        "path_info": "/mypath",
        "query_string": "",
        "query": {},
    }


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("/", "/"),
        ("/nobody/registered/this", "/nobody/registered/this"),
        ("/gr%C3%BC%C3%9Fe/%E2%98%83", "/grüße/☃"),
        ("/two%20words/100%25", "/two words/100%"),
        ("/a%2Fb", "/a/b"),
        ("/a+b", "/a+b"),
        ("/question%3Fmark?real=query", "/question?mark"),
    ],
)
def test_any_path_is_answered_and_told_decoded(server: Client, sent: str, told: str) -> None:
    answer = server.get(sent)
    assert answer.status == 200
    assert answer.json["view"] == "show_any_path"
    assert answer.json["path_info"] == told


def test_the_object_is_the_same_on_every_request(server: Client, uuid: str) -> None:
    assert [server.get("/mypath").json["uuid"] for _ in range(5)] == [uuid] * 5


def test_a_posted_document_comes_back(server: Client) -> None:
    document = {"title": "Grüße ☃", "pages": [1, 2.5, None, True], "nested": {"a": {}}}
    answer = server.post("/documents", json.dumps(document).encode(), JSON)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == JSON
    assert answer.json == document


def test_a_document_of_100_kb_comes_back_whole(server: Client) -> None:
    document = [f"line {number:05} of a long document" for number in range(4_000)]
    body = json.dumps(document).encode()
    assert len(body) > 100_000
    assert server.post("/documents", body, JSON).json == document


def test_a_chunked_document_comes_back_whole_or_is_refused_but_never_read_as_empty(
    server: Client,
) -> None:
    # In one piece: a server that closes early would break the pipe of a client that still sends.
    (status_line, *_), body = server.exchange(
        "POST /documents HTTP/1.1",
        f"Content-Type: {JSON}",
        "Transfer-Encoding: chunked",
        body=b"".join([b"a\r\n", b'{"title": ', b"\r\n9\r\n", b'"chunks"}', b"\r\n0\r\n\r\n"]),
    )
    status = status_line.split(" ")[1]
    # 411 Length Required: not every server hands such a body on.
    assert status in {"200", "411"}
    assert status == "411" or json.loads(body) == {"title": "chunks"}


def test_a_broken_document_is_told_where_it_breaks(server: Client) -> None:
    answer = server.post("/documents", b'{"title": }', JSON)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == JSON
    assert answer.json["status"] == "Bad Request"
    assert "line 1 column 11" in answer.json["reason"]


def test_what_is_not_json_is_told_what_is_expected(server: Client) -> None:
    answer = server.post("/documents", b"title=a+form", "application/x-www-form-urlencoded")
    assert answer.status == 415
    assert answer.headers["Content-Type"] == JSON
    assert answer.json["status"] == "Unsupported Media Type"
    assert JSON in answer.json["reason"]


def test_a_large_body_that_nobody_reads_does_not_cost_the_answer(server: Client) -> None:
    body = b"x" * 200_000
    statuses = [server.post("/documents", body, "text/plain").status for _ in range(30)]
    assert statuses == [415] * 30


def test_head_announces_the_body_that_it_leaves_out(server: Client) -> None:
    # An HTTP client would not even look for a body after HEAD.
    (status_line, *headers), body = server.exchange("HEAD /mypath HTTP/1.1")
    left_out = server.get("/mypath").body.replace(b'"GET"', b'"HEAD"')
    assert status_line.split(" ")[1] == "200"
    assert f"Content-Length: {len(left_out)}" in headers
    assert body == b""


def test_options_tells_the_methods_of_a_path(server: Client) -> None:
    answer = server.request("OPTIONS", "/mypath")
    assert answer.status == 200
    assert answer.allow == ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]
    assert answer.body == b""


def test_a_method_without_a_view_is_told_which_there_are(server: Client) -> None:
    answer = server.post("/nobody/registered/this", b"{}", JSON)
    assert answer.status == 405
    assert answer.allow == ["GET", "HEAD", "OPTIONS"]
    assert answer.json == {
        "status": "Method Not Allowed",
        "reason": "The method is not allowed for the requested URL.",
    }
