"""The site of examples/guestbook, visited over HTTP through every server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from io import BytesIO
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from .client import Answer, Browser, Client
from .servers import Serve, Site

FORM = "application/x-www-form-urlencoded"
PASSWORD = "correct horse battery staple"
# Larger than what servers and parsers keep in memory.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3500

names = (f"Author {number}" for number in count())


class Visitor(Browser):
    """Somebody who fills in the forms of the site."""

    def submit(self, action: str, **fields: str) -> Answer:
        return self.post(action, urlencode({**self.token(), **fields}).encode(), FORM)

    def upload(self, action: str, picture: bytes, **fields: str) -> Answer:
        file = FileStorage(BytesIO(picture), "tea.png")
        boundary, body = encode_multipart({**self.token(), **fields, "picture": file})
        return self.post(action, body, f"multipart/form-data; boundary={boundary}")

    def token(self) -> dict[str, str]:
        return {"csrf_token": found('name="csrf_token" value="(.*?)"', self.get("/auth/login"))[0]}

    def register(self, name: str) -> Answer:
        return self.submit("/auth/register", name=name, password=PASSWORD)

    def write(self, message: str) -> Answer:
        return self.submit("/entries/new", message=message)


def found(pattern: str, answer: Answer) -> list[str]:
    return [unescape(text) for text in re.findall(pattern, answer.text, re.DOTALL)]


def messages(answer: Answer) -> list[str]:
    return found('<p class="message">(.*?)</p>', answer)


def flashes(answer: Answer) -> list[str]:
    return found('<p class="flash[^>]*" role="status">(.*?)</p>', answer)


def guestbook(examples: Path, folder: Path) -> Site:
    # One round is enough for passwords that protect nothing.
    settings = {
        "GUESTBOOK_INSTANCE": str(folder),
        "MICROWEB_PASSWORD_HASH": "pbkdf2:sha256:1",
    }
    return Site(examples / "guestbook", settings)


@pytest.fixture(scope="module")
def folder(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guestbook")


@pytest.fixture(scope="module")
def server(serve: Serve, examples: Path, folder: Path) -> Iterator[Client]:
    with serve(guestbook(examples, folder)) as client:
        yield client


@pytest.fixture
def visitor(server: Client) -> Visitor:
    return Visitor(server.port)


@pytest.fixture
def author(server: Client) -> Visitor:
    """Somebody with an account, of another name in each test."""
    author = Visitor(server.port)
    assert author.register(next(names)).status == 303
    author.get("/auth/account")
    return author


def test_the_home_page_leads_to_the_entries(visitor: Visitor) -> None:
    answer = visitor.get("/")
    assert answer.status == 302
    assert answer.headers["Location"] == "/entries/"
    assert visitor.get("/entries/").status == 200


def test_an_account_is_made_left_and_entered_again(visitor: Visitor) -> None:
    answer = visitor.register("Jürgen")
    assert (answer.status, answer.headers["Location"]) == (303, "/auth/account")
    assert flashes(visitor.get("/auth/account")) == ["Welcome, Jürgen. This is your account."]

    visitor.submit("/auth/logout")
    answer = visitor.get("/entries/new")
    assert answer.headers["Location"] == "/auth/login?next=/entries/new"

    answer = visitor.submit(answer.headers["Location"], name="JÜRGEN", password="wrong")
    assert answer.status == 422
    assert "Name and password do not belong together." in answer.text
    answer = visitor.submit("/auth/login?next=/entries/new", name="JÜRGEN", password=PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (303, "/entries/new")
    assert visitor.get("/entries/new").status == 200


def test_an_entry_is_written_confirmed_once_and_read_by_others(
    server: Client, author: Visitor
) -> None:
    answer = author.write("Grüße & ☃")
    assert answer.status == 303

    entry = answer.headers["Location"]
    page = author.get(entry)
    assert messages(page) == ["Grüße & ☃"]
    assert flashes(page) == ["Thank you. Your entry is in the guestbook."]
    assert flashes(author.get(entry)) == []

    page = server.get(entry)
    assert messages(page) == ["Grüße & ☃"]
    assert flashes(page) == []
    assert messages(server.get("/entries/?q=GR%C3%9CSSE+%26")) == ["Grüße & ☃"]


def test_an_author_changes_and_deletes_an_entry(author: Visitor) -> None:
    entry = author.write("a mistake").headers["Location"]
    assert author.submit(f"{entry}/edit", message="no mistake").status == 303
    assert messages(author.get(entry)) == ["no mistake"]

    answer = author.submit(f"{entry}/delete")
    assert answer.status == 303
    assert answer.headers["Location"] == "/entries/"
    assert flashes(author.get("/entries/")) == ["Your entry has been deleted."]
    assert author.get(entry).status == 404


def test_a_picture_arrives_whole_and_is_sent_once(server: Client, author: Visitor) -> None:
    answer = author.upload("/entries/new", PNG, message="Look!", description="Tea")
    assert answer.status == 303
    (url,) = found('<img src="(.*?)"', server.get(answer.headers["Location"]))

    picture = server.get(url)
    assert picture.status == 200
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.body == PNG
    again = server.request("GET", url, headers={"If-None-Match": picture.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    part = server.request("GET", url, headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"PNG")


def test_what_is_no_picture_or_too_large_is_refused_in_words(author: Visitor) -> None:
    answer = author.upload("/entries/new", b"<script>", message="Look!")
    assert answer.status == 422
    assert "This is not a picture" in answer.text

    answer = author.upload("/entries/new", PNG.ljust(6 * 1024 * 1024), message="Look!")
    assert answer.status == 413
    assert found("<h1>(.*?)</h1>", answer) == ["Too large"]


def test_a_program_lists_writes_and_deletes(server: Client, author: Visitor) -> None:
    (token,) = found('<code class="token">(.*?)</code>', author.submit("/auth/token"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    body = json.dumps({"message": "Grüße"}).encode()
    answer = server.request("POST", "/api/entries", body, headers)
    assert answer.status == 201
    entry = answer.headers["Location"]
    assert server.get(entry).json == answer.json

    listed = server.get("/api/entries")
    assert listed.json["entries"][0]["message"] == "Grüße"
    conditional = {"If-None-Match": listed.headers["ETag"]}
    assert server.request("GET", "/api/entries", headers=conditional).status == 304

    answer = server.request("DELETE", entry, headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    answer = server.get(entry)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    answer = server.request("POST", "/api/entries", b'{"message": 7}', headers)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "#/message")


def test_the_status_is_found_out_by_a_coroutine(server: Client) -> None:
    for _ in range(3):
        answer = server.get("/status")
        assert answer.status == 200
        assert answer.json["database"]["ok"]
        assert answer.json["disk"]["ok"]


def test_what_happened_is_noted_after_the_answer(author: Visitor, folder: Path) -> None:
    author.write("Hello!")

    def noted() -> list[dict[str, Any]]:
        lines = (folder / "journal.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line.get("who") in author_names]

    author_names = found(r'<a href="/auth/account">(.*?)</a>', author.get("/entries/"))
    soon(lambda: [line["event"] for line in noted()] == ["registered", "wrote an entry"])
    assert {line["from"] for line in noted()} == {"127.0.0.1"}


def test_a_form_without_the_token_is_refused(author: Visitor) -> None:
    answer = author.post("/entries/new", b"message=spam", FORM)
    assert answer.status == 400
    assert "This form has expired." in answer.text
    assert "spam" not in messages(author.get("/entries/"))


def test_a_form_that_is_too_large_is_refused_in_words(visitor: Visitor) -> None:
    body = b"name=" + b"x" * 200_000
    answers = [visitor.post("/auth/login", body, FORM) for _ in range(30)]
    assert [answer.status for answer in answers] == [413] * 30
    assert found("<h1>(.*?)</h1>", answers[0]) == ["Too large"]


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


def test_entries_visitors_and_pictures_survive_a_restart(
    serve: Serve, examples: Path, tmp_path: Path
) -> None:
    site = guestbook(examples, tmp_path)
    with serve(site) as server:
        visitor = Visitor(server.port)
        assert messages(visitor.get("/entries/")) == []
        visitor.register("Ada")
        answer = visitor.upload("/entries/new", PNG, message="Hello!")
        entry = answer.headers["Location"]

    with serve(site) as server:
        returned = Visitor(server.port)
        returned.cookies = visitor.cookies
        page = returned.get("/entries/")
        assert messages(page) == ["Hello!"]
        (picture,) = found('<img src="(.*?)"', page)
        assert returned.get(picture).body == PNG
        assert returned.submit(f"{entry}/delete").status == 303
        assert messages(returned.get("/entries/")) == []
        assert returned.get(picture).status == 404


def soon(happened: Callable[[], bool]) -> None:
    deadline = monotonic() + 5
    while not happened():
        assert monotonic() < deadline
        sleep(0.02)
