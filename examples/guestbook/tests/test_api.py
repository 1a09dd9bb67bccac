"""The JSON API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from visitor import Visitor, flashes, messages, upload
from werkzeug.test import TestResponse

from microweb import App

PROBLEM = "application/problem+json"


@pytest.fixture
def program(app: App, ada: Visitor) -> Callable[..., TestResponse]:
    """Sends requests with Ada's token, and without cookies."""
    headers = {"Authorization": f"Bearer {ada.draw_token()}"}
    client = app.test_client(use_cookies=False)

    def send(method: str, path: str, **kwargs: Any) -> TestResponse:
        return client.open(path, method=method, headers=headers, **kwargs)

    return send


def test_an_entry_is_shown_as_json(ada: Visitor, guest: Visitor) -> None:
    ada.write("Grüße & ☃", picture=upload(), description="Tea")
    entry = guest.client.get("/api/entries/1").get_json()
    written, picture = entry.pop("written"), entry.pop("picture")
    assert entry == {
        "id": 1,
        "url": "/api/entries/1",
        "name": "Ada",
        "message": "Grüße & ☃",
        "description": "Tea",
    }
    assert written.endswith("Z")
    assert written[10] == "T"
    with guest.client.get(picture) as response:
        assert response.mimetype == "image/png"


def test_entries_are_listed_page_by_page(ada: Visitor, guest: Visitor) -> None:
    assert guest.client.get("/api/entries").get_json() == {"entries": [], "total": 0, "next": None}
    for message in ["one tea", "two tea", "three", "four tea"]:
        ada.write(message)

    first = guest.client.get("/api/entries?q=TEA").get_json()
    assert [entry["message"] for entry in first["entries"]] == ["four tea", "two tea"]
    assert (first["total"], first["next"]) == (3, "/api/entries?q=TEA&page=2")
    second = guest.client.get(first["next"]).get_json()
    assert [entry["message"] for entry in second["entries"]] == ["one tea"]
    assert second["next"] is None
    assert guest.client.get("/api/entries").get_json()["next"] == "/api/entries?page=2"


