"""The accounts: names, passwords and tokens."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass, replace
from hashlib import sha256

from werkzeug.security import check_password_hash, generate_password_hash

from microweb import current_app

from .db import connection
from .text import has_hidden, name_key, one_line

NAME_LIMIT = 60  # characters
PASSWORD_LENGTHS = 8, 200  # characters


@dataclass(frozen=True)
class User:
    """An account.

    :ivar session: The number that its sessions hold: those with another one have ended.
    """

    id: int
    name: str
    admin: bool
    session: int = 0


class NameTaken(Exception):
    """Somebody else has an account of this name."""


def create(name: str, password: str, *, admin: bool = False) -> User:
    """Add an account; `errors_in` must have found nothing wrong with the values."""
    try:
        with connection() as db:
            user_id = db.execute(
                "INSERT INTO user (name, key, password, admin) VALUES (?, ?, ?, ?)",
                (one_line(name), name_key(name), hashed(password), admin),
            ).lastrowid
    except sqlite3.IntegrityError as error:
        raise NameTaken(name) from error
    assert user_id is not None
    return User(user_id, one_line(name), admin)


def errors_in(name: str, password: str) -> dict[str, str]:
    """Return what is wrong with the values for a new account, by field."""
    errors = {"name": name_error(name), "password": password_error(password)}
    return {field: error for field, error in errors.items() if error}


def name_error(name: str) -> str | None:
    if not one_line(name):
        return "Please write your name."
    if len(one_line(name)) > NAME_LIMIT:
        return f"Please keep your name to at most {NAME_LIMIT} characters."
    if has_hidden(name):
        # With one of them in it, a name looks exactly like that of somebody else.
        return "Please write your name without invisible characters."
    return None


def password_error(password: str) -> str | None:
    shortest, longest = PASSWORD_LENGTHS
    if not shortest <= len(password) <= longest:
        return f"Please choose a password of {shortest} to {longest} characters."
    return None


def by_session(user_id: int, number: int | None) -> User | None:
    """Return the account of a session, unless that has ended."""
    rows = connection().execute(
        "SELECT * FROM user WHERE id = ? AND session = ?", (user_id, number)
    )
    return user_of(rows.fetchone())


def end_sessions(user: User) -> None:
    """Log somebody out everywhere: a cookie that was copied opens nothing any more."""
    with connection() as db:
        db.execute("UPDATE user SET session = session + 1 WHERE id = ?", (user.id,))


def change_password(user: User, password: str) -> User:
    """Replace the password, and end what somebody who knew the old one may have opened."""
    with connection() as db:
        db.execute(
            "UPDATE user SET password = ?, token = NULL, session = session + 1 WHERE id = ?",
            (hashed(password), user.id),
        )
    return replace(user, session=user.session + 1)


def everybody() -> list[sqlite3.Row]:
    """Return all accounts with the number of their entries, the newest first."""
    return (
        connection()
        .execute(
            "SELECT user.*, count(entry.id) AS entries FROM user"
            " LEFT JOIN entry ON entry.user_id = user.id GROUP BY user.id ORDER BY user.id DESC"
        )
        .fetchall()
    )


def verified(name: str, password: str) -> User | None:
    """Return the account that name and password open."""
    row = connection().execute("SELECT * FROM user WHERE key = ?", (name_key(name),)).fetchone()
    if row is None:
        # As much work as for a password: the time must not tell which names have an account.
        hashed(password)
        return None
    return user_of(row) if check_password_hash(row["password"], password) else None


def new_token(user: User) -> str:
    """Draw the token that opens the API to this account; an older one ends."""
    token = secrets.token_urlsafe(32)
    with connection() as db:
        db.execute("UPDATE user SET token = ? WHERE id = ?", (digest(token), user.id))
    return token


def by_token(token: str) -> User | None:
    rows = connection().execute("SELECT * FROM user WHERE token = ?", (digest(token),))
    return user_of(rows.fetchone())


def user_of(row: sqlite3.Row | None) -> User | None:
    if row is None:
        return None
    return User(row["id"], row["name"], bool(row["admin"]), row["session"])


def hashed(password: str) -> str:
    return generate_password_hash(password, current_app.config["PASSWORD_HASH"])


def digest(token: str) -> str:
    # Unlike a password nobody can guess a token, so that one quick round is enough.
    return sha256(token.encode()).hexdigest()
