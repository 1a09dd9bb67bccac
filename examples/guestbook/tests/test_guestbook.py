from __future__ import annotations

import os
import re
import runpy
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from microweb import App

EXAMPLE = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def example_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    for name in [name for name in os.environ if name.startswith("MICROWEB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., App]:
    """Starts the site, always in the same instance folder; takes settings."""
    from guestbook import create_app

    def start(**config: object) -> App:
        return create_app(config, instance_path=str(tmp_path / "instance"))

    return start


@pytest.fixture
def app(start: Callable[..., App]) -> App:
    return start(ENTRIES_PER_PAGE=2)


@pytest.fixture
def ada(app: App) -> Visitor:
    return Visitor(app)


@pytest.fixture
def bob(app: App) -> Visitor:
    return Visitor(app)


class Visitor:
    """A browser with its own cookies, and somebody who fills in forms."""

    def __init__(self, app: App) -> None:
        self.client = app.test_client()

    def get(self, path: str) -> str:
        return self.client.get(path).text

    def post(self, path: str, **fields: str) -> TestResponse:
        (token,) = found(r'name="csrf_token" value="(.*?)"', self.get("/entries/new"))
        return self.client.post(path, data={"csrf_token": token, **fields})

    def write(self, message: str, name: str = "Ada") -> TestResponse:
        return self.post("/entries/new", name=name, message=message)


def found(pattern: str, page: str) -> list[str]:
    return [unescape(text) for text in re.findall(pattern, page, re.DOTALL)]


def messages(page: str) -> list[str]:
    return found(r'<p class="message">(.*?)</p>', page)


def flashes(page: str) -> list[str]:
    return found(r'<p class="flash" role="status">(.*?)</p>', page)


def problems(page: str) -> list[str]:
    return found(r'<p class="error" id="\w+-error">(.*?)</p>', page)


def heading(page: str) -> str:
    (text,) = found(r"<h1>(.*?)</h1>", page)
    return text


def page_links(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<a rel="(prev|next)" href="(.*?)">', page)


def test_the_home_page_leads_to_the_entries(ada: Visitor) -> None:
    response = ada.client.get("/")
    assert (response.status_code, response.location) == (302, "/entries/")


def test_an_empty_guestbook_invites_to_write(ada: Visitor) -> None:
    page = ada.get("/entries/")
    assert messages(page) == []
    assert "Nobody has written anything yet." in page


def test_reading_sets_no_cookie(ada: Visitor) -> None:
    assert "Set-Cookie" not in ada.client.get("/entries/").headers


def test_a_written_entry_has_its_own_page(ada: Visitor, bob: Visitor) -> None:
    response = ada.write("Hello!\r\nWhat a lovely place.\r\n")
    assert (response.status_code, response.location) == (303, "/entries/1")

    page = bob.get("/entries/1")
    assert heading(page) == "An entry by Ada"
    assert messages(page) == ["Hello!\nWhat a lovely place."]


def test_an_entry_tells_when_it_was_written(ada: Visitor, tmp_path: Path) -> None:
    ada.write("Hello!")
    db = sqlite3.connect(tmp_path / "instance" / "guestbook.sqlite3")
    with db:
        db.execute("UPDATE entry SET written = '2025-03-09 08:05:59'")
    db.close()
    page = ada.get("/entries/1")
    assert '<time datetime="2025-03-09 08:05:59Z">9 March 2025, 08:05 UTC</time>' in page


def test_html_in_an_entry_is_shown_and_not_obeyed(ada: Visitor) -> None:
    ada.write("<script>alert('hi')</script>", name="<b>Ada</b>")
    page = ada.get("/entries/1")
    assert '<p class="message">&lt;script&gt;alert(&#39;hi&#39;)&lt;/script&gt;</p>' in page
    assert "<h1>An entry by &lt;b&gt;Ada&lt;/b&gt;</h1>" in page
    assert flashes(page) == ["Thank you, <b>Ada</b>. Your entry is in the guestbook."]
    assert re.findall("<script|<b>", page) == []


def test_an_incomplete_entry_comes_back_with_what_was_typed(ada: Visitor) -> None:
    response = ada.write('Hello, "you"', name="   ")
    assert response.status_code == 422
    assert problems(response.text) == ["Please write your name."]
    assert found("<textarea[^>]*>(.*?)</textarea>", response.text) == ['Hello, "you"']

    response = ada.write("", name='Ada "Countess" Lovelace')
    assert response.status_code == 422
    assert problems(response.text) == ["Please write your message."]
    assert found('id="name" name="name" value="(.*?)"', response.text) == [
        'Ada "Countess" Lovelace'
    ]
    assert messages(ada.get("/entries/")) == []


def test_a_form_without_fields_is_an_empty_form(ada: Visitor) -> None:
    response = ada.post("/entries/new")
    assert response.status_code == 422
    assert problems(response.text) == ["Please write your name.", "Please write your message."]


def test_an_entry_may_be_long_but_not_endless(ada: Visitor) -> None:
    assert ada.write("é" * 2000, name="n" * 60).status_code == 303

    response = ada.write("é" * 2001, name="n" * 61)
    assert response.status_code == 422
    assert problems(response.text) == [
        "Please keep your name to at most 60 characters.",
        "Please keep your message to at most 2000 characters.",
    ]
    assert heading(ada.write("é" * 64 * 1024).text) == "Request Entity Too Large"


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


def test_entries_that_fit_a_page_need_no_links_to_others(ada: Visitor) -> None:
    ada.write("one")
    ada.write("two")
    page = ada.get("/entries/")
    assert messages(page) == ["two", "one"]
    assert page_links(page) == []


@pytest.mark.parametrize("page", ["0", "-1", "2", str(10**30)])
def test_a_page_before_the_first_or_after_the_last_is_not_found(ada: Visitor, page: str) -> None:
    assert ada.client.get(f"/entries/?page={page}").status_code == 404


def test_a_page_that_is_not_a_number_is_the_first(ada: Visitor) -> None:
    ada.write("one")
    assert messages(ada.get("/entries/?page=last")) == ["one"]


def test_thanks_are_shown_once(ada: Visitor) -> None:
    ada.write("Hello!")
    assert flashes(ada.get("/entries/1")) == ["Thank you, Ada. Your entry is in the guestbook."]
    assert flashes(ada.get("/entries/1")) == []


def test_the_form_remembers_the_name_of_its_visitor_only(ada: Visitor, bob: Visitor) -> None:
    ada.write("Hello!", name="  Ada   Lovelace ")
    name = 'id="name" name="name" value="(.*?)"'
    assert found(name, ada.get("/entries/new")) == ["Ada Lovelace"]
    assert found(name, bob.get("/entries/new")) == [""]


def test_an_author_deletes_an_entry(ada: Visitor) -> None:
    ada.write("Hello!")
    ada.get("/entries/1")
    response = ada.post("/entries/1/delete")
    assert (response.status_code, response.location) == (303, "/entries/")
    assert ada.client.get("/entries/1").status_code == 404


def test_a_deletion_is_confirmed(ada: Visitor) -> None:
    ada.write("Hello!")
    (token,) = found(r'name="csrf_token" value="(.*?)"', ada.get("/entries/1"))
    page = ada.client.post(
        "/entries/1/delete", data={"csrf_token": token}, follow_redirects=True
    ).text
    assert flashes(page) == ["Your entry has been deleted."]
    assert messages(page) == []


def test_nobody_else_can_delete_an_entry(ada: Visitor, bob: Visitor) -> None:
    ada.write("Hello!")
    assert "Delete my entry" in ada.get("/entries/1")
    assert "Delete my entry" not in bob.get("/entries/1")

    response = bob.post("/entries/1/delete")
    assert response.status_code == 403
    assert "Only the visitor who wrote an entry can delete it." in response.text
    assert messages(bob.get("/entries/")) == ["Hello!"]


def test_the_number_of_a_deleted_entry_is_not_used_again(ada: Visitor, bob: Visitor) -> None:
    ada.write("Hello!")
    ada.post("/entries/1/delete")
    assert bob.write("Good morning!", name="Bob").location == "/entries/2"


def test_entries_are_deleted_by_post_only(ada: Visitor) -> None:
    ada.write("Hello!")
    response = ada.client.get("/entries/1/delete")
    assert response.status_code == 405
    assert sorted(response.allow) == ["OPTIONS", "POST"]
    assert heading(response.text) == "Method Not Allowed"


def test_a_session_stays_small_however_much_its_visitor_writes(ada: Visitor) -> None:
    for number in range(1, 103):
        ada.write(f"Entry {number}", name="\N{OPEN BOOK}" * 60)
    with ada.client.session_transaction() as session:
        assert session["own"] == list(range(3, 103))
    cookie = ada.client.get_cookie("session")
    assert cookie is not None
    assert len(cookie.value) < 3000


@pytest.mark.parametrize("path", ["/entries/new", "/entries/1/delete"])
@pytest.mark.parametrize("forged", [{}, {"csrf_token": ""}, {"csrf_token": "naïve guess"}])
def test_forms_of_other_sites_are_refused(ada: Visitor, path: str, forged: dict[str, str]) -> None:
    ada.write("Hello!")
    response = ada.client.post(path, data={"name": "Ada", "message": "Spam", **forged})
    assert response.status_code == 400
    assert "This form has expired." in response.text
    assert messages(ada.get("/entries/")) == ["Hello!"]


def test_a_form_is_refused_when_the_session_is_new(ada: Visitor) -> None:
    response = ada.client.post("/entries/new", data={"name": "Ada", "message": "Spam"})
    assert response.status_code == 400


def test_the_token_of_one_visitor_does_not_serve_another(ada: Visitor, bob: Visitor) -> None:
    (token,) = found(r'name="csrf_token" value="(.*?)"', ada.get("/entries/new"))
    assert bob.post("/entries/new", csrf_token=token).status_code == 400


@pytest.mark.parametrize("number", [0, 7, 2**63 - 1, 2**63, 10**30])
def test_an_entry_that_does_not_exist_is_not_found(ada: Visitor, number: int) -> None:
    assert ada.client.get(f"/entries/{number}").status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/entries/7"])
def test_what_is_not_found_is_told_by_a_page_of_the_site(ada: Visitor, path: str) -> None:
    response = ada.client.get(path)
    assert response.status_code == 404
    assert response.content_type == "text/html; charset=utf-8"
    assert heading(response.text) == "Not Found"
    assert '<a href="/entries/">Back to the guestbook</a>' in response.text


def test_a_failure_is_told_by_a_page_of_the_site(
    ada: Visitor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db = sqlite3.connect(tmp_path / "instance" / "guestbook.sqlite3")
    db.execute("DROP TABLE entry")
    db.close()
    response = ada.client.get("/entries/")
    assert response.status_code == 500
    assert heading(response.text) == "Internal Server Error"
    assert "entry" not in found("<main>(.*?)</main>", response.text)[0]
    assert [record.getMessage() for record in caplog.records] == ["Exception on /entries/ [GET]"]


def test_every_page_finds_its_stylesheet(ada: Visitor) -> None:
    (href,) = found(r'<link rel="stylesheet" href="(.*?)">', ada.get("/entries/"))
    with ada.client.get(href) as response:
        assert (response.status_code, response.mimetype) == (200, "text/css")


def test_entries_and_sessions_survive_a_restart(start: Callable[..., App]) -> None:
    before = Visitor(start())
    before.write("Hello!")
    cookie = before.client.get_cookie("session")
    assert cookie is not None

    after = Visitor(start())
    after.client.set_cookie("session", cookie.value)
    assert messages(after.get("/entries/")) == ["Hello!"]
    assert after.post("/entries/1/delete").status_code == 303


def test_two_sites_with_different_databases_share_no_entries(start: Callable[..., App]) -> None:
    ada, bob = Visitor(start(DATABASE="a.sqlite3")), Visitor(start(DATABASE="b.sqlite3"))
    ada.write("Hello!")
    assert messages(bob.get("/entries/")) == []


def test_the_key_is_kept_in_a_file_that_only_its_owner_reads(app: App, tmp_path: Path) -> None:
    path = tmp_path / "instance" / "secret_key"
    assert re.fullmatch("[0-9a-f]{64}", path.read_text())
    assert app.secret_key == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(path.parent)) == ["guestbook.sqlite3", "secret_key"]


def test_workers_that_start_at_once_agree_on_the_key(start: Callable[..., App]) -> None:
    with ThreadPoolExecutor(8) as pool:
        apps = list(pool.map(lambda _: start(), range(8)))
    assert len({app.secret_key for app in apps}) == 1


def test_workers_that_write_at_once_wait_for_each_other(start: Callable[..., App]) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: Visitor(start()).write(str(n)).status_code, range(40)))
    assert statuses == [303] * 40


def test_a_request_closes_its_connection(app: App) -> None:
    from guestbook.db import connection

    with app.app_context():
        db = connection()
        assert connection() is db
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        db.execute("SELECT 1")


def test_settings_come_from_the_environment_and_the_instance_folder(
    start: Callable[..., App], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "config.py").write_text("ENTRIES_PER_PAGE = 3\nDATABASE = 'book.sqlite3'\n")
    monkeypatch.setenv("MICROWEB_ENTRIES_PER_PAGE", "4")
    monkeypatch.setenv("MICROWEB_SECRET_KEY", "from the environment")

    config = start().config
    assert (config["DATABASE"], config["ENTRIES_PER_PAGE"]) == ("book.sqlite3", 4)
    assert config["SECRET_KEY"] == "from the environment"
    assert sorted(os.listdir(folder)) == ["book.sqlite3", "config.py"]
    assert start(ENTRIES_PER_PAGE=5).config["ENTRIES_PER_PAGE"] == 5


def test_app_py_offers_the_site_to_wsgi_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROWEB_DATABASE", str(tmp_path / "book.sqlite3"))
    monkeypatch.setenv("MICROWEB_SECRET_KEY", "from the environment")
    app = runpy.run_path(str(EXAMPLE / "app.py"))["app"]
    assert heading(Visitor(app).get("/entries/")) == "What visitors wrote"