def test_a_list_that_has_not_changed_is_not_sent_again(ada: Visitor, guest: Visitor) -> None:
    ada.write("one")
    etag = guest.client.get("/api/entries").headers["ETag"]
    answer = guest.client.get("/api/entries", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")

    ada.write("two")
    answer = guest.client.get("/api/entries", headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag


def test_a_program_writes_and_deletes(program: Callable[..., TestResponse], guest: Visitor) -> None:
    answer = program("POST", "/api/entries", json={"message": "Hello!\r\nIt is me."})
    assert (answer.status_code, answer.location) == (201, "/api/entries/1")
    assert answer.get_json() == guest.client.get("/api/entries/1").get_json()
    assert answer.get_json()["message"] == "Hello!\nIt is me."
    assert answer.get_json()["name"] == "Ada"
    assert messages(guest.get("/entries/")) == ["Hello!\nIt is me."]

    answer = program("DELETE", "/api/entries/1")
    assert (answer.status_code, answer.data) == (204, b"")
    assert program("DELETE", "/api/entries/1").status_code == 404


def test_a_session_will_do_instead_of_a_token(ada: Visitor) -> None:
    assert ada.client.post("/api/entries", json={"message": "Hello!"}).status_code == 201
    assert ada.client.delete("/api/entries/1").status_code == 204
    assert flashes(ada.get("/entries/")) == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_other_sites_can_send_is_refused(ada: Visitor, content_type: str) -> None:
    body = b'{"message": "Spam"}'
    answer = ada.client.post("/api/entries", data=body, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (415, PROBLEM)
    answer = ada.client.options("/api/entries", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("DELETE", "/1")])
def test_without_an_account_nothing_changes(
    ada: Visitor, guest: Visitor, method: str, path: str
) -> None:
    ada.write("Hello!")
    answer = guest.client.open(f"/api/entries{path}", method=method, json={"message": "Spam"})
    assert (answer.status_code, answer.mimetype) == (401, PROBLEM)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.get_json()["detail"]
    assert messages(guest.get("/entries/")) == ["Hello!"]


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic YTpi", "nonsense", "Bearer é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_token_is_refused_even_with_a_session(
    ada: Visitor, method: str, header: str
) -> None:
    answer = ada.client.open("/api/entries", method=method, headers={"Authorization": header})
    assert (answer.status_code, answer.mimetype) == (401, PROBLEM)


def test_a_new_token_ends_the_old_one(program: Callable[..., TestResponse], ada: Visitor) -> None:
    assert program("GET", "/api/entries").status_code == 200
    ada.draw_token()
    assert program("GET", "/api/entries").status_code == 401


def test_only_the_author_deletes(
    program: Callable[..., TestResponse], bob: Visitor, guest: Visitor
) -> None:
    bob.write("Hello!")
    answer = program("DELETE", "/api/entries/1")
    assert (answer.status_code, answer.mimetype) == (403, PROBLEM)
    assert answer.get_json()["detail"] == "Only the author of an entry can change or delete it."
    assert messages(guest.get("/entries/")) == ["Hello!"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, {"#/message": "Please write your message."}),
        ({"message": " "}, {"#/message": "Please write your message."}),
        ({"message": 7}, {"#/message": "The message must be text."}),
        ({"message": None}, {"#/message": "The message must be text."}),
        (
            {"message": "é" * 2001},
            {"#/message": "Please keep your message to at most 2000 characters."},
        ),
        (
            {"massage": "Hello!"},
            {
                "#/massage": "There is no such member.",
                "#/message": "Please write your message.",
            },
        ),
        (["Hello!"], {"#": "An entry is an object."}),
        ("Hello!", {"#": "An entry is an object."}),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_by_member(
    program: Callable[..., TestResponse], document: object, expected: dict[str, str]
) -> None:
    answer = program("POST", "/api/entries", json=document)
    assert (answer.status_code, answer.mimetype) == (422, PROBLEM)
    problem = answer.get_json()
    assert (problem["status"], problem["title"]) == (422, "Unprocessable Entity")
    assert {error["pointer"]: error["detail"] for error in problem["errors"]} == expected


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"{", 400), (b"\xff", 400), (b" " * 70_000, 413)]
)
def test_a_body_that_is_not_json_is_a_problem_too(
    program: Callable[..., TestResponse], body: bytes, status: int
) -> None:
    answer = program("POST", "/api/entries", data=body, content_type="application/json")
    assert (answer.status_code, answer.mimetype) == (status, PROBLEM)
    assert answer.get_json()["status"] == status


def test_half_a_character_becomes_a_whole_one(program: Callable[..., TestResponse]) -> None:
    body = rb'{"message": "\ud83d!"}'
    answer = program("POST", "/api/entries", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["message"]) == (201, "?!")


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", "/api/entries/7", "/api/entries?page=9"])
def test_what_is_not_found_is_a_problem_below_the_prefix(guest: Visitor, path: str) -> None:
    answer = guest.client.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, PROBLEM)
    assert answer.get_json()["title"] == "Not Found"


def test_a_method_that_is_not_allowed_is_a_problem_with_the_right_ones(guest: Visitor) -> None:
    answer = guest.client.put("/api/entries/1")
    assert (answer.status_code, answer.mimetype) == (405, PROBLEM)
    assert sorted(answer.allow) == ["DELETE", "GET", "HEAD", "OPTIONS"]


def test_a_failure_is_a_problem_that_tells_nothing(
    app: App, guest: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from guestbook import book

    def fail(*args: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(book, "page", fail)
    answer = guest.client.get("/api/entries")
    assert (answer.status_code, answer.mimetype) == (500, PROBLEM)
    assert "secret" not in answer.text
