"""Registering, logging in and out, and who may do what."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest
from visitor import Visitor, csrf_token, flashes, found, heading, password_of, problems

from microweb import App


def names(page: str) -> list[str]:
    return found(r'<a href="/auth/account">(.*?)</a>', page)


def test_who_registers_is_welcomed_and_known(guest: Visitor) -> None:
    answer = guest.post("/auth/register", name="  Ada   Lovelace ", password="correct horse")
    assert (answer.status_code, answer.location) == (303, "/auth/account")
    page = guest.get("/auth/account")
    assert flashes(page) == ["Welcome, Ada Lovelace. This is your account."]
    assert names(page) == ["Ada Lovelace"]
    assert flashes(guest.get("/auth/account")) == []


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        ("", "correct horse", ["Please write your name."]),
        (" \t ", "correct horse", ["Please write your name."]),
        ("n" * 61, "correct horse", ["Please keep your name to at most 60 characters."]),
        ("Bob", "seven77", ["Please choose a password of 8 to 200 characters."]),
        ("Bob", "x" * 201, ["Please choose a password of 8 to 200 characters."]),
        ("ada", "correct horse", ["Somebody has this name already. Please choose another one."]),
        ("ＡＤＡ", "correct horse", ["Somebody has this name already. Please choose another one."]),
    ],
)
def test_an_account_needs_a_name_of_its_own_and_a_long_password(
    ada: Visitor, guest: Visitor, name: str, password: str, expected: list[str]
) -> None:
    answer = guest.post("/auth/register", name=name, password=password)
    assert answer.status_code == 422
    assert problems(answer.text) == expected
    assert found('name="name" type="text" value="(.*?)"', answer.text) == [name]
    assert password not in answer.text
    assert names(guest.get("/entries/")) == []


@pytest.mark.parametrize(
    "char",
    [
        "\u200b",  # a blank without width
        "\u200d",  # a joiner
        "\u00ad",  # a soft hyphen
        "\u202e",  # from right to left from here on
        "\u2060",
        "\ufeff",
        "\x00",
        "\x1b",
        "\x7f",
        "\ue000",  # for private use
        "\U000e0041",  # a tag
        "\u034f",
        "\u3164",  # a Korean letter that fills a place
        "\u2800",  # a Braille sign without dots
        "\ufe0f",
        "\U000e0100",
    ],
)
@pytest.mark.parametrize("name", ["Ada{}", "{}Ada", "A{}da", "{}"])
def test_a_name_has_no_characters_that_nobody_sees(
    ada: Visitor, guest: Visitor, name: str, char: str
) -> None:
    answer = guest.post("/auth/register", name=name.format(char), password="correct horse")
    assert answer.status_code == 422
    assert problems(answer.text) == ["Please write your name without invisible characters."]
    assert 'aria-describedby="name-error"' in answer.text


@pytest.mark.parametrize("name", ["Zoë", "Đặng Văn", "محمد", "अनुराधा", "中村", "O’Neil-Smith 🦊"])
def test_a_name_may_be_of_any_script(guest: Visitor, name: str) -> None:
    guest.register(name)
    assert names(guest.get("/entries/")) == [name]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Straße", "STRASSE"),
        ("Zoe\u0308", "Zo\u00eb"),
        # Folding takes the first apart; the second has to end as it does.
        ("\u0390", "\u03aa\u0301"),
        ("Ada\tLovelace", "ada\u00a0lovelace"),
    ],
)
def test_names_that_look_alike_are_one(guest: Visitor, bob: Visitor, name: str, other: str) -> None:
    guest.register(name)
    answer = bob.post("/auth/register", name=other, password="correct horse")
    assert problems(answer.text) == ["Somebody has this name already. Please choose another one."]


def test_a_form_without_fields_is_told_what_is_missing(guest: Visitor) -> None:
    assert len(problems(guest.post("/auth/register").text)) == 2
    assert guest.post("/auth/login").status_code == 422


@pytest.mark.parametrize("name", ["Ada", " ada ", "ADA"])
def test_logging_in(ada: Visitor, guest: Visitor, name: str) -> None:
    answer = guest.post("/auth/login", name=name, password=password_of("Ada"))
    assert (answer.status_code, answer.location) == (303, "/entries/")
    page = guest.get("/entries/")
    assert flashes(page) == ["Welcome back, Ada."]
    assert names(page) == ["Ada"]


@pytest.mark.parametrize(("name", "password"), [("Ada", "wrong"), ("Eve", "correct horse")])
def test_a_refusal_does_not_tell_whether_there_is_an_account(
    ada: Visitor, guest: Visitor, name: str, password: str
) -> None:
    answer = guest.post("/auth/login", name=name, password=password)
    assert answer.status_code == 422
    assert problems(answer.text) == ["Name and password do not belong together."]
    assert names(guest.get("/entries/")) == []


def test_passwords_are_kept_as_hashes(ada: Visitor, folder: Path) -> None:
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    ((stored,),) = db.execute("SELECT password FROM user").fetchall()
    db.close()
    assert stored.startswith("pbkdf2:sha256:1$")
    assert password_of("Ada") not in stored


def test_logging_out_ends_the_session(ada: Visitor) -> None:
    answer = ada.post("/auth/logout")
    assert (answer.status_code, answer.location) == (303, "/entries/")
    page = ada.get("/entries/")
    assert flashes(page) == ["You have logged out, on all your devices."]
    assert names(page) == []
    with ada.client.session_transaction() as session:
        assert "user_id" not in session


def copied(visitor: Visitor) -> Visitor:
    """Return somebody who has got hold of a visitor's cookie."""
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    thief = Visitor(visitor.client.application)
    thief.client.set_cookie("session", cookie.value)
    return thief


