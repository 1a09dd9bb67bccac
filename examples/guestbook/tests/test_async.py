"""What happens at the same time as, before and after the requests."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from visitor import Visitor, found

from microweb import App


def journal(folder: Path) -> list[dict[str, Any]]:
    path = folder / "journal.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def events(folder: Path) -> list[tuple[str | None, str]]:
    return [(line.get("who"), line["event"]) for line in journal(folder)]


def test_all_is_well(guest: Visitor) -> None:
    answer = guest.client.get("/status")
    assert answer.status_code == 200
    status = answer.get_json()
    assert list(status) == ["database", "disk"]
    assert all(check["ok"] and check["milliseconds"] >= 0 for check in status.values())


def test_a_check_that_fails_is_told_and_the_reason_logged(
    ada: Visitor, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    db.execute("DROP TABLE entry")
    db.close()
    answer = ada.client.get("/status")
    assert answer.status_code == 503
    assert answer.get_json()["database"] == {"ok": False}
    assert answer.get_json()["disk"]["ok"]
    (record,) = caplog.records
    assert "no such table: entry" in record.getMessage()
    assert "entry" not in answer.text


def test_too_little_space_is_told(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    answer = guest.client.get("/status")
    assert (answer.status_code, answer.get_json()["disk"]) == (503, {"ok": False})
    assert "only 1000 bytes are free" in caplog.text


def test_a_check_that_hangs_is_given_up(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    from guestbook import status

    over = threading.Event()
    monkeypatch.setattr(status, "PATIENCE", 0.05)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: over.wait(10))
    answer = guest.client.get("/status")
    over.set()
    assert (answer.status_code, answer.get_json()["disk"]) == (503, {"ok": False})


def test_a_worker_notes_when_it_starts_and_stops(app: App, folder: Path) -> None:
    with app.test_client() as client:
        client.get("/entries/")
        assert events(folder) == [(None, "a worker started")]
    assert events(folder) == [(None, "a worker started"), (None, "a worker stopped")]


def test_what_visitors_do_is_noted_behind_their_backs(app: App, folder: Path) -> None:
    ada = Visitor(app).register("Ada")
    ada.write("Hello!")
    ada.post("/entries/1/edit", message="Hello again!")
    ada.client.post("/api/entries", json={"message": "Hello!"})
    ada.post("/auth/login", name="Ada", password="wrong")
    ada.log_in("Ada")
    ada.draw_token()
    ada.post("/entries/1/delete")
    app.shutdown()
    # One of the threads that write them may overtake another.
    assert sorted(events(folder)[1:-1]) == sorted(
        [
            ("Ada", "registered"),
            ("Ada", "wrote an entry"),
            ("Ada", "changed an entry"),
            ("Ada", "wrote an entry"),
            ("Ada", "login refused"),
            ("Ada", "logged in"),
            ("Ada", "drew a token"),
            ("Ada", "deleted an entry"),
        ]
    )
    written = [line for line in journal(folder) if line["event"] == "wrote an entry"]
    assert {line["entry"] for line in written} == {1, 2}
    assert {line["from"] for line in written} == {"127.0.0.1"}


def test_the_journal_holds_no_secret(app: App, folder: Path) -> None:
    token = Visitor(app).register("Ada").draw_token()
    Visitor(app).post("/auth/login", name="my passw0rd", password="my passw0rd")
    app.shutdown()
    text = (folder / "journal.jsonl").read_text()
    assert "passw" not in text
    assert token not in text


def test_administrators_read_what_happened_lately(app: App, admin: Visitor, folder: Path) -> None:
    from guestbook import journal

    for number in range(500):
        journal.append(folder / "journal.jsonl", {"event": "dug <b>", "who": "é", "n": number})
    with app.app_context():
        lines = journal.latest(app, 3)
    assert [line["n"] for line in lines] == [499, 498, 497]
    assert "é dug &lt;b&gt;" in admin.get("/admin/")
    assert all(line.startswith("<time") for line in found("<li>(.*?)</li>", admin.get("/admin/")))


@pytest.mark.parametrize(
    "broken",
    [b'{"at": "2025-03-0\n', b"\n", b"\0\0\0\n", b'{"at": "\xc3\n', b'{"at": "2025-'],
    ids=repr,
)
def test_a_line_of_the_journal_that_is_cut_off_is_left_out(
    admin: Visitor, app: App, folder: Path, broken: bytes
) -> None:
    from guestbook import journal

    path = folder / "journal.jsonl"
    journal.append(path, {"event": "dug a hole", "who": "Ada"})
    with path.open("ab") as file:
        file.write(broken)
    if broken.endswith(b"\n"):
        journal.append(path, {"event": "filled it", "who": "Ada"})
    page = admin.client.get("/admin/")
    assert page.status_code == 200
    assert "Ada dug a hole" in page.text
    assert ("Ada filled it" in page.text) == broken.endswith(b"\n")


def test_no_journal_has_no_lines(app: App, folder: Path) -> None:
    from guestbook import journal

    assert journal.latest(app, 3) == []
