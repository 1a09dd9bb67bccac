"""Sessions in signed cookies: who can read them, when they are sent, and with which attributes."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from base64 import urlsafe_b64encode
from collections.abc import Callable, MutableMapping
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from random import Random
from threading import Thread
from typing import Any
from uuid import UUID

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import BadData, BadSignature, URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.http import parse_date
from werkzeug.test import TestResponse

from microweb import App, Request, Response, copy_current_request_context, session
from microweb.errors import ConfigError, SessionTooLarge, SetupError
from microweb.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
    session_json_serializer,
)
from microweb.tagged import JSONTag, TaggedJSONSerializer

KEY = "a key for tests only"
Do = Callable[[Any], object]


def visit(app: App, do: Do, cookie: str | None = None, **kwargs: Any) -> TestResponse:
    """Send one request to a view that does something with the session."""
    if "do" not in app.extensions:
        app.add_url_rule("/", "view", lambda: {"result": app.extensions["do"](session)})
    app.extensions["do"] = do
    client = app.test_client(use_cookies=False)
    headers = [("Cookie", f"session={cookie}")] if cookie is not None else []
    return client.get("/", headers=headers, **kwargs)


def cookie_of(response: TestResponse) -> str:
    """Return the value of the one cookie that a response sets."""
    (header,) = response.headers.getlist("Set-Cookie")
    assert header.startswith("session=")
    return header.partition(";")[0].removeprefix("session=")


def attributes_of(response: TestResponse) -> list[str]:
    (header,) = response.headers.getlist("Set-Cookie")
    return header.split("; ")[1:]


def signed(app: App, content: Any, *, key: str | bytes = KEY, age: float = 0) -> str:
    """Return the cookie of a session, signed with a key some time ago."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None

    class Aged(serializer.signer):  # type: ignore[name-defined, misc]
        def get_timestamp(self) -> int:
            return int(super().get_timestamp() - age)

    aged = URLSafeTimedSerializer(
        key,
        salt=serializer.salt,
        serializer=serializer.serializer,
        signer=Aged,
        signer_kwargs=serializer.signer_kwargs,
    )
    return str(aged.dumps(content))


def setting(**items: Any) -> Do:
    return lambda session: session.update(items)


def reading(session: Any) -> Any:
    return dict(session)


def nothing(session: Any) -> None:
    """Do not touch the session: its proxy is not looked into."""


# --- what it holds


def test_what_one_request_stores_the_next_one_reads(app: App) -> None:
    first = visit(app, setting(user="ada", ids=[1, 2]))
    second = visit(app, reading, cookie_of(first))
    assert second.json == {"result": {"user": "ada", "ids": [1, 2]}}


def test_python_types_come_back_as_they_were(app: App) -> None:
    content = {
        "tuple": (1, (2,)),
        "bytes": b"\x00\xff",
        "markup": Markup("<b>"),
        "uuid": UUID(int=5),
        "when": datetime(2024, 2, 29, tzinfo=timezone.utc),
        "dict": {" t": [None, True, 1.5]},
    }
    cookie = cookie_of(visit(app, lambda session: session.update(content)))
    found: list[dict[str, Any]] = []
    visit(app, lambda session: found.append(dict(session)), cookie)
    assert found == [content]
    assert [type(value) for value in found[0].values()] == [type(v) for v in content.values()]


def test_flask_reads_our_cookie_and_we_read_flasks(app: App) -> None:
    other = flask.Flask("other")
    other.secret_key = KEY
    interface = flask.sessions.SecureCookieSessionInterface()
    flasks = interface.get_signing_serializer(other)
    assert flasks is not None
    content = {"user": "ada", "ids": (1, 2), "raw": b"\x00", "when": parse_date("1 Jan 2024 00:00")}
    ours = cookie_of(visit(app, lambda session: session.update(content)))
    assert flasks.loads(ours, max_age=60) == content
    found: list[dict[str, Any]] = []
    visit(app, lambda session: found.append(dict(session)), str(flasks.dumps(content)))
    assert found == [content]


def test_a_session_of_a_running_flask_application_goes_on_here_and_back(app: App) -> None:
    other = flask.Flask("other")
    other.secret_key = KEY

    @other.get("/")
    def count() -> str:
        flask.session["count"] = flask.session.get("count", 0) + 1
        return str(flask.session["count"])

    client = other.test_client()
    client.get("/")
    flasks = client.get_cookie("session")
    assert flasks is not None
    response = visit(app, lambda session: session.update(count=session["count"] + 1), flasks.value)
    client.set_cookie("session", cookie_of(response))
    assert client.get("/").data == b"3"