def test_logging_out_ends_copies_of_the_session_too(ada: Visitor, bob: Visitor) -> None:
    thief = copied(ada)
    assert names(thief.get("/entries/")) == ["Ada"]
    ada.post("/auth/logout")
    assert names(thief.get("/entries/")) == []
    assert thief.client.post("/api/entries", json={"message": "Spam"}).status_code == 401
    assert names(bob.get("/entries/")) == ["Bob"]

    assert names(ada.log_in("Ada").get("/entries/")) == ["Ada"]
    assert names(thief.get("/entries/")) == []


def test_a_stale_copy_of_a_session_ends_no_other_one(ada: Visitor) -> None:
    thief = copied(ada)
    ada.post("/auth/logout")
    ada.log_in("Ada")
    assert thief.post("/auth/logout").status_code == 303
    assert names(ada.get("/entries/")) == ["Ada"]


def test_a_new_password_ends_the_sessions_elsewhere_and_the_token(
    app: App, ada: Visitor, guest: Visitor
) -> None:
    thief, token = copied(ada), ada.draw_token()
    new = "an even longer password"
    answer = ada.post("/auth/password", current=password_of("Ada"), new=new)
    assert (answer.status_code, answer.location) == (303, "/auth/account")
    page = ada.get("/auth/account")
    assert flashes(page)[0].startswith("Your password has been changed.")
    assert names(page) == ["Ada"]
    assert names(thief.get("/entries/")) == []
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/api/entries", headers=headers)
    assert answer.status_code == 401

    assert guest.post("/auth/login", name="Ada", password=password_of("Ada")).status_code == 422
    assert guest.post("/auth/login", name="Ada", password=new).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "expected"),
    [
        ("wrong", "correct horse", ["This is not your password."]),
        (password_of("Ada"), "short", ["Please choose a password of 8 to 200 characters."]),
        (
            "",
            "",
            ["This is not your password.", "Please choose a password of 8 to 200 characters."],
        ),
    ],
)
def test_a_password_is_changed_by_who_knows_it(
    ada: Visitor, guest: Visitor, current: str, new: str, expected: list[str]
) -> None:
    thief = copied(ada)
    answer = ada.post("/auth/password", current=current, new=new)
    assert answer.status_code == 422
    assert problems(answer.text) == expected
    assert names(thief.get("/entries/")) == ["Ada"]
    guest.log_in("Ada")


def test_a_guest_has_no_password_to_change(guest: Visitor) -> None:
    assert guest.post("/auth/password", new="correct horse").location == "/auth/login"


def test_logging_out_takes_a_form(ada: Visitor) -> None:
    assert ada.client.get("/auth/logout").status_code == 405
    assert ada.client.post("/auth/logout").status_code == 400
    assert names(ada.get("/entries/")) == ["Ada"]


def test_a_session_from_before_does_not_survive_logging_in(ada: Visitor, guest: Visitor) -> None:
    with guest.client.session_transaction() as session:
        session["csrf_token"] = planted = "known to somebody else"
        session["left"] = "behind"
    guest.log_in("Ada")
    with guest.client.session_transaction() as session:
        assert "left" not in session
        assert session.get("csrf_token") != planted
        assert session.permanent


def test_the_session_of_an_account_that_is_gone_is_nobody_s(ada: Visitor, folder: Path) -> None:
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    with db:
        db.execute("DELETE FROM user")
    db.close()
    assert names(ada.get("/entries/")) == []
    assert ada.client.get("/auth/account").status_code == 303


@pytest.mark.parametrize("path", ["/entries/new", "/auth/account", "/entries/7/edit", "/admin/"])
def test_guests_are_sent_to_log_in_and_then_back(ada: Visitor, guest: Visitor, path: str) -> None:
    answer = guest.client.get(f"{path}?a=%26")
    assert answer.status_code == 303
    assert answer.location == f"/auth/login?next={quote(path)}?a%3D%2526"
    assert flashes(guest.get(answer.location)) == ["Please log in first."]

    token = csrf_token(guest.get(answer.location))
    fields = {"csrf_token": token, "name": "Ada", "password": password_of("Ada")}
    assert guest.client.post(answer.location, data=fields).location == f"{path}?a=%26"


