"""Sessions as Flask's users know them: other stores, other types, cookies shared with Flask."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import flask
import pytest
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.datastructures import CallbackDict
from werkzeug.http import parse_date
from werkzeug.test import TestResponse

from microweb import (
    App,
    Request,
    Response,
    flash,
    get_flashed_messages,
    render_template_string,
    session,
)
from microweb.errors import SessionTooLarge, SetupError
from microweb.json.tag import JSONTag, TaggedJSONSerializer
from microweb.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
)

Do = Callable[[Any], object]


def doing(app: App) -> Callable[..., TestResponse]:
    """Return a function that lets one request of a client do something with the session."""
    client = app.test_client()
    current: list[Do] = []
    app.add_url_rule("/do", "do", lambda: {"result": current[-1](session)})

    def do(what: Do, **kwargs: Any) -> TestResponse:
        current.append(what)
        return client.get("/do", **kwargs)

    return do


def flashing(*messages: tuple[Any, ...]) -> Do:
    def do(session: Any) -> None:
        for message in messages:
            flash(*message)

    return do


def nothing(session: Any) -> None:
    """Do not touch the session."""


# --- a session that is kept on the server


class ServerSession(CallbackDict[str, Any], SessionMixin):
    """A session with an id; its content never leaves the server."""

    modified = False

    def __init__(self, id: str, initial: dict[str, Any] | None = None, new: bool = False) -> None:
        def changed(session: CallbackDict[str, Any]) -> None:
            self.modified = True

        super().__init__(initial, changed)
        self.id = id
        self.new = new


class ServerSessions(SessionInterface):
    """The interface as an extension would write it."""

    def __init__(self) -> None:
        self.store: dict[str, dict[str, Any]] = {}

    def open_session(self, app: Any, request: Request) -> ServerSession:
        id = request.cookies.get(self.get_cookie_name(app))
        if id is None or id not in self.store:
            return ServerSession(f"id{len(self.store)}", new=True)
        return ServerSession(id, self.store[id])

    def save_session(self, app: Any, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, ServerSession)
        name, domain = self.get_cookie_name(app), self.get_cookie_domain(app)
        path = self.get_cookie_path(app)
        if not session:
            if session.modified:
                self.store.pop(session.id, None)
                response.delete_cookie(name, domain=domain, path=path)
            return
        if not self.should_set_cookie(app, session):
            return
        self.store[session.id] = dict(session)
        response.set_cookie(
            name,
            session.id,
            expires=self.get_expiration_time(app, session),
            domain=domain,
            path=path,
            httponly=self.get_cookie_httponly(app),
            secure=bool(self.get_cookie_secure(app)),
            samesite=self.get_cookie_samesite(app),
            partitioned=self.get_cookie_partitioned(app),
        )


@pytest.fixture
def server_app(app: App) -> App:
    app.session_interface = ServerSessions()
    return app


def store_of(app: App) -> dict[str, dict[str, Any]]:
    assert isinstance(app.session_interface, ServerSessions)
    return app.session_interface.store


def test_a_session_may_be_kept_on_the_server(server_app: App) -> None:
    do = doing(server_app)
    first = do(lambda session: session.update(user="ada"))
    assert first.headers["Set-Cookie"] == "session=id0; HttpOnly; Path=/; SameSite=Lax"
    assert store_of(server_app) == {"id0": {"user": "ada"}}
    again = do(lambda session: [session["user"], session.new, session.id])
    assert again.json == {"result": ["ada", False, "id0"]}
    assert "Set-Cookie" not in again.headers
    gone = do(lambda session: session.clear())
    assert gone.headers["Set-Cookie"].startswith("session=; Expires=Thu, 01 Jan 1970")
    assert store_of(server_app) == {}


def test_a_session_on_the_server_may_be_permanent(server_app: App) -> None:
    do = doing(server_app)
    server_app.permanent_session_lifetime = timedelta(days=1)
    before = datetime.now(timezone.utc).replace(microsecond=0)
    header = do(lambda session: setattr(session, "permanent", True)).headers["Set-Cookie"]
    expires = parse_date(header.partition("Expires=")[2].partition(";")[0])
    assert expires is not None
    assert before <= expires - timedelta(days=1) <= datetime.now(timezone.utc)
    assert "Set-Cookie" in do(nothing).headers
    server_app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    assert "Set-Cookie" not in do(nothing).headers


def test_a_session_on_the_server_needs_no_key_and_holds_flashed_messages(server_app: App) -> None:
    server_app.secret_key = None
    do = doing(server_app)
    do(lambda session: flash("kept"))
    assert store_of(server_app) == {"id0": {"_flashes": [("message", "kept")]}}
    assert do(lambda session: get_flashed_messages()).json == {"result": ["kept"]}
    assert store_of(server_app) == {}


def test_a_session_on_the_server_is_prepared_by_a_test(server_app: App) -> None:
    server_app.add_url_rule("/user", "user", lambda: session["user"])
    client = server_app.test_client()
    with client.session_transaction() as prepared:
        prepared["user"] = "ada"
    assert store_of(server_app) == {"id0": {"user": "ada"}}
    assert client.get("/user").text == "ada"


# --- what an interface is asked for


def test_the_attributes_of_the_cookie_are_the_interfaces(app: App) -> None:
    class Own(SecureCookieSessionInterface):
        def get_cookie_name(self, app: Any) -> str:
            return "own"

        def get_cookie_domain(self, app: Any) -> str | None:
            return "example.com"

        def get_cookie_path(self, app: Any) -> str:
            return "/own"

        def get_cookie_httponly(self, app: Any) -> bool:
            return False

        def get_cookie_secure(self, app: Any) -> bool | None:
            return True

        def get_cookie_samesite(self, app: Any) -> str | None:
            return "Strict"

        def get_cookie_partitioned(self, app: Any) -> bool:
            return True

        def get_expiration_time(self, app: Any, session: SessionMixin) -> datetime | None:
            return datetime(2030, 1, 1, tzinfo=timezone.utc)

    app.session_interface = Own()
    header = doing(app)(lambda session: session.update(a=1)).headers["Set-Cookie"]
    name, _, rest = header.partition("=")
    assert (name, rest.partition("; ")[2]) == (
        "own",
        "Domain=example.com; Expires=Tue, 01 Jan 2030 00:00:00 GMT; Secure; Path=/own;"
        " SameSite=Strict; Partitioned",
    )


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, ["session", None, "/", True, None, "Lax", False]),
        (
            {
                "SESSION_COOKIE_NAME": "n",
                "SESSION_COOKIE_DOMAIN": "example.com",
                "SESSION_COOKIE_PATH": "/p",
                "SESSION_COOKIE_HTTPONLY": False,
                "SESSION_COOKIE_SECURE": True,
                "SESSION_COOKIE_SAMESITE": "Strict",
                "SESSION_COOKIE_PARTITIONED": True,
            },
            ["n", "example.com", "/p", False, True, "Strict", True],
        ),
        ({"APPLICATION_ROOT": "/app"}, ["session", None, "/app", True, None, "Lax", False]),
    ],
)
def test_by_default_they_are_the_configurations(
    app: App, config: dict[str, Any], found: list[Any]
) -> None:
    app.config.update(config)
    interface = SessionInterface()
    names = ("name", "domain", "path", "httponly", "secure", "samesite", "partitioned")
    assert [getattr(interface, f"get_cookie_{name}")(app) for name in names] == found


@pytest.mark.parametrize(
    ("permanent", "modified", "refresh", "sent"),
    [
        (False, False, True, False),
        (False, True, True, True),
        (True, False, True, True),
        (True, False, False, False),
        (True, True, False, True),
    ],
)
def test_when_a_cookie_is_sent(
    app: App, permanent: bool, modified: bool, refresh: bool, sent: bool
) -> None:
    app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh
    content = SecureCookieSession({"_permanent": True} if permanent else {"a": 1})
    content.modified = modified
    assert SessionInterface().should_set_cookie(app, content) is sent


def test_only_a_permanent_session_has_an_end(app: App) -> None:
    interface = SessionInterface()
    assert interface.get_expiration_time(app, SecureCookieSession({"a": 1})) is None
    app.permanent_session_lifetime = 3600
    end = interface.get_expiration_time(app, SecureCookieSession({"_permanent": True}))
    assert end is not None
    left = end - datetime.now(timezone.utc)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_a_class_of_sessions_is_the_interfaces(app: App) -> None:
    class Own(SecureCookieSession):
        @property
        def user(self) -> str:
            return str(self.get("user", "nobody"))

    class Interface(SecureCookieSessionInterface):
        session_class = Own

    app.session_interface = Interface()
    do = doing(app)
    assert do(lambda session: [session.user, session.update(user="ada")]).json == {
        "result": ["nobody", None]
    }
    assert do(lambda session: session.user).json == {"result": "ada"}


def test_an_interface_may_sign_in_another_way(app: App) -> None:
    class Strong(SecureCookieSessionInterface):
        salt = "own-salt"
        digest_method = staticmethod(hashlib.sha256)
        key_derivation = "django-concat"

    app.session_interface = Strong()
    do = doing(app)
    header = do(lambda session: session.update(a=1)).headers["Set-Cookie"]
    value = header.partition(";")[0].removeprefix("session=")
    reader = URLSafeTimedSerializer(
        app.secret_key,
        salt="own-salt",
        signer_kwargs={"key_derivation": "django-concat", "digest_method": hashlib.sha256},
    )
    assert reader.loads(value) == {"a": 1}
    assert do(lambda session: session["a"]).json == {"result": 1}


def test_a_null_session_is_read_and_never_written(app: App) -> None:
    app.secret_key = None
    do = doing(app)
    response = do(
        lambda session: [
            session.get("a"),
            len(session),
            "a" in session,
            list(session),
            session.permanent,
            isinstance(session._get_current_object(), NullSession),
        ]
    )
    assert response.json == {"result": [None, 0, False, [], False, True]}
    assert "Set-Cookie" not in response.headers
    for write in (
        lambda session: session.update(a=1),
        lambda session: session.pop("a", None),
        lambda session: setattr(session, "permanent", True),
    ):
        with pytest.raises(RuntimeError, match="SECRET_KEY") as caught:
            do(write)
        assert isinstance(caught.value, SetupError)


# --- cookies shared with Flask

LONG = "a long text that compresses well " * 40
CONTENTS: dict[str, dict[str, Any]] = {
    "plain": {"a": 1, "b": [1.5, None, True], "c": {"d": "é☃"}},
    "empty text": {"": ""},
    "tuple": {"a": (1, (2, [3]))},
    "bytes": {"a": b"\x00\xff", "b": b""},
    "markup": {"a": Markup("<b>")},
    "uuid": {"a": UUID(int=7)},
    "datetime": {"a": datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc)},
    "like a tag": {"a": {" t": [1]}, "b": {" di": 1}},
    "compressed": {"a": LONG},
    "compressed types": {"a": [(LONG, b"\x00")], "b": {"c": UUID(int=1)}},
    "permanent": {"_permanent": True, "a": 1},
    "flashes": {"_flashes": [("message", "hello"), ("error", "broken")]},
}
KEYS: list[tuple[Any, Any]] = [("key", None), (b"\x00key", None), ("new", ["older", "old"])]


def flask_reads(cookie: str, key: Any, fallbacks: Any) -> dict[str, Any]:
    other = flask.Flask("other")
    other.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks)
    with other.test_request_context(headers={"Cookie": f"session={cookie}"}):
        return dict(flask.session)


def flask_writes(content: dict[str, Any], key: Any) -> str:
    other = flask.Flask("other")
    other.secret_key = key

    @other.get("/")
    def view() -> str:
        flask.session.update(content)
        return ""

    client = other.test_client()
    client.get("/")
    cookie = client.get_cookie("session")
    assert cookie is not None
    return cookie.value


@pytest.mark.parametrize(("key", "fallbacks"), KEYS, ids=["text", "bytes", "fallbacks"])
@pytest.mark.parametrize("name", CONTENTS)
def test_what_we_write_flask_reads(app: App, name: str, key: Any, fallbacks: Any) -> None:
    app.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks)
    response = doing(app)(lambda session: session.update(CONTENTS[name]))
    cookie = response.headers["Set-Cookie"].partition(";")[0].removeprefix("session=")
    assert flask_reads(cookie, key, fallbacks) == CONTENTS[name]


@pytest.mark.parametrize(("key", "fallbacks"), KEYS, ids=["text", "bytes", "fallbacks"])
@pytest.mark.parametrize("name", CONTENTS)
def test_what_flask_writes_we_read(app: App, name: str, key: Any, fallbacks: Any) -> None:
    signing = [key, *(fallbacks or ())]
    for used in signing:
        app.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks)
        cookie = flask_writes(CONTENTS[name], used)
        with app.test_request_context(headers={"Cookie": f"session={cookie}"}):
            assert dict(session) == CONTENTS[name]
            assert {k: type(v) for k, v in session.items()} == {
                k: type(v) for k, v in CONTENTS[name].items()
            }


def test_a_cookie_moves_on_to_the_newest_key_and_outlives_the_old_one(app: App) -> None:
    do = doing(app)
    app.config["SECRET_KEY"] = "first"
    do(lambda session: session.update(a=1))
    app.config.update(SECRET_KEY="second", SECRET_KEY_FALLBACKS=["first"])
    assert "Set-Cookie" in do(nothing).headers
    assert "Set-Cookie" not in do(nothing).headers
    app.config.update(SECRET_KEY="third", SECRET_KEY_FALLBACKS=["second"])
    assert do(lambda session: session["a"]).json == {"result": 1}


# --- types of one's own


class TagSet(JSONTag):
    key = " s"

    def check(self, value: Any) -> bool:
        return isinstance(value, set)

    def to_json(self, value: Any) -> Any:
        return self.serializer.tag(sorted(value))

    def to_python(self, value: Any) -> Any:
        return set(value)


@pytest.fixture
def tagging(app: App) -> App:
    class Interface(SecureCookieSessionInterface):
        serializer = TaggedJSONSerializer()

    app.session_interface = Interface()
    app.session_interface.serializer.register(TagSet)
    return app


def test_a_registered_type_travels_in_the_session(tagging: App) -> None:
    do = doing(tagging)
    do(lambda session: session.update(numbers={2, 1}, deep=[{"set": {(1, 2)}}]))
    found = do(lambda session: [repr(session["numbers"]), repr(session["deep"])])
    assert found.json == {"result": ["{1, 2}", "[{'set': {(1, 2)}}]"]}


def test_a_registered_type_is_not_known_to_other_interfaces(app: App, tagging: App) -> None:
    tagging.session_interface = SecureCookieSessionInterface()
    with pytest.raises(TypeError, match="^set cannot be written as JSON"):
        doing(tagging)(lambda session: session.update(a={1}))


def test_a_change_inside_of_a_registered_type_is_noticed(tagging: App) -> None:
    do = doing(tagging)
    do(lambda session: session.update(numbers={1}))
    do(lambda session: session["numbers"].add(2))
    assert do(lambda session: sorted(session["numbers"])).json == {"result": [1, 2]}


# --- what cannot be kept


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({1}, TypeError),
        (object(), TypeError),
        (1j, TypeError),
        ({(1, 2): 3}, TypeError),
        (float("nan"), ValueError),
        (float("-inf"), ValueError),
    ],
)
def test_what_cannot_travel_is_an_error_and_the_cookie_stays(
    app: App, value: Any, error: type[Exception]
) -> None:
    do = doing(app)
    do(lambda session: session.update(a=1))
    with pytest.raises(error):
        do(lambda session: session.update(a=value))
    assert do(dict).json == {"result": {"a": 1}}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("1.50"), "1.50"),
        (datetime(2024, 2, 29).date(), "2024-02-29"),
        ({1: 2}, {"1": 2}),
        (datetime(2024, 2, 29, 1, 2, 3, 999), datetime(2024, 2, 29, 1, 2, 3, tzinfo=timezone.utc)),
    ],
)
def test_some_types_become_simpler_ones(app: App, value: Any, kept: Any) -> None:
    do = doing(app)
    do(lambda session: session.update(a=value))
    found: list[Any] = []
    do(lambda session: found.append(session["a"]))
    assert found == [kept]


@pytest.mark.parametrize("mode", ["testing", "debug", "production"])
def test_a_session_that_is_too_large_never_takes_the_old_one_away(app: App, mode: str) -> None:
    app.config.update(TESTING=mode == "testing", DEBUG=mode == "debug", PROPAGATE_EXCEPTIONS=False)
    random = hashlib.sha512(b"x").hexdigest()
    do = doing(app)
    do(lambda session: session.update(a=1))
    large = [hashlib.sha512(f"{random}{n}".encode()).hexdigest() for n in range(60)]
    response = do(lambda session: session.update(a=large))
    assert response.status_code == (200 if mode == "production" else 500)
    assert "Set-Cookie" not in response.headers
    assert do(dict).json == {"result": {"a": 1}}
    assert issubclass(SessionTooLarge, ValueError)


# --- what depends on the cookie

SENT = {
    "nothing": (nothing, None, None),
    "read": (lambda session: session.get("a"), "Cookie", "private"),
    "in": (lambda session: "a" in session, "Cookie", "private"),
    "len": (len, "Cookie", "private"),
    "bool": (bool, "Cookie", "private"),
    "write": (lambda session: session.update(b=1), "Cookie", "private"),
    "delete": (lambda session: session.clear(), "Cookie", "private"),
    "flash": (lambda session: flash("x"), "Cookie", "private"),
    "flashed": (lambda session: get_flashed_messages(), "Cookie", "private"),
    "template": (
        lambda session: render_template_string("{{ session.a }}"),
        "Cookie",
        "private",
    ),
    "template flashes": (
        lambda session: render_template_string("{{ get_flashed_messages() }}"),
        "Cookie",
        "private",
    ),
    "template without": (lambda session: render_template_string("x"), None, None),
}


@pytest.mark.parametrize("form", SENT)
def test_any_use_of_the_session_varies_by_its_cookie(app: App, form: str) -> None:
    what, vary, control = SENT[form]
    do = doing(app)
    do(lambda session: session.update(a=1))
    headers = do(what).headers
    assert (headers.get("Vary"), headers.get("Cache-Control")) == (vary, control)


def test_a_refresh_of_an_untouched_session_varies_too(app: App) -> None:
    do = doing(app)
    do(lambda session: session.update(_permanent=True))
    headers = do(nothing).headers
    assert (headers["Vary"], headers["Cache-Control"]) == ("Cookie", "private")
    assert "Set-Cookie" in headers


# --- flashes


def test_messages_are_taken_once_by_category(app: App) -> None:
    do = doing(app)
    do(flashing(("a",), ("b", "error"), ("c", "error")))
    taken = do(
        lambda session: [
            get_flashed_messages(),
            get_flashed_messages(with_categories=True),
            get_flashed_messages(category_filter=["error"]),
            get_flashed_messages(True, ["message"]),
            get_flashed_messages(category_filter=["none"]),
        ]
    )
    assert taken.json == {
        "result": [
            ["a", "b", "c"],
            [["message", "a"], ["error", "b"], ["error", "c"]],
            ["b", "c"],
            [["message", "a"]],
            [],
        ]
    }
    assert do(lambda session: get_flashed_messages()).json == {"result": []}


def test_a_filter_drops_the_other_messages_too(app: App) -> None:
    do = doing(app)
    do(flashing(("a",), ("b", "error")))
    taken = do(lambda session: get_flashed_messages(category_filter=["error"]))
    assert taken.json == {"result": ["b"]}
    assert do(lambda session: get_flashed_messages()).json == {"result": []}


def test_markup_stays_markup_in_a_message(app: App) -> None:
    do = doing(app)
    do(flashing((Markup("<b>bold</b>"),), ("<i>",)))
    shown = do(
        lambda session: render_template_string(
            "{% for m in get_flashed_messages() %}{{ m }}{% endfor %}"
        )
    )
    assert shown.json == {"result": "<b>bold</b>&lt;i&gt;"}
