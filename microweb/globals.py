"""`current_app`, `request`, `session` and `g`: names that mean the current context's.

`app_ctx` and `request_ctx` are the context itself; there is one for both.

They are typed as what they stand for, so that an editor completes ``request.args``. Outside of a
context they raise :class:`microweb.errors.OutsideContext`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from werkzeug.local import LocalProxy

from .app import App
from .context import Context, current, current_context, current_request_context
from .request import Request
from .sessions import SessionMixin


def _current_app() -> App:
    app: App = current_context("current_app").app
    return app


def _current_request() -> Request:
    context = current.get()
    if context is None or context.environ is None:
        context = current_request_context("request")
    return context.request


def _current_session() -> SessionMixin:
    context = current.get()
    if context is None or context.environ is None:
        context = current_request_context("session")
    return context.session


def _current_g() -> Any:
    context = current.get()
    if context is None:
        context = current_context("g")
    return context.g


def _proxy(find: Callable[[], Any]) -> Any:
    # LocalProxy does each of these through three more calls of Python (0.8 µs of 1.1).
    class Proxy(LocalProxy[Any]):
        def __getattr__(self, name: str) -> Any:
            return getattr(find(), name)

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(find(), name, value)

        def __getitem__(self, key: Any) -> Any:
            return find()[key]

        def __setitem__(self, key: Any, value: Any) -> None:
            find()[key] = value

    return Proxy(find)


#: The current context, in a request or outside of one.
app_ctx = cast(Context, LocalProxy(lambda: current_context("app_ctx")))

#: The current context, where it has a request.
request_ctx = cast(Context, LocalProxy(lambda: current_request_context("request_ctx")))

#: The application that handles the current request or command.
current_app = cast("AppProxy", _proxy(_current_app))

#: The current request.
request = cast("RequestProxy", _proxy(_current_request))

#: The session of the current request: a dict in a signed cookie.
session = cast("SessionProxy", _proxy(_current_session))

#: A namespace for the current context, for whatever should last as long as it.
g = cast(Any, _proxy(_current_g))

if TYPE_CHECKING:
    # What the proxies are for a type checker: the object, and a way to get at it.
    class AppProxy(App):
        def _get_current_object(self) -> App: ...

    class RequestProxy(Request):
        def _get_current_object(self) -> Request: ...

    class SessionProxy(SessionMixin):
        def _get_current_object(self) -> SessionMixin: ...
