"""The commands: `microweb init-db`, `microweb auth create-user` and `microweb entries export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from visitor import Visitor, messages, password_of, upload

from microweb import App


def test_init_db_tells_where_the_database_is(app: App, folder: Path) -> None:
    result = app.test_cli_runner().invoke(args=["init-db"])
    assert result.exit_code == 0
    path = folder / "guestbook.sqlite3"
    assert result.output == f"{path} is ready, at version 3 of its schema.\n"


def test_a_reset_asks_first(app: App, ada: Visitor) -> None:
    ada.write("Hello!")
    result = app.test_cli_runner().invoke(args=["init-db", "--reset"], input="n\n")
    assert result.exit_code == 1
    assert "Delete all entries and accounts? [y/N]" in result.output
    assert messages(ada.get("/entries/")) == ["Hello!"]

    result = app.test_cli_runner().invoke(args=["init-db", "--reset"], input="y\n")
    assert result.exit_code == 0
    assert messages(ada.get("/entries/")) == []
    assert ada.client.get("/auth/account").status_code == 303


@pytest.mark.parametrize("is_admin", [False, True])
def test_an_account_is_created_with_a_password_that_nobody_sees(app: App, is_admin: bool) -> None:
    password = password_of("Ada")
    args = ["auth", "create-user", "Ada", *(["--admin"] if is_admin else [])]
    result = app.test_cli_runner().invoke(args=args, input=f"{password}\n{password}\n")
    assert result.exit_code == 0, result.output
    assert result.output.endswith("Ada can log in now.\n")
    assert password not in result.output
    ada = Visitor(app).log_in("Ada")
    assert ("/admin/" in ada.get("/entries/")) == is_admin


@pytest.mark.parametrize(
    ("name", "password", "complaint"),
    [
        ("ada", "correct horse", "There is an account of the name ada already."),
        ("Bob", "short", "Please choose a password of 8 to 200 characters."),
        (" ", "correct horse", "Please write your name."),
        ("Bo\udcffb", "correct horse", "Please write your name without invisible characters."),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_words(
    app: App, ada: Visitor, name: str, password: str, complaint: str
) -> None:
    args = ["auth", "create-user", name, "--password", password]
    result = app.test_cli_runner().invoke(args=args)
    assert (result.exit_code, result.output) == (1, f"Error: {complaint}\n")


def test_a_command_says_what_is_missing(app: App) -> None:
    result = app.test_cli_runner().invoke(args=["auth", "create-user"])
    assert result.exit_code == 2
    assert "Missing argument 'NAME'" in result.output


def test_entries_are_exported_a_line_each_the_oldest_first(app: App, ada: Visitor) -> None:
    ada.write("Grüße\n& ☃")
    ada.write("Look!", picture=upload(), description="Tea")
    result = app.test_cli_runner().invoke(args=["entries", "export"])
    assert result.exit_code == 0
    first, second = map(json.loads, result.output.splitlines())
    assert (first["id"], first["name"], first["message"]) == (1, "Ada", "Grüße\n& ☃")
    assert (first["picture"], second["description"]) == (None, "Tea")
    assert second["picture"].endswith(".png")
    assert "password" not in result.output


def test_an_empty_book_exports_nothing(app: App) -> None:
    result = app.test_cli_runner().invoke(args=["entries", "export"])
    assert (result.exit_code, result.output) == (0, "")
