"""Writing, reading, searching, changing and deleting entries."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from visitor import Visitor, csrf_token, flashes, found, heading, messages, problems

from microweb import App


def page_links(page: str) -> list[tuple[str, str]]:
    return [(rel, url) for rel, url in re.findall(r'<a rel="(prev|next)" href="(.*?)">', page)]


def page_numbers(page: str) -> list[str]:
    (pages,) = found("<ol>(.*?)</ol>", page)
    return [re.sub(r"<.*?>|Page ", "", item).strip() for item in found("<li>(.*?)</li>", pages)]


def test_the_home_page_leads_to_the_entries(guest: Visitor) -> None:
    answer = guest.client.get("/")
    assert (answer.status_code, answer.location) == (302, "/entries/")


def test_an_empty_guestbook_invites_to_write(guest: Visitor) -> None:
    page = guest.get("/entries/")
    assert messages(page) == []
    assert "Nobody has written anything yet." in page


def test_a_written_entry_has_its_own_page(ada: Visitor, guest: Visitor) -> None:
    answer = ada.write("Hello!\r\nWhat a lovely place.\r\n")
    assert (answer.status_code, answer.location) == (303, "/entries/1")

    page = guest.get("/entries/1")
    assert heading(page) == "An entry by Ada"
    assert messages(page) == ["Hello!\nWhat a lovely place."]


def test_an_entry_tells_when_it_was_written(ada: Visitor, folder: Path) -> None:
    ada.write("Hello!")
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    with db:
        db.execute("UPDATE entry SET written = '2025-03-09 08:05:59'")
    db.close()
    page = ada.get("/entries/1")
    assert '<time datetime="2025-03-09 08:05:59Z">9 March 2025, 08:05 UTC</time>' in page
    assert "(changed" not in page


def test_html_in_an_entry_is_shown_and_not_obeyed(guest: Visitor) -> None:
    guest.register("<b>Ada</b>").write("<script>alert('hi')</script>")
    page = guest.get("/entries/1")
    assert '<p class="message">&lt;script&gt;alert(&#39;hi&#39;)&lt;/script&gt;</p>' in page
    assert "<h1>An entry by &lt;b&gt;Ada&lt;/b&gt;</h1>" in page
    assert re.findall("<script|<b>", page + guest.get("/entries/?q=script")) == []


def test_an_incomplete_entry_comes_back_with_what_was_typed(ada: Visitor) -> None:
    answer = ada.write(" \n", description='A "nice" tea')
    assert answer.status_code == 422
    assert problems(answer.text) == ["Please write your message."]
    assert found('name="description" type="text" value="(.*?)"', answer.text) == ['A "nice" tea']

    answer = ada.write('\nHello, "you"', description="d" * 201)
    assert problems(answer.text) == ["Please keep your description to at most 200 characters."]
    assert found("<textarea[^>]*>\n(.*?)</textarea>", answer.text) == ['Hello, "you"']


def test_a_field_is_tied_to_its_error(ada: Visitor) -> None:
    page = ada.write("").text
    assert found("<textarea.*?(aria-.*?)>", page) == [
        'aria-invalid="true" aria-describedby="message-error"'
    ]


def test_an_entry_may_be_long_but_not_endless(ada: Visitor) -> None:
    assert ada.write("é" * 2000).status_code == 303
    answer = ada.write("é" * 2001)
    assert answer.status_code == 422
    assert problems(answer.text) == ["Please keep your message to at most 2000 characters."]


def test_entries_are_listed_page_by_page_the_newest_first(ada: Visitor) -> None:
    for message in ["one", "two", "three", "four", "five"]:
        ada.write(message)

    first, second, third = (ada.get(f"/entries/?page={page}") for page in (1, 2, 3))
    assert messages(first) == ["five", "four"]
    assert messages(second) == ["three", "two"]
    assert messages(third) == ["one"]
    assert page_links(first) == [("next", "/entries/?page=2")]
    assert page_links(second) == [("prev", "/entries/?page=1"), ("next", "/entries/?page=3")]
    assert page_links(third) == [("prev", "/entries/?page=2")]
    assert found('aria-current="page" href="(.*?)"', second) == ["/entries/?page=2"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, "1 2 3 … 9"),
        (4, "1 2 3 4 5 6 … 9"),
        (5, "1 … 3 4 5 6 7 … 9"),
        (9, "1 … 7 8 9"),
    ],
)
def test_only_some_pages_are_linked(ada: Visitor, number: int, expected: str) -> None:
    for count in range(18):
        ada.write(str(count))
    assert page_numbers(ada.get(f"/entries/?page={number}")) == expected.split()


def test_the_links_cost_the_same_however_many_pages_there_are(guest: Visitor) -> None:
    from guestbook.book import Page

    page = Page(10**9, 10**12, 10**13, "", [])
    around = range(10**9 - 2, 10**9 + 3)
    assert list(page.numbers) == [1, None, *around, None, 10**12]
    assert list(Page(1, 1, 0, "", []).numbers) == [1]


def test_a_list_of_all_entries_searches_none(app: App, ada: Visitor) -> None:
    from guestbook import book
    from guestbook.db import connection

    ada.write("Hello!")
    with app.app_context():
        statements: list[str] = []
        connection().set_trace_callback(statements.append)
        assert book.page(1, "  ").total == 1
        assert "WHERE" not in "".join(statements)
        assert book.page(1, "hello").total == 1
        assert "WHERE" in "".join(statements)


def test_entries_that_fit_a_page_need_no_links_to_others(ada: Visitor) -> None:
    ada.write("one")
    ada.write("two")
    page = ada.get("/entries/")
    assert messages(page) == ["two", "one"]
    assert "aria-current" not in page


@pytest.mark.parametrize("page", ["0", "-1", "2", str(10**30)])
def test_a_page_before_the_first_or_after_the_last_is_not_found(guest: Visitor, page: str) -> None:
    answer = guest.client.get(f"/entries/?page={page}")
    assert answer.status_code == 404
    assert "the last one is page 1." in answer.text


def test_a_page_that_is_not_a_number_is_the_first(ada: Visitor) -> None:
    ada.write("one")
    assert messages(ada.get("/entries/?page=last")) == ["one"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("TEA", ["Grüße & tea", "More tea"]),
        ("GRÜSSE", ["Grüße & tea"]),
        ("  more   tea ", ["More tea"]),
        ("ada", ["Grüße & tea", "Coffee_", "More tea"]),
        ("_", ["Coffee_"]),
        ("%", []),
        ("", ["Grüße & tea", "Coffee_", "More tea"]),
    ],
)
def test_entries_are_searched_for_words(
    start: Callable[..., App], words: str, expected: list[str]
) -> None:
    ada = Visitor(start()).register("Ada")
    for message in ["More tea", "Coffee_", "Grüße & tea"]:
        ada.write(message)
    answer = ada.client.get("/entries/", query_string={"q": words})
    assert [re.sub("</?mark>", "", message) for message in messages(answer.text)] == expected
    assert ("found." in answer.text) == bool(words)


def test_what_was_found_is_marked_and_kept_on_the_next_page(ada: Visitor) -> None:
    for _ in range(3):
        ada.write("a & b")
    page = ada.get("/entries/?q=A+%26")
    assert "<mark>a &amp;</mark> b" in page
    assert "3 entries found." in page
    assert found('name="q" type="search" value="(.*?)"', page) == ["A &"]
    assert found('<a rel="next" href="(.*?)">', page) == ["/entries/?q=A+%26&page=2"]
    assert len(messages(ada.get("/entries/?q=A+%26&page=2"))) == 1


def test_thanks_are_shown_once(ada: Visitor) -> None:
    ada.write("Hello!")
    assert flashes(ada.get("/entries/1")) == ["Thank you. Your entry is in the guestbook."]
    assert flashes(ada.get("/entries/1")) == []


def test_an_author_changes_an_entry(ada: Visitor, guest: Visitor) -> None:
    ada.write("Helo!")
    form = ada.get("/entries/1/edit")
    assert heading(form) == "Change an entry"
    assert found("<textarea[^>]*>\n(.*?)</textarea>", form) == ["Helo!"]

    answer = ada.post("/entries/1/edit", message="Hello!")
    assert (answer.status_code, answer.location) == (303, "/entries/1")
    assert flashes(ada.get("/entries/1")) == ["Your entry has been changed."]
    page = guest.get("/entries/1")
    assert messages(page) == ["Hello!"]
    assert "(changed" in page


def test_a_change_is_checked_like_an_entry(ada: Visitor) -> None:
    ada.write("Hello!")
    answer = ada.post("/entries/1/edit", message="")
    assert answer.status_code == 422
    assert heading(answer.text) == "Change an entry"
    assert problems(answer.text) == ["Please write your message."]
    assert messages(ada.get("/entries/1")) == ["Hello!"]


def test_an_author_deletes_an_entry(ada: Visitor) -> None:
    ada.write("Hello!")
    ada.get("/entries/1")
    answer = ada.post("/entries/1/delete")
    assert (answer.status_code, answer.location) == (303, "/entries/")
    page = ada.get("/entries/")
    assert flashes(page) == ["Your entry has been deleted."]
    assert messages(page) == []
    assert ada.client.get("/entries/1").status_code == 404


def test_nobody_else_changes_or_deletes_an_entry(ada: Visitor, bob: Visitor) -> None:
    ada.write("Hello!")
    assert "Delete my entry" in ada.get("/entries/1")
    assert "Delete my entry" not in bob.get("/entries/1")

    for answer in (
        bob.client.get("/entries/1/edit"),
        bob.post("/entries/1/edit", message="Changed"),
        bob.post("/entries/1/delete"),
    ):
        assert answer.status_code == 403
        assert heading(answer.text) == "Not allowed"
        assert "Only the author of an entry can change or delete it." in answer.text
    assert messages(bob.get("/entries/")) == ["Hello!"]


def test_the_number_of_a_deleted_entry_is_not_used_again(ada: Visitor, bob: Visitor) -> None:
    ada.write("Hello!")
    ada.post("/entries/1/delete")
    assert bob.write("Good morning!").location == "/entries/2"


def test_entries_are_deleted_by_post_only(ada: Visitor) -> None:
    ada.write("Hello!")
    answer = ada.client.get("/entries/1/delete")
    assert answer.status_code == 405
    assert sorted(answer.allow) == ["OPTIONS", "POST"]
    assert heading(answer.text) == "Method Not Allowed"


@pytest.mark.parametrize("path", ["/entries/new", "/entries/1/edit", "/entries/1/delete"])
@pytest.mark.parametrize("forged", [{}, {"csrf_token": ""}, {"csrf_token": "naïve guess"}])
def test_forms_of_other_sites_are_refused(ada: Visitor, path: str, forged: dict[str, str]) -> None:
    ada.write("Hello!")
    answer = ada.client.post(path, data={"message": "Spam", **forged})
    assert answer.status_code == 400
    assert "This form has expired." in answer.text
    assert messages(ada.get("/entries/")) == ["Hello!"]


def test_a_form_from_before_logging_in_is_refused(ada: Visitor, guest: Visitor) -> None:
    token = csrf_token(guest.get("/auth/login"))
    guest.log_in("Ada")
    answer = guest.client.post("/entries/new", data={"csrf_token": token, "message": "Hello!"})
    assert answer.status_code == 400


@pytest.mark.parametrize("number", [0, 7, 2**63 - 1, 2**63, 10**30])
def test_an_entry_that_does_not_exist_is_not_found(guest: Visitor, number: int) -> None:
    assert guest.client.get(f"/entries/{number}").status_code == 404
