"""The site of examples/guestbook, visited over HTTP through every server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from .client import Answer, Browser, Client
from .servers import Serve, Site

FORM = "application/x-www-form-urlencoded"


class Visitor(Browser):
    """Somebody who fills in the forms of the site."""

    def submit(self, page: str, action: str, **fields: str) -> Answer:
        (token,) = found('name="csrf_token" value="(.*?)"', self.get(page))
        return self.post(action, urlencode({"csrf_token": token, **fields}).encode(), FORM)

    def write(self, name: str, message: str) -> Answer:
        return self.submit("/entries/new", "/entries/new", name=name, message=message)


def found(pattern: str, answer: Answer) -> list[str]:
    return [unescape(text) for text in re.findall(pattern, answer.text, re.DOTALL)]


def messages(answer: Answer) -> list[str]:
    return found('<p class="message">(.*?)</p>', answer)


def flashes(answer: Answer) -> list[str]:
    return found('<p class="flash" role="status">(.*?)</p>', answer)


def guestbook(examples: Path, folder: Path) -> Site:
    settings = {
        "MICROWEB_DATABASE": str(folder / "guestbook.sqlite3"),
        "MICROWEB_SECRET_KEY": "the same before and after a restart",
    }
    return Site(examples / "guestbook", settings)


@pytest.fixture(scope="module")
def server(
    serve: Serve, examples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    with serve(guestbook(examples, tmp_path_factory.mktemp("guestbook"))) as client:
        yield client


@pytest.fixture
def visitor(server: Client) -> Visitor:
    return Visitor(server.port)


def test_the_home_page_leads_to_the_entries(visitor: Visitor) -> None:
    answer = visitor.get("/")
    assert answer.status == 302
    assert answer.headers["Location"] == "/entries/"
    assert visitor.get("/entries/").status == 200


def test_an_entry_is_written_confirmed_once_and_read_by_others(
    server: Client, visitor: Visitor
) -> None:
    answer = visitor.write("Jürgen", "Grüße & ☃")
    assert answer.status == 303

    entry = answer.headers["Location"]
    page = visitor.get(entry)
    assert messages(page) == ["Grüße & ☃"]
    assert flashes(page) == ["Thank you, Jürgen. Your entry is in the guestbook."]
    assert flashes(visitor.get(entry)) == []

    page = server.get(entry)
    assert messages(page) == ["Grüße & ☃"]
    assert flashes(page) == []


def test_an_author_deletes_an_entry(visitor: Visitor) -> None:
    entry = visitor.write("Ada", "a mistake").headers["Location"]
    answer = visitor.submit(entry, f"{entry}/delete")
    assert answer.status == 303
    assert answer.headers["Location"] == "/entries/"
    assert flashes(visitor.get("/entries/")) == ["Your entry has been deleted."]
    assert visitor.get(entry).status == 404


def test_a_form_without_the_token_is_refused(visitor: Visitor) -> None:
    answer = visitor.post("/entries/new", b"name=Mallory&message=spam", FORM)
    assert answer.status == 400
    assert "This form has expired." in answer.text
    assert "spam" not in messages(visitor.get("/entries/"))


def test_a_form_that_is_too_large_is_refused_in_words(visitor: Visitor) -> None:
    body = b"message=" + b"x" * 200_000
    answers = [visitor.post("/entries/new", body, FORM) for _ in range(30)]
    assert [answer.status for answer in answers] == [413] * 30
    assert found("<h1>(.*?)</h1>", answers[0]) == ["Request Entity Too Large"]


def test_a_static_file_is_sent_once_and_then_only_confirmed(
    visitor: Visitor, examples: Path
) -> None:
    (stylesheet,) = found('<link rel="stylesheet" href="(.*?)">', visitor.get("/entries/"))
    answer = visitor.get(stylesheet)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.body == (examples / "guestbook/guestbook/static/style.css").read_bytes()

    again = visitor.request("GET", stylesheet, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    assert again.body == b""


def test_entries_and_visitors_survive_a_restart(
    serve: Serve, examples: Path, tmp_path: Path
) -> None:
    site = guestbook(examples, tmp_path)
    with serve(site) as server:
        visitor = Visitor(server.port)
        assert messages(visitor.get("/entries/")) == []
        entry = visitor.write("Ada", "Hello!").headers["Location"]

    with serve(site) as server:
        returned = Visitor(server.port)
        returned.cookies = visitor.cookies
        assert messages(returned.get("/entries/")) == ["Hello!"]
        assert returned.submit(entry, f"{entry}/delete").status == 303
        assert messages(returned.get("/entries/")) == []