# --- who cannot change it


def test_a_cookie_with_any_byte_flipped_is_an_empty_session(app: App) -> None:
    cookie = cookie_of(visit(app, setting(user="ada")))
    app.config["SECRET_KEY_FALLBACKS"] = ["an old key"]
    accepted = []
    for position in range(len(cookie)):
        for bit in (1, 2, 32, 128):
            flipped = chr(ord(cookie[position]) ^ bit)
            tampered = cookie[:position] + flipped + cookie[position + 1 :]
            if flipped in ";\r\n\x00" or (flipped == " " and position in (0, len(cookie) - 1)):
                continue  # another cookie, or none
            response = visit(app, lambda session: [*session, session.new], tampered)
            if response.json != {"result": [True]}:
                accepted.append(tampered)
    # The last character of Base64 holds bits that belong to no byte.
    assert [text[:-1] for text in accepted] in ([], *([cookie[:-1]] * n for n in range(1, 5)))


@pytest.mark.parametrize(
    "cookie",
    ["", ".", "..", "a.b.c", "\xff", '"', "{}", "e30", "." * 1000, "eyJhIjoxfQ.ZZZZZZ.x", "é" * 9],
)
def test_what_is_no_session_at_all_is_an_empty_one(app: App, cookie: str) -> None:
    response = visit(app, reading, cookie)
    assert (response.status_code, response.json) == (200, {"result": {}})
    assert "Set-Cookie" not in response.headers


def test_a_session_of_another_key_is_an_empty_one(app: App) -> None:
    assert visit(app, reading, signed(app, {"a": 1}, key="wrong")).json == {"result": {}}


def test_a_new_session_says_so_and_one_that_was_read_does_not(app: App) -> None:
    assert visit(app, lambda session: session.new).json == {"result": True}
    cookie = signed(app, {"a": 1})
    assert visit(app, lambda session: session.new, cookie).json == {"result": False}


# --- time


def test_a_session_ends_after_its_lifetime(app: App) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=100)
    assert visit(app, reading, signed(app, {"a": 1}, age=90)).json == {"result": {"a": 1}}
    assert visit(app, reading, signed(app, {"a": 1}, age=110)).json == {"result": {}}


def test_the_lifetime_may_be_a_number_of_seconds(app: App) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = 100
    assert visit(app, reading, signed(app, {"a": 1}, age=90)).json == {"result": {"a": 1}}
    assert visit(app, reading, signed(app, {"a": 1}, age=110)).json == {"result": {}}


def test_the_cookie_of_a_permanent_session_has_an_end(app: App) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=2)

    def keep(session: Any) -> None:
        session.permanent = True
        session["a"] = 1

    response = visit(app, keep)
    (expires,) = (a for a in attributes_of(response) if a.startswith("Expires="))
    end = parse_date(expires.removeprefix("Expires="))
    assert end is not None
    left = end - datetime.now(timezone.utc)
    assert timedelta(days=2, seconds=-10) < left <= timedelta(days=2)
    assert visit(app, reading, cookie_of(response)).json == {"result": {"_permanent": True, "a": 1}}


def test_other_sessions_end_with_the_browser(app: App) -> None:
    response = visit(app, setting(a=1))
    assert not any(a.startswith(("Expires", "Max-Age")) for a in attributes_of(response))


def test_permanence_can_be_taken_back(app: App) -> None:
    cookie = signed(app, {"a": 1, "_permanent": True})
    response = visit(app, lambda session: setattr(session, "permanent", False), cookie)
    assert not any(a.startswith("Expires") for a in attributes_of(response))
    assert visit(app, lambda session: session.permanent, cookie_of(response)).json == {
        "result": False
    }


@pytest.mark.parametrize("do", [nothing, reading])
def test_a_permanent_session_is_sent_with_each_response(app: App, do: Do) -> None:
    cookie = signed(app, {"a": 1, "_permanent": True}, age=50)
    response = visit(app, do, cookie)
    assert cookie_of(response) != cookie
    assert response.headers["Vary"] == "Cookie"
    assert response.headers["Cache-Control"] == "private"


@pytest.mark.parametrize("do", [nothing, reading])
def test_without_refreshing_a_permanent_session_is_sent_when_it_changes(app: App, do: Do) -> None:
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    cookie = signed(app, {"a": 1, "_permanent": True}, age=50)
    assert "Set-Cookie" not in visit(app, do, cookie).headers
    assert cookie_of(visit(app, setting(b=2), cookie)) != cookie


# --- keys


