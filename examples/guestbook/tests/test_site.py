"""The site as a whole: errors, files, settings, the database and starting several workers."""

from __future__ import annotations

import os
import re
import runpy
import sqlite3
import stat
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from visitor import EXAMPLE, Visitor, flashes, found, heading, messages, pictures, upload

from microweb import App


@pytest.mark.parametrize("path", ["/nowhere", "/entries/7"])
def test_what_is_not_found_is_told_by_a_page_of_the_site(guest: Visitor, path: str) -> None:
    response = guest.client.get(path)
    assert response.status_code == 404
    assert response.content_type == "text/html; charset=utf-8"
    assert heading(response.text) == "Not found"
    assert '<a href="/entries/">Back to the guestbook</a>' in response.text
    assert 'role="search"' in response.text


@pytest.mark.parametrize("path", ["/static/nothing.css", "/entries/pictures/0.png"])
def test_an_error_that_caches_share_knows_no_visitor(ada: Visitor, path: str) -> None:
    ada.write("Hello!")
    response = ada.client.get(path)
    assert response.status_code == 404
    assert "Log in" not in response.text
    assert "Thank you." not in response.text
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")
    assert flashes(ada.get("/entries/1")) == ["Thank you. Your entry is in the guestbook."]


def test_a_failure_is_told_by_a_page_of_the_site(
    ada: Visitor, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    db.execute("DROP TABLE entry")
    db.close()
    response = ada.client.get("/entries/")
    assert response.status_code == 500
    assert heading(response.text) == "Something went wrong"
    assert "no such table" not in response.text
    assert [record.getMessage() for record in caplog.records] == ["Exception on /entries/ [GET]"]


def test_the_page_of_a_failure_needs_no_database(ada: Visitor, folder: Path) -> None:
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    db.executescript("DROP TABLE entry; DROP TABLE user")
    db.close()
    response = ada.client.get("/entries/")
    assert (response.status_code, heading(response.text)) == (500, "Something went wrong")


@pytest.mark.parametrize("path", ["/entries/", "/auth/login", "/nowhere", "/api/entries"])
def test_every_answer_forbids_what_an_entry_could_bring(guest: Visitor, path: str) -> None:
    headers = guest.client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_every_page_is_accessible_in_small_things(ada: Visitor, admin: Visitor) -> None:
    ada.write("Hello!", picture=upload(), description="Tea")
    paths = ["/entries/", "/entries/1", "/entries/new", "/entries/1/edit", "/auth/account"]
    pages = [ada.get(path) for path in [*paths, "/nowhere"]]
    pages += [
        Visitor(ada.client.application).get(f"/auth/{name}") for name in ("login", "register")
    ]
    for page in [*pages, admin.get("/admin/")]:
        assert '<html lang="en">' in page
        assert heading(page) in found("<title>(.*?)</title>", page)[0]
        ids = found(r'\bid="(.*?)"', page)
        assert len(ids) == len(set(ids))
        assert set(found(r'aria-describedby="(.*?)"', page)) <= set(ids)
        # Every field has a label; those in a label need no other one.
        fields = found(r'<(?:input|textarea) id="(.*?)"', page)
        assert sorted(found('<label for="(.*?)"', page)) == sorted(fields)
        assert page.count("<img") == page.count("alt=")


def test_a_stylesheet_is_the_same_for_everybody(ada: Visitor) -> None:
    (href,) = found(r'<link rel="stylesheet" href="(.*?)">', ada.get("/entries/"))
    with ada.client.get(href) as response:
        assert (response.status_code, response.mimetype) == (200, "text/css")
        assert "Set-Cookie" not in response.headers
        assert "Vary" not in response.headers


def test_entries_sessions_and_pictures_survive_a_restart(start: Callable[..., App]) -> None:
    before = Visitor(start()).register("Ada")
    before.write("Hello!", picture=upload())
    cookie = before.client.get_cookie("session")
    assert cookie is not None

    after = Visitor(start())
    after.client.set_cookie("session", cookie.value)
    assert messages(after.get("/entries/")) == ["Hello!"]
    (url,) = pictures(after.get("/entries/"))
    with after.client.get(url) as response:
        assert response.status_code == 200
    assert after.post("/entries/1/delete").status_code == 303


def test_two_sites_with_different_databases_share_no_entries(start: Callable[..., App]) -> None:
    ada = Visitor(start(DATABASE="a.sqlite3")).register("Ada")
    ada.write("Hello!")
    assert messages(Visitor(start(DATABASE="b.sqlite3")).get("/entries/")) == []


def test_a_book_from_before_there_were_accounts_still_opens(
    start: Callable[..., App], folder: Path
) -> None:
    folder.mkdir()
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    db.executescript((EXAMPLE / "guestbook" / "schema.sql").read_text())
    with db:
        db.execute("INSERT INTO entry (name, message) VALUES ('Old Ada', 'Long ago')")
    db.close()

    visitor = Visitor(start()).register("Ada")
    visitor.write("Now")
    page = visitor.get("/entries/")
    assert messages(page) == ["Now", "Long ago"]
    assert "Old Ada" in page
    assert visitor.client.get("/entries/1/edit").status_code == 403
    assert visitor.post("/entries/1/delete").status_code == 403


def test_a_migration_that_fails_leaves_the_book_as_it_was(
    start: Callable[..., App], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from guestbook import db

    Visitor(start()).register("Ada").write("Hello!")
    broken = tmp_path / "4_broken.sql"
    broken.write_text("CREATE TABLE kept (\n    a TEXT -- ; not the end\n);\nALTER TABLE no;\n")
    monkeypatch.setattr(db, "MIGRATIONS", [*db.MIGRATIONS, broken])
    with pytest.raises(sqlite3.OperationalError):
        start()
    connection = sqlite3.connect(folder / "guestbook.sqlite3")
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    assert connection.execute("SELECT * FROM sqlite_master WHERE name = 'kept'").fetchall() == []
    connection.close()


def test_keys_from_before_are_made_anew(start: Callable[..., App], folder: Path) -> None:
    names = ["Ada", "\u0390", "\u03aa\u0301"]
    folder.mkdir()
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    for script in ["schema.sql", "migrations/1_accounts.sql", "migrations/2_pictures.sql"]:
        db.executescript((EXAMPLE / "guestbook" / script).read_text())
    with db:
        db.execute("PRAGMA user_version = 2")
        for name in names:
            key = unicodedata.normalize("NFKC", name).casefold()
            db.execute("INSERT INTO user (name, key, password) VALUES (?, ?, '')", (name, key))
    start()
    keys = [key for (key,) in db.execute("SELECT key FROM user ORDER BY id")]
    db.close()
    # The last two are one name, and cannot both have its key.
    assert keys[0] == "ada"
    assert "\u0390" in keys[1:]
    assert len(set(keys)) == 3


def test_workers_that_start_at_once_agree_on_the_key_and_migrate_once(
    start: Callable[..., App],
) -> None:
    with ThreadPoolExecutor(8) as pool:
        apps = list(pool.map(lambda _: start(), range(8)))
    assert len({app.secret_key for app in apps}) == 1
    assert Visitor(apps[0]).register("Ada").write("Hello!").status_code == 303


def test_workers_that_write_at_once_wait_for_each_other(start: Callable[..., App]) -> None:
    # One after the other: Python 3.11 cannot build URL rules in several threads at once.
    workers = [start() for _ in range(8)]

    def write(number: int) -> int:
        return Visitor(workers[number % 8]).register(f"Ada {number}").write("Hello!").status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(40))) == [303] * 40


