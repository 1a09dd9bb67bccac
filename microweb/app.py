"""The application, and one request from top to bottom.

``__call__`` → open the context → match → plan → before hooks → view → response → after hooks and
session → send → close. Read :meth:`App.wsgi_app` first; what it calls follows in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
)
from werkzeug.wrappers import Response as WerkzeugResponse

from .context import Context, ContextManager, current, in_request
from .convert import plain_page
from .errors import describe
from .handling import Handling, close_unsent
from .headers import CONTENT_TYPES, Pairs, headers_of
from .input import adapt
from .matching import UNSURE
from .plan import Compiled, Plan, Target
from .request import Request, decoded
from .response import LINES_WITH_BODY, Response
from .signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from .streaming import Stream
from .target import taken_path
from .typing import ResponseReturnValue

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from blinker import Signal
    from werkzeug.routing import Rule

    from .access import Entry


#: Where in the environ a test client puts the function that takes over an open context.
KEEP_CONTEXT = "microweb.keep_context"


class App(Handling):
    """A web application: a WSGI callable that collects views.

    :param import_name: The module that it is written in, usually ``__name__``; templates, static
        files and the instance folder are found from there.
    :param static_url_path: The URL prefix of static files; the folder's name where it is None.
    :param static_folder: The folder of static files; None serves none.
    :param static_host: The host of static files, with `host_matching`.
    :param host_matching: Rules have a `host`.
    :param subdomain_matching: Rules have a `subdomain` of `SERVER_NAME`.
    :param template_folder: The folder of templates.
    :param instance_path: The folder of files that belong to one installation, absolute.
    :param instance_relative_config: Configuration files are in the instance folder.
    :param root_path: The module's folder, where it cannot be found from `import_name`.

    .. code-block:: python

        app = App(__name__)

        @app.get("/")
        def hello():
            return "Hello!"
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333), through :attr:`wsgi_app` and the middleware around it."""
        return self.wsgi_app(environ, start_response)

    # Not inlined into __call__: `app.wsgi_app = ProxyFix(app.wsgi_app)` is how middleware goes on.
    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: open its context, respond, and close it.

        A streamed body keeps the context open until the server closes it.

        :param environ: The WSGI environ (PEP 3333).
        :param start_response: Called with the status and the headers.
        :returns: The body.

        .. code-block:: python

            app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1)  # middleware goes around it
        """
        compiled = self._compiled
        context = Context(self, environ)
        if KEEP_CONTEXT in environ:
            context.keep = environ.pop(KEEP_CONTEXT)
        token = current.set(context)
        error: BaseException | None = None
        answer: Any = None
        response: Response | None = None
        entry: Entry | None = None
        streaming = False
        try:
            try:
                if compiled is None or compiled.front is not None:
                    front = self._front(context, compiled)
                    if front is not None:
                        entry = front.enter(context, start_response)
                        start_response = entry or start_response
                    if compiled is None:
                        compiled = self._compile(front, environ.get("PATH_INFO"))
                self._match(context, compiled)
                body: Iterable[bytes] | None = None
                if context.plan.plain:
                    answer = self._answer(context)
                    body = self._send_plainly(answer, context, start_response)
                    if body is None:
                        response = self.finalize_request(answer)
                else:
                    response = self.full_dispatch_request()
                if body is None:
                    body = self._send(response, context, start_response)  # type: ignore[arg-type]  # made by now
            except Exception as unhandled:
                error = unhandled
                context.held = None
                close_unsent(response)
                response, body = self._answer_error(unhandled, environ, start_response)
            if type(body) is not list and (response is None or not response.standalone_body):
                closing = partial(self._close, context)
                stream = Stream(body, error, self._failed_midway, closing, self._who_returned)
                self._begin(stream, context, start_response)
                body = stream
                streaming = True
            return body if entry is None else entry.sending(body, streaming)
        except BaseException as escaping:
            error = escaping
            raise
        finally:
            try:
                if not streaming:
                    self._close(context, error)
            finally:
                current.reset(token)
                del answer, error  # an exception holds this frame by its traceback

    # --- match

    def _match(self, context: Context, compiled: Compiled) -> None:
        """Find the rule and the plan; where no rule matches, what to raise in place of a view."""
        environ = context.environ or {}
        path = environ.get("PATH_INFO") or ""
        if not path.isascii():
            path = decoded(path)
        try:
            if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
                context.body = adapt(environ)
            if self.config["TRUSTED_HOSTS"] is not None:
                context.url_adapter  # noqa: B018 - refuses the hosts that are not trusted
            # A handshake of a WebSocket is no request for a page, and only the adapter knows one.
            if "HTTP_UPGRADE" in environ:
                hit: Any = UNSURE
            else:
                hit = compiled.matcher.match(path, environ.get("REQUEST_METHOD", "GET"))
            if hit is UNSURE:
                path = taken_path(context, path)
                hit = self._match_by_werkzeug(context, compiled)
            if hit is None:
                # Not raised here, where it would only be caught to be raised in place of a view.
                context.routing_exception = NotFound()
                context.plan = compiled.misses.plan(path, context)
            else:
                (context.rule, context.plan), context.view_args = hit
        except HTTPException as error:
            if isinstance(error, MethodNotAllowed):
                error.valid_methods = sorted(error.valid_methods or ())
            context.routing_exception = error
            context.plan = compiled.misses.plan(path, context)
        except Exception:  # of a converter, for example: no 404, but no plan of its own either
            context.plan = compiled.misses.plan(path, context)
            raise
        if context.request_if_made is not None:
            context.matched(context.request_if_made)
        if appcontext_pushed.receivers:
            self._signal(appcontext_pushed)

    def _match_by_werkzeug(
        self, context: Context, compiled: Compiled
    ) -> tuple[Target, dict[str, Any]] | None:
        adapter = context.url_adapter
        if adapter is None:
            return None
        rule, values = adapter.match(return_rule=True)
        return compiled.plans.target(rule, adapter.default_method), dict(values)

    # --- respond

    # Steps that have nothing to do for a plan are not taken (0.1 µs each); `Plan` knows them, and
    # takes those of a subclass in any case.

    def full_dispatch_request(self) -> Response:
        """Run the hooks and the view, and turn errors that a handler takes into responses."""
        return self.finalize_request(self._answer(in_request()))

    def _answer(self, context: Context) -> ResponseReturnValue:
        """Return what the view returns, or a hook or an error handler in its place."""
        plan = context.plan
        try:
            if request_started.receivers:
                self._signal(request_started)
            answer = self.preprocess_request() if plan.preprocesses else None
            if answer is not None:
                return answer
            if plan.direct and context.request_if_made is None:
                # A rule that matched has them, and its view returns what it said.
                return plan.view(**context.view_args)  # type: ignore[arg-type,no-any-return]
            if plan.raises and context.request_if_made is None:
                raise context.routing_exception  # type: ignore[misc]  # there is one without a rule
            return self.dispatch_request()
        except Exception as error:
            return self.handle_user_exception(error)

    def _send_plainly(
        self, answer: Any, context: Context, start_response: StartResponse
    ) -> list[bytes] | GeneratorType[Any, Any, Any] | None:
        """Send a text or document that nothing will look at as a response (1.1 µs less of 3.8).

        :returns: The body, which may be the view's own generator; None where it takes a response.
        """
        environ: WSGIEnvironment = context.environ  # type: ignore[assignment]  # of a request
        if (
            context.after_functions
            or context.session_if_opened is not None
            or request_finished.receivers
            or environ["REQUEST_METHOD"] == "HEAD"
            or (
                ("HTTP_COOKIE" in environ or context.plan.asks_sessions)
                and self.session_interface.is_pending(self, environ)
            )
        ):
            return None
        code: int | None = None
        if type(answer) is tuple and len(answer) == 2 and type(answer[1]) is int:
            answer, code = answer
        body: Any = answer
        headers: Pairs | None
        if type(answer) is str or type(answer) is bytes:
            body = answer.encode() if type(answer) is str else answer
            headers = headers_of(body, self.response_class.default_mimetype)
        elif type(answer) is dict or type(answer) is list:
            try:
                body = self.json.encode(answer)
            except TypeError:
                return None  # made once more, where the message says who returned it
            headers = headers_of(body, self.json.mimetype)
        elif type(answer) is GeneratorType:
            kind = CONTENT_TYPES.get(self.response_class.default_mimetype)
            headers = None if kind is None else [kind]
        elif code is None and isinstance(answer, HTTPException) and not self.config["DEBUG"]:
            code = answer.code
            body, headers = plain_page(answer, environ)
        else:
            return None
        status = "200 OK" if code is None else LINES_WITH_BODY.get(code)
        if headers is None or status is None:
            return None
        if type(body) is GeneratorType:
            context.held = status, headers
            return body
        start_response(status, headers)
        return [body]

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run the URL value preprocessors and the before hooks, until one of them answers.

        :returns: The answer, or None where the view is to be called.
        """
        context = in_request()
        plan = context.plan
        for preprocessor in plan.url_value_preprocessors:
            preprocessor(None if context.rule is None else context.rule.endpoint, context.view_args)
        for hook in plan.before:
            answer = hook()
            if answer is not None:
                context.answered_by = "before_request function", hook
                return answer  # type: ignore[no-any-return]  # of a hook, as it said
        return None

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view, or raise what took its place where no rule matched.

        :returns: What the view returned.
        """
        context = in_request()
        rule, plan, values = context.rule, context.plan, context.view_args
        request = context.request_if_made
        if request is not None and (
            request.view_args is not values
            or request.url_rule is not rule
            or request.routing_exception is not context.routing_exception
        ):
            rule, plan, values = self._as_hooks_left_it(context, request)
        if rule is None:
            self.raise_routing_exception(context.request)
        # There is an environ, as this is a request.
        if context.environ["REQUEST_METHOD"] == "OPTIONS" and getattr(  # type: ignore[index]
            rule, "provide_automatic_options", False
        ):
            return self.make_default_options_response()
        return plan.view(**values)  # type: ignore[arg-type,no-any-return]  # a rule has them

    def _as_hooks_left_it(
        self, context: Context, request: Request
    ) -> tuple[Rule | None, Plan, dict[str, Any] | None]:
        """Return the match where a hook has changed what the request says of it."""
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        rule, plan = request.url_rule, context.plan
        if rule is not None and rule is not context.rule:
            plan = (self._compiled or self._compile_provisionally()).plans[rule.endpoint]
        return rule, plan, request.view_args

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raise the 404, 405 or redirect of a request that no rule matched.

        :param request: The request.
        """
        raise request.routing_exception  # type: ignore[misc]  # there is one without a rule

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with the methods of the URL.

        The header `Allow` lists them (RFC 9110 section 10.2.1); override it to say more.
        """
        adapter = in_request().url_adapter
        response = self.response_class()
        response.allow.update(sorted(adapter.allowed_methods() if adapter else ()))
        return response

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
        """Make the response of what a view or handler returned, and run the after hooks.

        :param rv: What it returned.
        :param from_error_handler: Log what goes wrong here, and keep the response.
        """
        response = self.make_response(rv)
        try:
            response = self.process_response(response)
            if request_finished.receivers:
                self._signal(request_finished, response=response)
        except Exception:
            if not from_error_handler:
                raise
            self.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    def process_response(self, response: Response) -> Response:
        """Run the functions of `after_this_request` and the after hooks, and save the session.

        :param response: The response so far.
        :returns: The response to send: the same, or another one that a function returned.
        :raises TypeError: for a function that returns no response.
        """
        context = in_request()
        for function in context.after_functions:
            given = function(response)
            if given is not response:
                response = self._given_back(given, "after_this_request", function)
        for hook in context.plan.after:
            given = hook(response)
            if given is not response:
                response = self._given_back(given, "after_request", hook)
        interface = self.session_interface
        if context.session_if_opened is not None or interface.is_pending(
            self, context.environ or {}
        ):
            session = context.open_session()
            if not interface.is_null_session(session):
                interface.save_session(self, session, response)
        return response

    def _given_back(self, response: Any, kind: str, function: Callable[..., Any]) -> Response:
        """Return the response that an after function gave back, or say what it did instead."""
        if isinstance(response, Response):
            return response
        if isinstance(response, WerkzeugResponse):
            return self.response_class.force_type(response)
        what = "None" if response is None else f"a {type(response).__name__}"
        raise TypeError(
            f"The {kind} function {describe(function)} returned {what}: return the response that it"
            " was given, or another one."
        )

    # --- close

    def _close(self, context: Context, error: BaseException | None) -> None:
        """End a context that is current for the last time: every teardown runs, whatever fails."""
        if context.keep is not None:
            keep, context.keep = context.keep, None
            keep(ContextManager(context, lambda context: None, self._close))
            return
        try:
            if context.environ is not None:
                plan = context.plan
                if plan is None or plan.tears_down or request_tearing_down.receivers:
                    self.do_teardown_request(error)
                request = context.request_if_made
                if request is not None and request.may_hold_files and not context.borrowed:
                    self._run_teardown((lambda exc: request.close(),), error)
            self.do_teardown_appcontext(error)
            if context.body is not None and not context.borrowed:
                context.body.drain()
            if context.routing_exception is not None:
                # Their tracebacks hold the frames that hold this context.
                context.routing_exception.__traceback__ = None
                context.routing_exception.__context__ = None
            if appcontext_popped.receivers:
                self._send_at_end(appcontext_popped, error)
        finally:
            if context.at_end:
                functions, context.at_end = context.at_end, ()  # they hold their context
                for function in functions:
                    function()

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Run the teardown functions of the request.

        :param exc: The unhandled exception, or None.
        """
        plan = in_request().plan
        if plan is not None:
            self._run_teardown(plan.teardown, exc)
        if request_tearing_down.receivers:
            self._send_at_end(request_tearing_down, exc, exc=exc)

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Run the teardown functions of the context.

        :param exc: The unhandled exception, or None.
        """
        if self.teardown_appcontext_funcs:
            self._run_teardown(reversed(self.teardown_appcontext_funcs), exc)
        if appcontext_tearing_down.receivers:
            self._send_at_end(appcontext_tearing_down, exc, exc=exc)

    def _send_at_end(self, signal: Signal, error: BaseException | None, **values: Any) -> None:
        """Send a signal whose receivers can no more lose the response than a teardown function."""
        self._run_teardown((lambda exc: self._signal(signal, **values),), error)

    def _run_teardown(
        self, functions: Iterable[Callable[[BaseException | None], Any]], exc: BaseException | None
    ) -> None:
        for function in functions:
            try:
                function(exc)
            except Exception as error:
                self.logger.exception("Teardown function %s failed", describe(function))
                self._tell(error)

    def _opened(self, context: Context) -> None:
        if context.environ is not None:
            compiled = self._compiled or self._compile_provisionally()
            if compiled.front is not None:
                compiled.front.enter(context, None)
            self._match(context, compiled)
        elif appcontext_pushed.receivers:
            self._signal(appcontext_pushed)


# What a plan need not take where it is the application's own and has nothing to do.
App._steps = {
    name: getattr(App, name)
    for name in (
        "full_dispatch_request",
        "preprocess_request",
        "dispatch_request",
        "raise_routing_exception",
        "finalize_request",
        "make_response",
        "make_error_response",
        "process_response",
        "do_teardown_request",
    )
}