def test_the_newest_key_signs(app: App) -> None:
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["older", "oldest"])
    cookie = cookie_of(visit(app, setting(a=1)))
    app.config.update(SECRET_KEY="older", SECRET_KEY_FALLBACKS=["oldest"])
    assert visit(app, reading, cookie).json == {"result": {}}
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=None)
    assert visit(app, reading, cookie).json == {"result": {"a": 1}}


@pytest.mark.parametrize("old", ["older", "oldest"])
@pytest.mark.parametrize("do", [nothing, reading])
def test_a_cookie_of_a_fallback_key_is_read_and_signed_anew(app: App, old: str, do: Do) -> None:
    cookie = signed(app, {"a": 1}, key=old)
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["older", "oldest"])
    response = visit(app, do, cookie)
    app.config.update(SECRET_KEY_FALLBACKS=[])
    assert visit(app, reading, cookie_of(response)).json == {"result": {"a": 1}}
    assert visit(app, reading, cookie).json == {"result": {}}


def test_an_expired_cookie_of_a_fallback_key_is_an_empty_session(app: App) -> None:
    app.config.update(PERMANENT_SESSION_LIFETIME=100, SECRET_KEY_FALLBACKS=["old"])
    response = visit(app, reading, signed(app, {"a": 1}, key="old", age=110))
    assert response.json == {"result": {}}
    assert "Set-Cookie" not in response.headers


def test_a_cookie_of_the_current_key_is_not_signed_anew(app: App) -> None:
    app.config["SECRET_KEY_FALLBACKS"] = ["old"]
    assert "Set-Cookie" not in visit(app, reading, signed(app, {"a": 1})).headers


def test_keys_may_be_bytes(app: App) -> None:
    app.config.update(SECRET_KEY=b"\x00\xff", SECRET_KEY_FALLBACKS=[b"\x01"])
    cookie = signed(app, {"a": 1}, key=b"\x01")
    response = visit(app, reading, cookie)
    assert response.json == {"result": {"a": 1}}
    assert visit(app, reading, cookie_of(response)).json == {"result": {"a": 1}}


# --- changes

CHANGES: dict[str, Do] = {
    "[]": lambda session: session.__setitem__("b", 2),
    "same value": lambda session: session.__setitem__("a", 1),
    "del": lambda session: session.__delitem__("a"),
    "update": lambda session: session.update(b=2),
    "setdefault": lambda session: session.setdefault("b", 2),
    "pop": lambda session: session.pop("a"),
    "popitem": lambda session: list(session.popitem()),
    "clear": lambda session: session.clear(),
    "permanent": lambda session: setattr(session, "permanent", True),
    "modified": lambda session: setattr(session, "modified", True),
    "|=": lambda session: session.__ior__({"b": 2}) and None,
    "list": lambda session: session["list"].append(3),
    "dict": lambda session: session["dict"]["inner"].update(x=1),
    "list in tuple": lambda session: session["tuple"][0].append(1),
    "deep": lambda session: session["dict"]["inner"]["deep"].pop(),
}
CONTENT = {"a": 1, "list": [1, 2], "dict": {"inner": {"deep": [1]}}, "tuple": ([],)}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_sent(app: App, name: str) -> None:
    changed: list[dict[str, Any]] = []

    def change(session: Any) -> None:
        CHANGES[name](session)
        changed.append(json.loads(json.dumps(dict(session))))

    response = visit(app, change, signed(app, CONTENT))
    assert response.headers["Vary"] == "Cookie"
    assert "Set-Cookie" in response.headers
    if changed != [{}]:
        assert visit(app, reading, cookie_of(response)).json == {"result": changed[0]}


READINGS: dict[str, Do] = {
    "get": lambda session: session.get("a"),
    "get of what is missing": lambda session: session.get("missing"),
    "[]": lambda session: session["list"],
    "in": lambda session: "a" in session,
    "not in": lambda session: "missing" not in session,
    "len": len,
    "bool": bool,
    "iter": lambda session: list(iter(session)),
    "==": lambda session: session == {"a": 1},
    "keys": lambda session: list(session.keys()),
    "values": lambda session: list(session.values()),
    "items": lambda session: list(session.items()),
    "copy": lambda session: session.copy(),
    "repr": repr,
    "str": str,
    "pop of what is missing": lambda session: session.pop("missing", None),
    "setdefault of what is there": lambda session: session.setdefault("a", 5),
    "permanent": lambda session: session.permanent,
    "new": lambda session: session.new,
    "|": lambda session: session | {},
    "unpacking": lambda session: {**session},
}