def test_the_way_back_keeps_the_folder_that_the_site_is_mounted_in(guest: Visitor) -> None:
    answer = guest.client.get("/entries/new", base_url="http://localhost/book")
    assert answer.location == "/book/auth/login?next=/book/entries/new"


def test_a_form_of_a_guest_leads_to_no_way_back(guest: Visitor) -> None:
    assert guest.post("/entries/7/delete").location == "/auth/login"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "////evil.example/",
        "/////evil.example/",
        "/\\evil.example/",
        "/\\/evil.example/",
        "\\\\evil.example",
        "/entries/\\evil.example",
        "/\t/evil.example/",
        "/\n/evil.example/",
        "/\r\n/evil.example/",
        "\t//evil.example/",
        " //evil.example/",
        "/ /evil.example/",
        "/\u2003/evil.example/",
        "/\x00/evil.example/",
        "/\x7f/evil.example/",
        "/\x85/evil.example/",
        "/entries/\n",
        "javascript:alert(1)",
        "evil",
        "",
    ],
)
def test_nobody_is_sent_to_another_site(ada: Visitor, guest: Visitor, url: str) -> None:
    path = f"/auth/login?next={quote(url)}"
    token = csrf_token(guest.get(path))
    fields = {"csrf_token": token, "name": "Ada", "password": password_of("Ada")}
    assert guest.client.post(path, data=fields).location == "/entries/"


@pytest.mark.parametrize("url", ["/", "/entries/1?q=a%20b#c", "/a//b", "/%09/evil.example/"])
def test_the_way_back_is_any_path_of_this_site(ada: Visitor, guest: Visitor, url: str) -> None:
    path = f"/auth/login?next={quote(url)}"
    token = csrf_token(guest.get(path))
    fields = {"csrf_token": token, "name": "Ada", "password": password_of("Ada")}
    assert guest.client.post(path, data=fields).location == url


@pytest.mark.parametrize(
    "path", ["/auth/register", "/auth/login", "/auth/logout", "/auth/token", "/auth/password"]
)
@pytest.mark.parametrize("forged", [{}, {"csrf_token": ""}, {"csrf_token": "naïve guess"}])
def test_forms_of_other_sites_are_refused(ada: Visitor, path: str, forged: dict[str, str]) -> None:
    answer = ada.client.post(path, data={"name": "Eve", "password": "correct horse", **forged})
    assert answer.status_code == 400
    assert "This form has expired." in answer.text


def test_the_token_of_one_visitor_does_not_serve_another(ada: Visitor, bob: Visitor) -> None:
    token = csrf_token(ada.get("/auth/account"))
    assert bob.post("/auth/logout", csrf_token=token).status_code == 400


def test_a_token_for_the_api_is_shown_once_and_kept_by_nobody(ada: Visitor, folder: Path) -> None:
    answer = ada.post("/auth/token")
    (token,) = found('<code class="token">(.*?)</code>', answer.text)
    assert answer.cache_control.no_store
    assert token not in ada.get("/auth/account")
    db = sqlite3.connect(folder / "guestbook.sqlite3")
    assert token not in "\n".join(db.iterdump())
    db.close()


def test_reading_sets_no_cookie(guest: Visitor) -> None:
    assert "Set-Cookie" not in guest.client.get("/entries/").headers


def test_two_accounts_cannot_be_made_of_one_name_at_once(app: App) -> None:
    from guestbook import users

    with app.app_context():
        users.create("Ada", "correct horse")
        with pytest.raises(users.NameTaken, match="ada"):
            users.create("ada", "correct horse")


def test_administrators_delete_what_others_wrote(
    ada: Visitor, bob: Visitor, admin: Visitor
) -> None:
    ada.write("spam")
    assert "Delete this entry" not in bob.get("/entries/1")
    assert "Delete this entry" in admin.get("/entries/1")
    assert admin.post("/admin/entries/1/delete").location == "/entries/"
    assert flashes(admin.get("/entries/")) == ["The entry has been deleted."]
    assert admin.client.get("/entries/1").status_code == 404


def test_only_administrators_are_let_in(ada: Visitor, bob: Visitor, admin: Visitor) -> None:
    ada.write("Hello!")
    assert "/admin/" not in bob.get("/entries/")
    assert heading(bob.get("/admin/")) == "Not allowed"
    assert bob.post("/admin/entries/1/delete").status_code == 403
    assert bob.client.get("/entries/1").status_code == 200

    page = admin.get("/admin/")
    assert found('<th scope="row">(.*?)</th>', page) == ["Grace", "Bob", "Ada"]
    assert found(r"<td>(\d+)</td>", page) == ["0", "0", "1"]
