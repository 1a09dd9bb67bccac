"""The context: what one request (or one command) works with, in a single `ContextVar`.

A context is data. The application opens, fills and closes it; what is made on first touch comes
from the application's classes and interfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.exceptions import HTTPException

from .errors import OutsideContext, SetupError
from .input import AnyBody
from .lazy import lazy
from .request import Request
from .response import Response
from .sessions import Flash, SessionMixin

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import MapAdapter, Rule

T = TypeVar("T")
_MISSING = object()


class Globals:
    """The namespace of one context, `g`: attributes of any name, and nothing else.

    >>> g = Globals()
    >>> g.user = "ada"
    >>> g.get("user"), "user" in g, list(g)
    ('ada', True, ['user'])
    """

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"g has no {name!r} in this context. Set it first, for example in a before_request"
            f" function, or ask with g.get({name!r})."
        )

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or `default` where there is none.

        :param name: The name of the attribute.
        :param default: What to return where there is none.
        """
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        """Remove an attribute and return it, or `default` where there is none.

        :param name: The name of the attribute.
        :param default: What to return where there is none.
        :raises KeyError: where there is none, and no default was given.
        """
        if default is _MISSING:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return an attribute, setting it to `default` where there is none.

        :param name: The name of the attribute.
        :param default: What to set it to.
        """
        return self.__dict__.setdefault(name, default)

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        return f"<g {self.__dict__!r}>"


class Context:
    """What is current: an application, and a request where one is being handled.

    Everything that a request may not need is made on first touch.

    :param app: The application.
    :param environ: The WSGI environ; None outside of a request.

    :ivar plan: What the request does.
    :ivar rule: The rule that matched, or None.
    :ivar view_args: The values that the rule took from the URL.
    :ivar routing_exception: What is raised in place of a view, where no rule matched.
    :ivar request_if_made: The request, once somebody asked for it.
    :ivar session_if_opened: The session, once somebody touched it.
    :ivar after_functions: What `after_this_request` registered.
    :ivar at_end: What comes last, when the request has ended: the access log writes its line, and
        background tasks begin. None of these functions raises.
    :ivar body: The request's body, where there is one that is read to its end.
    :ivar held: What the server is told once a stream has begun: the status and the headers.
    :ivar borrowed: The request belongs to another context, which closes it.
    :ivar keep: Takes the context over when it would be closed, as a test client does.
    :ivar answered_by: The hook or error handler that answered in place of the view.
    :ivar flashes: The flashed messages, once somebody asked for them.
    """

    # What only few requests set is a class attribute. The others are attributes of the instance,
    # which are read in half of the time.
    flashes: list[Flash] | None = None
    held: Sequence[Any] | None = None
    borrowed = False
    answered_by: tuple[str, Callable[..., Any]] | None = None

    def __init__(self, app: Any, environ: WSGIEnvironment | None = None) -> None:
        self.app = app
        self.environ = environ
        self.plan: Any = None
        self.rule: Rule | None = None
        self.view_args: dict[str, Any] | None = None
        self.routing_exception: HTTPException | None = None
        self.request_if_made: Request | None = None
        self.session_if_opened: SessionMixin | None = None
        self.after_functions: Sequence[Callable[[Any], Response]] = ()
        self.at_end: Sequence[Callable[[], None]] = ()
        self.body: AnyBody | None = None
        self.keep: Callable[[Any], None] | None = None

    def __repr__(self) -> str:
        if self.environ is None:
            return f"<Context of {self.app.name!r}>"
        method, path = self.environ.get("REQUEST_METHOD"), self.environ.get("PATH_INFO")
        return f"<Context of {self.app.name!r}: {method} {path}>"

    def borrow(self) -> Context:
        """Return a context with the same request, for another thread.

        It shares the request, the session and what the match found; `g` and the functions of
        `after_this_request` are its own.
        """
        copy = Context(self.app, self.environ)
        copy.borrowed = True
        copy.plan, copy.rule, copy.view_args = self.plan, self.rule, self.view_args
        copy.routing_exception = self.routing_exception
        copy.request_if_made = self.request_if_made
        copy.session_if_opened = self.session_if_opened
        if "url_adapter" in self.__dict__:
            copy.__dict__["url_adapter"] = self.url_adapter
        return copy

    @property
    def request(self) -> Request:
        """The request."""
        request = self.request_if_made
        if request is None:
            if self.environ is None:
                raise OutsideContext("request", "request")
            app = self.app
            request = self.request_if_made = app.request_class(self.environ)
            request.json_module = app.json
            request.limits = app.config
            # As `matched` does it; the call would be a tenth of the price of the request.
            request.url_rule = self.rule
            request.view_args = self.view_args
            if self.routing_exception is not None:
                request.routing_exception = self.routing_exception
        return request

    def forget_target(self) -> None:
        """Forget what was made of a path and host that are others now."""
        self.request_if_made = None
        self.__dict__.pop("url_adapter", None)

    def matched(self, request: Request) -> None:
        """Tell the request what the match found.

        :param request: The request.
        """
        request.url_rule = self.rule
        request.view_args = self.view_args
        request.routing_exception = self.routing_exception

    @property
    def session(self) -> SessionMixin:
        """The session; to touch it makes the response depend on the cookie."""
        session = self.session_if_opened
        if session is None:
            session = self.open_session()
        session.accessed = True
        return session

    def open_session(self) -> SessionMixin:
        """Return the session without touching it."""
        session = self.session_if_opened
        if session is None:
            if self.environ is None:
                raise OutsideContext("session", "request")
            interface = self.app.session_interface
            session = interface.open_session(self.app, self.request)
            if session is None:
                session = interface.make_null_session(self.app)
            self.session_if_opened = session
        return session

    @lazy
    def g(self) -> Any:
        """The namespace for whatever the application wants to keep while the context lasts."""
        return self.app.app_ctx_globals_class()

    @lazy
    def url_adapter(self) -> MapAdapter | None:
        """What matches and builds URLs; None outside of a request without `SERVER_NAME`."""
        adapter: MapAdapter | None = self.app.create_url_adapter(
            None if self.environ is None else self.request
        )
        return adapter


current: ContextVar[Context | None] = ContextVar("microweb.context", default=None)


#: Returns the context, or None outside of one; a call of C only, without looking up an attribute.
current_or_none: Callable[[], Context | None] = current.get

#: The same where a request is being handled for sure.
in_request = cast("Callable[[], Context]", current.get)


def request_environ() -> WSGIEnvironment:
    """Return the environ of the request that is being handled, or an empty one."""
    context = current.get()
    return {} if context is None or context.environ is None else context.environ


def current_request_id() -> str | None:
    """Return the id of the request that is being handled, or None outside of one."""
    context = current.get()
    return None if context is None or context.environ is None else str(context.request.id)


def current_context(name: str) -> Context:
    """Return the current context, or raise `OutsideContext` for what `name` needs."""
    context = current.get()
    if context is None:
        raise OutsideContext(name, "application")
    return context


def current_request_context(name: str) -> Context:
    """Return the current context if it has a request, or raise `OutsideContext`."""
    context = current.get()
    if context is None or context.environ is None:
        raise OutsideContext(name, "request")
    return context


class ContextManager:
    """Makes a context current, and closes it at the end: ``with app.app_context():``.

    :param context: The context.
    :param opened: Called once it is current.
    :param closing: Called with an exception or None while it is still current, for the last time.
    """

    def __init__(
        self,
        context: Context,
        opened: Callable[[Context], None],
        closing: Callable[[Context, BaseException | None], None],
    ) -> None:
        self.context = context
        self._opened = opened
        self._closing = closing
        self._tokens: list[Token[Context | None]] = []

    def push(self) -> None:
        """Make the context current."""
        self._tokens.append(current.set(self.context))
        if len(self._tokens) > 1:
            return
        try:
            self._opened(self.context)
        except BaseException:
            current.reset(self._tokens.pop())
            raise

    def pop(self, exc: BaseException | None = None) -> None:
        """Close the context and make the one before it current again.

        :raises SetupError: where another context was pushed since and is still there.
        """
        if current.get() is not self.context or not self._tokens:
            raise SetupError(
                f"pop() found {current.get()!r} and not its own context: pop contexts in the"
                " opposite order of push(), or use `with`."
            )
        try:
            if len(self._tokens) == 1:
                self._closing(self.context, exc)
        finally:
            current.reset(self._tokens.pop())

    async def __aenter__(self) -> Context:
        self.push()
        return self.context

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from asyncio import to_thread

        # In a thread: what runs at the end may be asynchronous, and is waited for.
        await to_thread(self._closing, self.context, exc_value)
        current.reset(self._tokens.pop())

    def __enter__(self) -> Context:
        self.push()
        return self.context

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pop(exc_value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)