@pytest.mark.parametrize("cookie", [True, False], ids=["with a cookie", "without one"])
@pytest.mark.parametrize("name", READINGS)
def test_every_reading_makes_the_response_depend_on_the_cookie(
    app: App, name: str, cookie: bool
) -> None:
    if name == "[]" and not cookie:
        return
    if name.startswith("setdefault") and not cookie:
        return
    response = visit(app, READINGS[name], signed(app, CONTENT) if cookie else None)
    assert response.headers["Vary"] == "Cookie"
    assert "Set-Cookie" not in response.headers


def test_a_response_that_read_the_session_is_not_publicly_cacheable(app: App) -> None:
    response = visit(app, reading, signed(app, {"a": 1}))
    assert response.headers["Vary"] == "Cookie"
    assert response.headers["Cache-Control"] == "private"


def test_a_response_that_touched_no_session_says_nothing_of_cookies(app: App) -> None:
    for cookie in (None, signed(app, CONTENT), "tampered"):
        headers = visit(app, nothing, cookie).headers
        assert [name for name, _ in headers] == ["Content-Type", "Content-Length"]


def test_reading_never_starts_a_session(app: App) -> None:
    response = visit(app, lambda session: [session.get("a"), session.permanent, len(session)])
    assert "Set-Cookie" not in response.headers


def test_vary_and_cache_control_of_the_view_are_kept(app: App) -> None:
    @app.get("/own")
    def own() -> Response:
        session["a"] = 1
        response = app.response_class("x")
        response.vary.add("Accept-Language")
        response.cache_control.no_store = True
        return response

    response = app.test_client().get("/own")
    assert response.headers["Vary"] == "Accept-Language, Cookie"
    assert response.headers["Cache-Control"] == "no-store"


def test_a_response_that_sets_the_cookie_is_private(app: App) -> None:
    response = visit(app, setting(a=1))
    assert response.headers["Vary"] == "Cookie"
    assert response.headers["Cache-Control"] == "private"


# --- deletion


def test_an_emptied_session_deletes_its_cookie(app: App) -> None:
    response = visit(app, lambda session: session.clear(), signed(app, {"a": 1}))
    assert response.headers["Set-Cookie"] == (
        "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/; SameSite=Lax"
    )
    assert response.headers["Vary"] == "Cookie"


def test_a_response_that_deletes_the_cookie_is_private(app: App) -> None:
    response = visit(app, lambda session: session.clear(), signed(app, {"a": 1}))
    assert response.headers["Cache-Control"] == "private"


def test_deletion_names_the_attributes_that_the_cookie_was_set_with(app: App) -> None:
    app.config.update(
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/shop",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_PARTITIONED=True,
        SESSION_COOKIE_SAMESITE="None",
    )
    response = visit(app, lambda session: session.pop("a"), signed(app, {"a": 1}))
    assert {
        "Domain=example.com",
        "Path=/shop",
        "Secure",
        "Partitioned",
        "SameSite=None",
        "Max-Age=0",
    } <= set(attributes_of(response))


# --- attributes


def test_by_default_the_cookie_is_for_this_site_and_not_for_scripts(app: App) -> None:
    assert attributes_of(visit(app, setting(a=1))) == ["HttpOnly", "Path=/", "SameSite=Lax"]


def test_the_cookie_is_secure_when_the_request_is(app: App) -> None:
    assert "Secure" in attributes_of(visit(app, setting(a=1), base_url="https://localhost"))
    assert "Secure" not in attributes_of(visit(app, setting(a=1), base_url="http://localhost"))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("secure", [True, False])
def test_the_configuration_decides_over_the_request(app: App, scheme: str, secure: bool) -> None:
    app.config["SESSION_COOKIE_SECURE"] = secure
    response = visit(app, setting(a=1), base_url=f"{scheme}://localhost")
    assert ("Secure" in attributes_of(response)) is secure


def test_every_attribute_can_be_configured(app: App) -> None:
    app.config.update(
        SESSION_COOKIE_NAME="sid",
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/shop",
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_PARTITIONED=True,
    )
    header = visit(app, setting(a=1)).headers["Set-Cookie"]
    name, *attributes = header.split("; ")
    assert name.startswith("sid=")
    assert sorted(attributes) == [
        "Domain=example.com",
        "Partitioned",
        "Path=/shop",
        "SameSite=Strict",
        "Secure",
    ]


def test_the_path_is_that_of_the_application_unless_it_has_its_own(app: App) -> None:
    app.config["APPLICATION_ROOT"] = "/shop"
    assert "Path=/shop" in attributes_of(visit(app, setting(a=1)))
    app.config["SESSION_COOKIE_PATH"] = "/other"
    assert "Path=/other" in attributes_of(visit(app, setting(a=1)))


