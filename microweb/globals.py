"""`current_app`, `request`, `session` and `g`: names that mean the current context's.

`app_ctx` and `request_ctx` are the context itself; there is one for both.

They are typed as what they stand for, so that an editor completes ``request.args``. Outside of a
context they raise :class:`microweb.errors.OutsideContext`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from werkzeug.local import LocalProxy

from .app import App
from .context import Context, current_context, current_or_none, current_request_context
from .request import Request
from .sessions import SessionMixin


def _current_app() -> App:
    app: App = current_context("current_app").app
    return app


def _current_request() -> Request:
    return current_request_context("request").request


def _current_session() -> SessionMixin:
    return current_request_context("session").session


def _current_g() -> Any:
    return current_context("g").g


# Each proxy has __getattribute__ of its own, because Python calls __getattr__ only after it has
# looked for the name in vain and made an AttributeError of that (0.15 µs against 0.8 for a name).
# LocalProxy's are for what is outside of a context, and for all that is no plain attribute.


class _AppProxy(LocalProxy[App]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        context = current_or_none()
        if context is None or name == "_get_current_object":
            return _unbound(self, name)
        return getattr(context.app, name)


class _RequestProxy(LocalProxy[Request]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        context = current_or_none()
        if context is None or context.environ is None or name == "_get_current_object":
            return _unbound(self, name)
        return getattr(context.request_if_made or context.request, name)


class _SessionProxy(LocalProxy[SessionMixin]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        context = current_or_none()
        if context is None or context.environ is None or name == "_get_current_object":
            return _unbound(self, name)
        return getattr(context.session, name)

    def __getitem__(self, key: str) -> Any:
        return _current_session()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        _current_session()[key] = value


class _GlobalsProxy(LocalProxy[Any]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        # None has no `g`: asked for first, and looked at afterwards, as a `try` costs nothing.
        try:
            return getattr(current_or_none().g, name)  # type: ignore[union-attr]
        except AttributeError:
            if current_or_none() is None or name == "_get_current_object":
                return _unbound(self, name)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        context = current_or_none()
        setattr(_current_g() if context is None else context.g, name, value)


_unbound = LocalProxy.__getattribute__

#: The current context, in a request or outside of one.
app_ctx = cast(Context, LocalProxy(lambda: current_context("app_ctx")))

#: The current context, where it has a request.
request_ctx = cast(Context, LocalProxy(lambda: current_request_context("request_ctx")))

#: The application that handles the current request or command.
current_app = cast("AppProxy", _AppProxy(_current_app))

#: The current request.
request = cast("RequestProxy", _RequestProxy(_current_request))

#: The session of the current request: a dict in a signed cookie.
session = cast("SessionProxy", _SessionProxy(_current_session))

#: A namespace for the current context, for whatever should last as long as it.
g = cast(Any, _GlobalsProxy(_current_g))

if TYPE_CHECKING:
    # What the proxies are for a type checker: the object, and a way to get at it.
    class AppProxy(App):
        def _get_current_object(self) -> App: ...

    class RequestProxy(Request):
        def _get_current_object(self) -> Request: ...

    class SessionProxy(SessionMixin):
        def _get_current_object(self) -> SessionMixin: ...
