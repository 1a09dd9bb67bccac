"""Sessions in signed cookies, and the flashed messages that travel in them.

A session is JSON, signed with the application's `SECRET_KEY` by itsdangerous. Its user can read
it and cannot change it. Cookies written by Flask with the same key are read, and the other way
round. To keep sessions elsewhere, subclass :class:`SessionInterface` and set
``App.session_interface``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, MutableMapping, Sequence
from datetime import datetime, timezone
from traceback import clear_frames
from typing import Any, NoReturn
from uuid import UUID

from markupsafe import Markup
from werkzeug.datastructures import CallbackDict
from werkzeug.http import dump_cookie

from .cookies import plain_cookie
from .errors import ConfigError, SessionTooLarge, SetupError
from .request import Request
from .response import Response
from .signing import SessionSerializer, encoded, may_contain, serializer_of
from .tagged import TaggedJSONSerializer


class SessionMixin(MutableMapping[str, Any]):
    """What a session has beyond its items.

    :ivar new: It began with this request.
    :ivar modified: It must be saved. Set it where a change cannot be noticed.
    :ivar accessed: This request touched it, so the response depends on the cookie.
    """

    new = False
    modified = True
    accessed = False

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser, by `PERMANENT_SESSION_LIFETIME`."""
        return bool(self.get("_permanent", False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)


class SecureCookieSession(  # pyright: ignore[reportIncompatibleMethodOverride]  # a dict, too
    CallbackDict[str, Any], SessionMixin
):
    """A session that is a dict, and notices its changes.

    Changes of its own items set :attr:`modified` at once; a change inside a list or dict that it
    holds is found by comparison when the session is saved.

    :param initial: A mapping or pairs to begin with; they are no change.

    :ivar secure: The request came over https.
    :ivar cookie: The signed text that it was read from.
    :ivar serializer: What read it and will sign it.
    """

    modified = False
    secure = False
    cookie: str | None = None
    serializer: SessionSerializer | None = None

    def __init__(self, initial: Any = None) -> None:
        # CallbackDict would only store the function that each of these has in common.
        dict.__init__(self, initial or ())

    def on_update(self, _: Any) -> None:
        """Notice a change."""
        self.modified = True

    def __setitem__(self, key: str, value: Any) -> None:
        # CallbackDict comes to the same through two more frames (0.3 µs).
        dict.__setitem__(self, key, value)
        self.on_update(self)


class NullSession(SecureCookieSession):
    """The session of an application without a `SECRET_KEY`: empty, and it cannot be written."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise SetupError(
            "The session cannot be written because the application has no SECRET_KEY. Set"
            " app.config['SECRET_KEY'] to a random secret that stays the same, such as the output"
            " of: python -c 'import secrets; print(secrets.token_hex())'"
        )

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = __ior__ = _refuse


class SessionInterface:
    """How sessions are opened and saved; subclass it for another kind.

    :meth:`open_session` and :meth:`save_session` must be written. A session is opened when a view
    touches it first; :meth:`is_pending` says whether an untouched one must be saved as well.

    In every method `app` is the application, `request` its request and `environ` that of WSGI,
    `session` what :meth:`open_session` returned, and `response` the response about to be sent.

    .. code-block:: python

        class StoredSessions(SessionInterface):
            def open_session(self, app, request):
                return load(request.cookies.get(self.get_cookie_name(app)))

            def save_session(self, app, session, response):
                response.set_cookie(self.get_cookie_name(app), store(session))
    """

    null_session_class: type[Any] = NullSession
    #: The class comes from outside and may hold Python objects that JSON does not know.
    pickle_based = False

    def open_session(self, app: Any, request: Request) -> SessionMixin | None:
        """Return the session of a request, or None where there can be none."""
        raise NotImplementedError(f"{type(self).__name__} needs a method open_session.")

    def save_session(self, app: Any, session: SessionMixin, response: Response) -> None:
        """Store the session, and tell the client by headers of the response."""
        raise NotImplementedError(f"{type(self).__name__} needs a method save_session.")

    def is_pending(self, app: Any, environ: dict[str, Any]) -> bool:
        """Whether a session that the request did not touch must be opened and saved all the same.

        The interface cannot know, so it says yes; a subclass that knows saves the work.
        """
        return True

    def make_null_session(self, app: Any) -> Any:
        """Return what stands in where :meth:`open_session` returned None."""
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Whether `obj` only stands in for a session, and is not saved.

        :param obj: What :meth:`open_session` returned, or :meth:`make_null_session`.
        """
        return isinstance(obj, self.null_session_class)

    def get_cookie_name(self, app: Any) -> str:
        """Return the cookie's name."""
        name: str = app.config["SESSION_COOKIE_NAME"]
        return name

    def get_cookie_domain(self, app: Any) -> str | None:
        """Return the cookie's domain (RFC 6265 section 5.2.3); None: the host that sets it."""
        domain: str | None = app.config["SESSION_COOKIE_DOMAIN"]
        return domain

    def get_cookie_path(self, app: Any) -> str:
        """Return the path below which the cookie is sent (RFC 6265 section 5.2.4)."""
        path: str = app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"]
        return path

    def get_cookie_httponly(self, app: Any) -> bool:
        """Return whether scripts cannot read the cookie (RFC 6265 section 5.2.6)."""
        return bool(app.config["SESSION_COOKIE_HTTPONLY"])

    def get_cookie_secure(self, app: Any) -> bool | None:
        """Return whether the cookie goes over https only; None: if the request did."""
        secure: bool | None = app.config["SESSION_COOKIE_SECURE"]
        return secure

    def get_cookie_samesite(self, app: Any) -> str | None:
        """Return the cookie's SameSite rule: "Lax", "Strict", "None" or None to send none."""
        samesite: str | None = app.config["SESSION_COOKIE_SAMESITE"]
        return samesite

    def get_cookie_partitioned(self, app: Any) -> bool:
        """Return whether the cookie is kept apart by embedding site."""
        return bool(app.config["SESSION_COOKIE_PARTITIONED"])

    def get_expiration_time(self, app: Any, session: SessionMixin) -> datetime | None:
        """Return when the cookie ends; None with the browser."""
        if not session.permanent:
            return None
        lifetime: datetime = datetime.now(timezone.utc) + app.permanent_session_lifetime
        return lifetime.replace(microsecond=0)

    def should_set_cookie(self, app: Any, session: SessionMixin) -> bool:
        """Whether the cookie is sent: for a change, and to keep a permanent session alive."""
        return session.modified or (
            session.permanent and app.config["SESSION_REFRESH_EACH_REQUEST"]
        )


#: The JSON of session cookies; a type that it learns is known to every application.
session_json_serializer = TaggedJSONSerializer()


class SecureCookieSessionInterface(SessionInterface):
    """Sessions in cookies, signed by itsdangerous with HMAC (RFC 2104).

    The salt, the digest and the serializer are Flask's, so that both read each other's cookies.
    """

    salt = "cookie-session"
    digest_method = staticmethod(hashlib.sha1)
    key_derivation = "hmac"
    serializer: Any = session_json_serializer
    session_class = SecureCookieSession

    def get_signing_serializer(self, app: Any) -> SessionSerializer | None:
        """Return what signs and reads cookies: the newest key signs, the fallbacks only read."""
        return self._serializer(app, app.config["SECRET_KEY_FALLBACKS"] or ())

    def open_session(self, app: Any, request: Request) -> SecureCookieSession | None:
        """Return the session in the request's cookie; a bad or expired one is an empty session."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        cookie = request.cookies.get(self.get_cookie_name(app))
        session = self._read(app, serializer, cookie) if cookie else None
        if session is None:
            session = self.session_class()
            session.new = True
        session.secure = request.is_secure
        session.serializer = serializer
        return session

    def save_session(self, app: Any, session: SessionMixin, response: Response) -> None:
        """Send the cookie if the session changed, and keep caches from sharing the response."""
        if not isinstance(session, SecureCookieSession):
            raise SetupError(f"{type(self).__name__} cannot save a {type(session).__name__}.")
        serializer = session.serializer or self.get_signing_serializer(app)
        changed = serializer is not None and self._changed(app, session)
        if session.accessed or changed:
            response.vary_on("Cookie")
            response.keep_private()
        if serializer is None or not changed:
            return
        if session:
            self._send(app, session, response, serializer.dumps(dict(session)))
        else:
            response.delete_cookie(self.get_cookie_name(app), *self._attributes(app, session))

    def is_pending(self, app: Any, environ: dict[str, Any]) -> bool:
        """Whether there is a cookie that may need its refresh or the signature of a new key."""
        header = environ.get("HTTP_COOKIE")
        if not header:
            return False
        name = self.get_cookie_name(app)
        if name not in header:
            return False
        if app.config["SECRET_KEY_FALLBACKS"]:
            return True
        return bool(app.config["SESSION_REFRESH_EACH_REQUEST"]) and (
            # What is in the cookie can be asked only of what wrote it (20 µs less).
            not self._is_stock
            or bool(self.__dict__)
            or getattr(self.serializer, "is_extended", True)
            or _may_be_permanent(header, name)
        )

    # Whether a subclass leaves alone what decides what a cookie says and when it is sent.
    _is_stock = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._is_stock = all(
            getattr(cls, name) is getattr(SecureCookieSessionInterface, name)
            for name in (
                *("open_session", "save_session", "should_set_cookie", "get_signing_serializer"),
                *("serializer", "session_class"),
            )
        )

    def is_null_session(self, obj: object) -> bool:
        """Whether `obj` only stands in for a session, and is not saved.

        :param obj: What :meth:`open_session` returned, or :meth:`make_null_session`.
        """
        # To ask an abstract class takes more than most of what is done with the session (0.4 µs).
        return type(obj) is not SecureCookieSession and super().is_null_session(obj)

    def _serializer(self, app: Any, fallbacks: Sequence[Any]) -> SessionSerializer | None:
        key = app.secret_key
        if not key:
            return None
        if not isinstance(key, (str, bytes)):
            kind = type(key).__name__
            raise ConfigError("SECRET_KEY", f"SECRET_KEY must be text or bytes, not {kind}.")
        if fallbacks:
            _check_fallbacks(fallbacks)
        return serializer_of(
            (*fallbacks, key),
            self.salt,
            self.serializer,
            self.key_derivation,
            self.digest_method,
        )

    def _read(
        self, app: Any, serializer: SessionSerializer, cookie: str
    ) -> SecureCookieSession | None:
        max_age = int(app.permanent_session_lifetime.total_seconds())
        try:
            session = self.session_class(serializer.loads(cookie, max_age=max_age))
        except _bad_signature() as error:  # imported only where something was raised
            # Frames of itsdangerous refer to the error that refers to them: 47 objects for the
            # collector, with each request of a client whose cookie has ended.
            clear_frames(error.__traceback__)
            return None
        session.cookie = cookie
        if app.config["SECRET_KEY_FALLBACKS"]:
            newest = self._serializer(app, ())
            # Signed anew with the current key, so that the old one can be retired some day.
            session.modified = newest is not None and not newest.loads_unsafe(cookie)[0]
        return session

    def _changed(self, app: Any, session: SecureCookieSession) -> bool:
        if self.should_set_cookie(app, session):
            return bool(session) or session.modified
        if session.accessed and session.cookie is not None and _holds_mutable(session):
            session.modified = self._changed_inside(session, session.cookie)
        return session.modified

    def _changed_inside(self, session: SecureCookieSession, cookie: str) -> bool:
        """Whether a list or dict that the session holds is not what the cookie says any more."""
        text: str | bytes = self.serializer.dumps(dict(session))
        data = text.encode() if isinstance(text, str) else text
        if cookie.startswith(encoded(data).decode() + "."):
            return False
        # Another text may say the same: a compressed one, or that of another program.
        before = {} if session.serializer is None else session.serializer.loads(cookie)
        return bool(text != self.serializer.dumps(dict(before)))

    def _send(self, app: Any, session: SecureCookieSession, response: Response, value: str) -> None:
        name = self.get_cookie_name(app)
        expires = self.get_expiration_time(app, session)
        attributes = self._attributes(app, session)
        header = plain_cookie(name, value, None, expires, *attributes)
        if header is None:
            named = dict(zip(_ATTRIBUTES, attributes, strict=True))
            header = dump_cookie(name, value, expires=expires, max_size=0, **named)
        limit = app.config["MAX_COOKIE_SIZE"]
        if limit and len(header) > limit:
            error = SessionTooLarge(name, len(header), limit)
            if app.debug or app.testing:
                raise error
            app.logger.error("%s The old cookie is kept.", error)
            return
        response.append_header("Set-Cookie", header)

    def _attributes(self, app: Any, session: SecureCookieSession) -> tuple[Any, ...]:
        secure = self.get_cookie_secure(app)
        return (  # in the order of _ATTRIBUTES
            self.get_cookie_path(app),
            self.get_cookie_domain(app),
            session.secure if secure is None else secure,
            self.get_cookie_httponly(app),
            self.get_cookie_samesite(app),
            self.get_cookie_partitioned(app),
        )


_ATTRIBUTES = "path", "domain", "secure", "httponly", "samesite", "partitioned"


def _may_be_permanent(header: str, name: str) -> bool:
    """Whether the session in a `Cookie` header may be a permanent one, as far as a glance says."""
    _, found, rest = header.partition(f"{name}=")
    if not found or header.count(name) != 1 or '"' in header:
        return True
    return may_contain(rest.partition(";")[0], b"_permanent")


def _check_fallbacks(fallbacks: Any) -> None:
    # A text would be taken for a list of keys of one letter each.
    if not isinstance(fallbacks, (list, tuple, set, frozenset)) or not all(
        isinstance(fallback, (str, bytes)) and fallback for fallback in fallbacks
    ):
        raise ConfigError(
            "SECRET_KEY_FALLBACKS",
            "SECRET_KEY_FALLBACKS must be a list of the older keys, each of them text or bytes.",
        )


def _bad_signature() -> type[Exception]:
    from itsdangerous import BadSignature

    return BadSignature


def _holds_mutable(session: SecureCookieSession) -> bool:
    return not _IMMUTABLE.issuperset(map(type, session.values()))


#: What cannot change without the session noticing. A tuple is not one: it may hold a list.
_IMMUTABLE = frozenset((bool, bytes, datetime, float, int, Markup, str, type(None), UUID))


Flash = tuple[str, str]


def add_flash(session: MutableMapping[str, Any], message: str, category: str) -> None:
    """Store a message for the next request that asks.

    :param session: The session.
    :param message: The message.
    :param category: Its category.
    """
    # Assigned and not appended to, so that any session notices.
    session["_flashes"] = [*session.get("_flashes", ()), (category, message)]


def take_flashes(session: MutableMapping[str, Any]) -> list[Flash]:
    """Remove the stored messages and return them as ``(category, message)``.

    :param session: The session.
    """
    return list(session.pop("_flashes")) if "_flashes" in session else []


def select_flashes(
    flashes: list[Flash], with_categories: bool, category_filter: Collection[str]
) -> Iterator[Any]:
    """Yield the messages of the wanted categories (of all without a filter).

    :param flashes: The messages, as :func:`take_flashes` returns them.
    :param with_categories: Yield pairs ``(category, message)``.
    :param category_filter: The wanted categories.
    """
    for category, message in flashes:
        if not category_filter or category in category_filter:
            yield (category, message) if with_categories else message