def test_no_samesite_is_sent_where_none_is_configured(app: App) -> None:
    app.config["SESSION_COOKIE_SAMESITE"] = None
    assert attributes_of(visit(app, setting(a=1))) == ["HttpOnly", "Path=/"]


# --- too large

#: What no compression makes small.
BIG = Random(1).randbytes(4_000).hex()


def test_a_session_that_is_too_large_is_an_exception_in_testing_and_debug(app: App) -> None:
    with pytest.raises(SessionTooLarge) as caught:
        visit(app, setting(a=BIG))
    assert caught.value.limit == 4093
    assert caught.value.size > 4093
    assert str(caught.value) == (
        f"The session cookie 'session' takes {caught.value.size} bytes and browsers drop cookies"
        " of more than 4093. Keep large values on the server and only their id in the session."
    )
    app.config.update(TESTING=False, DEBUG=True)
    with pytest.raises(SessionTooLarge):
        visit(app, setting(a=BIG))


def test_otherwise_it_is_logged_as_an_error_and_the_old_cookie_is_kept(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False
    response = visit(app, setting(big=BIG), signed(app, {"a": 1}))
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert response.headers["Vary"] == "Cookie"
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.ERROR
    assert message.startswith("The session cookie 'session' takes ")
    assert message.endswith(" The old cookie is kept.")


def test_the_limit_counts_the_whole_cookie_and_can_be_changed(app: App) -> None:
    size = len(visit(app, setting(a="x")).headers["Set-Cookie"])
    app.config["MAX_COOKIE_SIZE"] = size
    assert "Set-Cookie" in visit(app, setting(a="x")).headers
    app.config["MAX_COOKIE_SIZE"] = size - 1
    with pytest.raises(SessionTooLarge):
        visit(app, setting(a="x"))
    app.config["MAX_COOKIE_SIZE"] = 0
    assert "Set-Cookie" in visit(app, setting(a="x")).headers


# --- without a key


def test_without_a_key_the_session_can_be_read(app: App) -> None:
    app.secret_key = None
    response = visit(app, lambda session: [session.get("a"), "a" in session, len(session)])
    assert response.json == {"result": [None, False, 0]}
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("key", [None, "", b""])
@pytest.mark.parametrize(
    "name", [name for name in CHANGES if name not in {"list", "dict", "list in tuple", "deep"}]
)
def test_without_a_key_writing_says_what_to_do(app: App, name: str, key: Any) -> None:
    app.secret_key = key
    if name == "modified":
        return
    with pytest.raises(SetupError) as caught:
        visit(app, CHANGES[name])
    assert str(caught.value) == (
        "The session cannot be written because the application has no SECRET_KEY. Set"
        " app.config['SECRET_KEY'] to a random secret that stays the same, such as the output"
        " of: python -c 'import secrets; print(secrets.token_hex())'"
    )


# --- another interface


class InMemory(SessionInterface):
    """Sessions that are kept here; it records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def open_session(self, app: Any, request: Request) -> SessionMixin | None:
        self.calls.append(("open", request.path))
        return SecureCookieSession({"kept": True})

    def save_session(self, app: Any, session: SessionMixin, response: Response) -> None:
        self.calls.append(("save", dict(session)))
        response.headers["X-Saved"] = "yes"


class Keeping(App):
    session_interface = InMemory()


def test_a_session_kept_elsewhere_is_opened_and_saved_even_when_it_is_untouched() -> None:
    app = Keeping("example", static_folder=None)
    app.session_interface = interface = InMemory()
    app.add_url_rule("/untouched", "untouched", lambda: "x")
    app.add_url_rule("/touched", "touched", lambda: str(session.setdefault("a", 1)))
    client = app.test_client()
    assert client.get("/untouched").headers["X-Saved"] == "yes"
    assert client.get("/touched").headers["X-Saved"] == "yes"
    assert client.get("/missing").headers["X-Saved"] == "yes"
    assert interface.calls == [
        ("open", "/untouched"),
        ("save", {"kept": True}),
        ("open", "/touched"),
        ("save", {"kept": True, "a": 1}),
        ("open", "/missing"),
        ("save", {"kept": True}),
    ]


def test_an_interface_that_has_no_session_gives_one_that_is_not_saved(app: App) -> None:
    class Without(InMemory):
        def open_session(self, app: Any, request: Request) -> SessionMixin | None:
            self.calls.append(("open", request.path))
            return None

    app.session_interface = interface = Without()
    assert visit(app, reading).json == {"result": {}}
    assert interface.calls == [("open", "/")]
    assert interface.is_null_session(NullSession())
    assert not interface.is_null_session(SecureCookieSession())


def test_an_interface_may_say_that_an_untouched_session_needs_nothing(app: App) -> None:
    class Lazy(InMemory):
        def is_pending(self, app: Any, environ: dict[str, Any]) -> bool:
            return False

    app.session_interface = interface = Lazy()
    visit(app, nothing)
    assert interface.calls == []
    visit(app, reading)
    assert interface.calls == [("open", "/"), ("save", {"kept": True})]


def test_a_subclass_of_ours_decides_the_attributes_and_when_to_send(app: App) -> None:
    class Never(SecureCookieSessionInterface):
        def should_set_cookie(self, app: Any, session: SessionMixin) -> bool:
            return "send" in session

        def get_cookie_domain(self, app: Any) -> str | None:
            return "own.example"

        def get_cookie_samesite(self, app: Any) -> str | None:
            return "Strict"

    app.session_interface = Never()
    response = visit(app, setting(send=1))
    assert {"Domain=own.example", "SameSite=Strict"} <= set(attributes_of(response))


def test_a_subclass_with_another_salt_does_not_read_our_cookies(app: App) -> None:
    class Salted(SecureCookieSessionInterface):
        salt = "another"

    cookie = cookie_of(visit(app, setting(a=1)))
    app.session_interface = Salted()
    assert visit(app, reading, cookie).json == {"result": {}}


def test_the_signed_cookie_interface_refuses_a_session_that_is_not_its_own(app: App) -> None:
    class Plain(dict[str, Any], SessionMixin):
        pass

    class Odd(SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Request) -> Any:
            return Plain()

    app.session_interface = Odd()
    with pytest.raises(SetupError, match=r"^Odd cannot save a Plain\.$"):
        visit(app, reading)


def test_the_base_interface_must_be_completed(app: App) -> None:
    app.session_interface = SessionInterface()
    with pytest.raises(NotImplementedError):
        visit(app, nothing)


# --- what an untouched session costs


def pending(app: App, header: str) -> bool:
    return app.session_interface.is_pending(app, {"HTTP_COOKIE": header})


def test_only_a_cookie_that_may_be_permanent_is_opened_untouched(app: App) -> None:
    plain, permanent = signed(app, {"a": 1}), signed(app, {"a": 1, "_permanent": True})
    compressed = signed(app, {"a": "x" * 500})
    assert compressed.startswith(".")
    assert pending(app, f"session={permanent}")
    assert pending(app, f"theme=dark; session={permanent}; other=1")
    assert pending(app, f"session={compressed}")
    assert pending(app, f'session="{plain}"')
    assert pending(app, f"session = {plain}")
    assert pending(app, f"session={plain}; session={permanent}")
    assert pending(app, f"session={signed(app, {'text': 'é'})}")
    assert pending(app, "session=")
    assert pending(app, "session=a.b.c")
    assert not pending(app, f"session={plain}")
    assert not pending(app, f"theme=dark; session={plain}; other=1")
    assert not pending(app, f"my_session={plain}")
    assert not pending(app, "theme=dark")
    assert not app.session_interface.is_pending(app, {})


def test_every_cookie_is_opened_where_its_key_may_be_an_old_one(app: App) -> None:
    app.config["SECRET_KEY_FALLBACKS"] = ["old"]
    assert pending(app, f"session={signed(app, {'a': 1})}")
    assert not pending(app, "theme=dark")


def test_an_interface_that_decides_by_itself_gets_every_cookie(app: App) -> None:
    class Always(SecureCookieSessionInterface):
        def should_set_cookie(self, app: Any, session: SessionMixin) -> bool:
            return True

    cookie = signed(app, {"a": 1})
    app.session_interface = Always()
    assert "Set-Cookie" in visit(app, nothing, cookie).headers
    app.session_interface = own = SecureCookieSessionInterface()
    own.salt = "another"
    assert pending(app, f"session={cookie}")


# --- what signs

ITSDANGEROUS = settings(deadline=None, database=None, derandomize=True, max_examples=200)


@ITSDANGEROUS
@given(
    st.binary(min_size=1, max_size=200),
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.text(max_size=300), st.integers()), max_size=3
    ),
    st.sampled_from([hashlib.sha1, hashlib.sha256, hashlib.sha512]),
    st.sampled_from(["hmac", "django-concat", "concat", "none"]),
)
def test_signatures_are_those_of_itsdangerous(
    key: bytes, content: dict[str, Any], digest: Any, derivation: str
) -> None:
    class Own(SecureCookieSessionInterface):
        digest_method = staticmethod(digest)
        key_derivation = derivation

    app = App("example", static_folder=None)
    app.secret_key = key
    ours = Own().get_signing_serializer(app)
    assert ours is not None
    theirs = URLSafeTimedSerializer(
        key,
        salt=Own.salt,
        serializer=session_json_serializer,
        signer_kwargs={"key_derivation": derivation, "digest_method": digest},
    )
    assert theirs.loads(ours.dumps(content), max_age=60) == content
    assert ours.loads(str(theirs.dumps(content)), max_age=60) == content
    with pytest.raises(BadSignature):
        ours.loads(str(theirs.dumps(content)) + "x", max_age=60)


# --- changes inside


@pytest.mark.parametrize("content", [{"list": [1]}, {"list": ["x" * 500]}, {"list": ["é"]}])
def test_a_list_that_was_only_read_is_not_sent_again(app: App, content: dict[str, Any]) -> None:
    assert "Set-Cookie" not in visit(app, reading, signed(app, content)).headers
    changed = visit(app, lambda session: session["list"].append(2), signed(app, content))
    assert visit(app, reading, cookie_of(changed)).json == {
        "result": {"list": [*content["list"], 2]}
    }


def test_a_cookie_whose_json_is_written_in_another_way_has_not_changed(app: App) -> None:
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    for text in ('{"list": [1],  "a" : 2}', '{"list":[{" t" : [1]}], "a":2}', ' {"list":[]} '):
        payload = urlsafe_b64encode(text.encode()).rstrip(b"=")
        cookie = serializer.make_signer().sign(payload).decode()
        expected = {"list": [(1,)], "a": 2} if "t" in text[9:] else json.loads(text)
        app.extensions["found"] = []
        response = visit(app, lambda session: app.extensions["found"].append(dict(session)), cookie)
        assert app.extensions["found"] == [expected]
        assert "Set-Cookie" not in response.headers


# --- session_transaction


def test_a_session_transaction_prepares_and_inspects_the_session(app: App) -> None:
    @app.get("/")
    def view() -> str:
        session["seen"] = session.get("user")
        return str(session.get("user"))

    client = app.test_client()
    with client.session_transaction() as stored:
        assert dict(stored) == {}
        stored["user"] = "ada"
    assert client.get("/").text == "ada"
    with client.session_transaction() as stored:
        assert dict(stored) == {"user": "ada", "seen": "ada"}
        del stored["user"]
    assert client.get("/").text == "None"


def test_a_session_transaction_that_fails_stores_nothing(app: App) -> None:
    client = app.test_client()

    def fail() -> None:
        with client.session_transaction() as stored:
            stored["user"] = "ada"
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with client.session_transaction() as stored:
        assert dict(stored) == {}


def test_a_session_transaction_may_happen_inside_of_a_with_block(app: App) -> None:
    app.add_url_rule("/", "view", lambda: str(session.get("a")))
    with app.test_client() as client:
        with client.session_transaction() as stored:
            stored["a"] = 1
        assert client.get("/").text == "1"
        assert session["a"] == 1
        with client.session_transaction() as stored:
            stored["a"] = 2
        assert client.get("/").text == "2"


def test_a_session_transaction_takes_the_path_and_the_host_of_the_cookie(app: App) -> None:
    app.config["SESSION_COOKIE_PATH"] = "/shop"
    app.add_url_rule("/shop/", "shop", lambda: str(session.get("a")))
    client = app.test_client()
    with client.session_transaction("/shop/", base_url="https://example.com") as stored:
        stored["a"] = 1
    assert client.get("/shop/", base_url="https://example.com").text == "1"
    assert client.get("/shop/").text == "None"


def test_a_session_transaction_without_a_key_says_what_is_missing(app: App) -> None:
    app.secret_key = None
    with pytest.raises(SetupError) as caught, app.test_client().session_transaction():
        pass
    assert str(caught.value) == "There is no session to change: the application needs a SECRET_KEY."


def test_a_session_transaction_without_cookies_is_refused(app: App) -> None:
    client = app.test_client(use_cookies=False)
    with pytest.raises((SetupError, TypeError)), client.session_transaction() as stored:
        stored["a"] = 1


# --- the class


def test_a_session_is_a_dict_that_notices_its_changes() -> None:
    made = SecureCookieSession({"a": 1})
    assert isinstance(made, dict)
    assert isinstance(made, MutableMapping)
    assert (made.modified, made.accessed, made.new, made.permanent) == (False, False, False, False)
    made["a"] = 1
    assert made.modified


# --- what a configuration may not be


@pytest.mark.parametrize("fallbacks", ["oldkey", b"oldkey", [""], [7], [None]])
def test_fallback_keys_are_a_list_of_keys(app: App, fallbacks: Any) -> None:
    app.config["SECRET_KEY_FALLBACKS"] = fallbacks
    with pytest.raises(ConfigError) as caught:
        visit(app, reading)
    assert str(caught.value) == (
        "SECRET_KEY_FALLBACKS must be a list of the older keys, each of them text or bytes."
    )


def test_a_letter_of_a_fallback_key_signs_nothing(app: App) -> None:
    forged = signed(app, {"a": "forged"}, key="o")
    app.config.update(SECRET_KEY="the real key", SECRET_KEY_FALLBACKS=["oldkey"])
    assert visit(app, reading, forged).json == {"result": {}}


def test_a_key_that_is_a_number_is_refused_without_being_shown(app: App) -> None:
    app.secret_key = 12345
    with pytest.raises(ConfigError) as caught:
        visit(app, reading)
    assert str(caught.value) == "SECRET_KEY must be text or bytes, not int."


def test_a_response_that_used_the_session_is_not_public_whatever_the_view_says(app: App) -> None:
    @app.get("/public")
    def public() -> Response:
        session["a"] = 1
        response = Response("x")
        response.cache_control.public = True
        response.cache_control.max_age = 60
        return response

    headers = app.test_client().get("/public").headers
    assert headers["Cache-Control"] == "max-age=60, private"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("max-age=60", "max-age=60, private"),
        ("s-maxage=60", "private"),
        ("PUBLIC, max-age=1", "max-age=1, private"),
        ("", "private"),
        ("no-store", "no-store"),
        ("private, max-age=1", "private, max-age=1"),
    ],
)
def test_no_shared_cache_may_store_what_used_the_session(app: App, given: str, sent: str) -> None:
    @app.get("/cached")
    def cached() -> Response:
        session["a"] = 1
        return Response("x", headers={"Cache-Control": given})

    assert app.test_client().get("/cached").headers["Cache-Control"] == sent


def test_a_session_can_be_copied(app: App) -> None:
    def copied(session: Any) -> Any:
        session["list"] = [1]
        copy = deepcopy(session._get_current_object())
        session["list"].append(2)
        return [dict(copy), dict(session)]

    assert visit(app, copied).json == {"result": [{"list": [1]}, {"list": [1, 2]}]}


def test_what_the_key_signed_and_nobody_can_read_is_an_error_of_itsdangerous(app: App) -> None:
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    for payload in (b"not base64!", b"bm90IGpzb24", b"_w"):
        value = serializer.make_signer().sign(payload)
        with pytest.raises(BadData) as caught:
            serializer.loads(value, max_age=60)
        assert not isinstance(caught.value, BadSignature)


def test_a_session_that_a_copied_context_writes_is_saved(app: App) -> None:
    @app.get("/thread")
    def in_thread() -> str:
        @copy_current_request_context
        def work() -> None:
            session["a"] = "written"

        thread = Thread(target=work)
        thread.start()
        thread.join()
        return ""

    client = app.test_client()
    client.get("/thread")
    with client.session_transaction() as stored:
        assert stored["a"] == "written"


@pytest.mark.parametrize("text", ["short", "long" * 100])
def test_a_serializer_of_ones_own_may_write_bytes(app: App, text: str) -> None:
    class Pickling(SecureCookieSessionInterface):
        serializer = pickle

    app.session_interface = Pickling()
    cookie = cookie_of(visit(app, setting(text=text, list=[1])))
    assert visit(app, reading, cookie).json == {"result": {"text": text, "list": [1]}}
    assert "Set-Cookie" not in visit(app, reading, cookie).headers
    assert "Set-Cookie" in visit(app, lambda session: session["list"].append(2), cookie).headers


def test_a_cookie_that_a_tag_may_have_hidden_things_in_is_opened_untouched(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hidden(JSONTag):
        key = " h"

        def check(self, value: Any) -> bool:
            return isinstance(value, dict)

        def to_json(self, value: Any) -> Any:
            return json.dumps(value).encode().hex()

        def to_python(self, value: Any) -> Any:
            return json.loads(bytes.fromhex(value))

    own = TaggedJSONSerializer()
    monkeypatch.setattr(SecureCookieSessionInterface, "serializer", own)
    own.register(Hidden)
    cookie = cookie_of(visit(app, setting(_permanent=True)))
    assert pending(app, f"session={cookie}")
    assert "Expires" in visit(app, nothing, cookie).headers["Set-Cookie"]