def test_a_request_closes_its_connection(app: App) -> None:
    from guestbook.db import connection

    with app.app_context():
        db = connection()
        assert connection() is db
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        db.execute("SELECT 1")


def test_the_key_is_kept_in_a_file_that_only_its_owner_reads(app: App, folder: Path) -> None:
    path = folder / "secret_key"
    assert re.fullmatch("[0-9a-f]{64}", path.read_text())
    assert app.secret_key == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "guestbook.sqlite3").stat().st_mode) == 0o600
    assert sorted(os.listdir(folder)) == ["guestbook.sqlite3", "secret_key"]


def test_only_its_owner_enters_the_instance_folder(start: Callable[..., App], folder: Path) -> None:
    before = os.umask(0o022)
    try:
        start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_settings_come_from_the_environment_and_the_instance_folder(
    start: Callable[..., App], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    settings = "ENTRIES_PER_PAGE = 3\nDATABASE = 'book.sqlite3'\nSITE_NAME = 'Tea & cake'\n"
    (folder / "config.py").write_text(settings)
    monkeypatch.setenv("MICROWEB_ENTRIES_PER_PAGE", "4")
    monkeypatch.setenv("MICROWEB_SECRET_KEY", "from the environment")

    app = start()
    assert (app.config["DATABASE"], app.config["ENTRIES_PER_PAGE"]) == ("book.sqlite3", 4)
    assert app.config["SECRET_KEY"] == "from the environment"
    assert sorted(os.listdir(folder)) == ["book.sqlite3", "config.py"]
    assert found('class="brand".*?>(.*?)</a>', Visitor(app).get("/entries/")) == ["Tea & cake"]
    assert start(ENTRIES_PER_PAGE=5).config["ENTRIES_PER_PAGE"] == 5


def test_app_py_offers_the_site_to_wsgi_servers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUESTBOOK_INSTANCE", str(folder))
    app = runpy.run_path(str(EXAMPLE / "app.py"))["app"]
    assert heading(Visitor(app).get("/entries/")) == "What visitors wrote"
    app.shutdown()
    assert (folder / "guestbook.sqlite3").is_file()
