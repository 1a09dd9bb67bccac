"""What becomes of what a view returned or raised: a response, an answer of a handler, a page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.routing import RequestRedirect, RoutingException

from .context import (
    Context,
    current,
    current_request_context,
    current_request_id,
    in_request,
    request_environ,
)
from .convert import error_response, to_response
from .errors import describe, place
from .rendering import Rendering
from .response import Response, made_response, streamed_response
from .signals import got_request_exception
from .streaming import Stream
from .typing import ResponseReturnValue

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


#: What debug mode has more to say about.
_EXPLAINED = (KeyError, RequestRedirect, TypeError)


class Handling(Rendering):
    """The part of an application that decides what an answer or an exception means."""

    if TYPE_CHECKING:  # of the application, which stands above

        def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response: ...

    # --- answers

    def make_response(self, rv: Any) -> Response:
        """Return the response that a view's return value stands for.

        :param rv: What a view may return: a body, or a tuple ``(body, status, headers)``.
        :raises TypeError: where it stands for none, saying what a view may return.
        """
        if type(rv) is str:
            cls = self.response_class
            return made_response(cls, rv, cls.default_mimetype)
        if type(rv) is dict or type(rv) is list:
            try:
                return self.json.response(rv)
            except TypeError as error:
                error.args = (f"{self._who_returned()} what is no JSON: {error}",)
                raise
        if isinstance(rv, self.response_class):
            return rv
        if isinstance(rv, HTTPException):
            return self.make_error_response(rv)
        if type(rv) is GeneratorType:
            return streamed_response(self.response_class, rv, self._who_returned)
        if callable(rv):
            current_request_id()  # a WSGI application takes it from its copy of the environ
        return to_response(
            rv,
            response_class=self.response_class,
            json=self.json,
            environ=request_environ(),
            who=self._who_returned,
            error_response=self.make_error_response,
            iterate=self.worker.loop.iterate,
        )

    def _who_returned(self) -> str:
        """Return the beginning of a message about what a view, hook or handler returned."""
        context = current.get()
        if context is not None and context.answered_by is not None:
            kind, function = context.answered_by
            return f"The {kind} {describe(function)} returned"
        if context is None or context.rule is None:
            return "make_response() was given"
        return f"The view {context.rule.endpoint!r} ({place(context.plan.view)}) returned"

    # --- exceptions

    def handle_user_exception(self, e: Exception) -> ResponseReturnValue:
        """Return what the error handler for an exception returns, or raise the exception.

        :param e: What a hook or view raised, HTTP errors included.
        """
        # The key first: it is False in production, and a property costs four times as much.
        if self.config["DEBUG"] and self.debug and isinstance(e, _EXPLAINED):
            e = self._explained(e)
        elif isinstance(e, BadRequestKeyError) and self.config["TRAP_BAD_REQUEST_ERRORS"]:
            e.show_exception = True
        if isinstance(e, HTTPException) and not self.trap_http_exception(e):
            return self.handle_http_exception(e)
        handler = self._error_handler(e)
        if handler is None:
            try:
                raise e
            finally:
                del e  # its traceback holds this frame
        return self._handled(handler, e)  # type: ignore[no-any-return]  # as it said

    def handle_http_exception(self, e: HTTPException) -> ResponseReturnValue:
        """Return what the handler for an HTTP error returns, or the error as its own answer.

        :param e: The HTTP error, or a redirect of the router.
        """
        # Without a code it is a proxy for a response; a redirect of the router is not an error.
        if e.code is None or isinstance(e, RoutingException):
            return e
        handler = self._error_handler(e)
        return e if handler is None else self._handled(handler, e)

    def handle_exception(self, e: Exception) -> Response:
        """Answer an exception that nothing handled: log it, and send a 500.

        In debug mode, in tests and with `PROPAGATE_EXCEPTIONS` it is raised, for the debugger or
        the test to see. A handler for 500 gets an `InternalServerError` whose
        `original_exception` is the exception.

        :param e: The exception.
        """
        self._tell(e)
        propagate = self.config["PROPAGATE_EXCEPTIONS"]
        if propagate is None:
            propagate = self.testing or self.debug
        if propagate:
            __traceback_hide__ = True  # in the debugger: the view is what failed
            raise e
        self.log_exception(sys.exc_info())
        server_error = InternalServerError(original_exception=e)
        handler = self._error_handler(server_error)
        if handler is not None:
            try:
                answer = self._handled(handler, server_error)
                return self.finalize_request(answer, from_error_handler=True)
            except Exception:
                self.logger.exception("The handler of error 500 failed")
        return self.finalize_request(server_error, from_error_handler=True)

    def _answer_error(
        self, e: Exception, environ: WSGIEnvironment, start_response: StartResponse
    ) -> tuple[Response, Iterable[bytes]]:
        """Send the answer to an unhandled exception, or a plain one where that cannot be sent."""
        __traceback_hide__ = True
        response = self.handle_exception(e)
        try:
            return response, _send_again(response, environ, start_response)
        except Exception:
            self.logger.exception("The page for an error cannot be sent")
            close_unsent(response)
            plain = self.make_error_response(InternalServerError())
            return plain, _send_again(plain, environ, start_response)

    def _send(
        self, response: Response, context: Context, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Send the status and headers of a response, those of a stream once it has begun."""
        environ: Any = context.environ
        if (
            type(response.response) is list
            or response.standalone_body
            or type(response).__call__ is not Response.__call__  # it may start as it likes
        ):
            return response(environ, start_response)
        # Called only once, although PEP 3333 allows more where a stream fails at first: gunicorn
        # would send both sets of headers, uWSGI fails, and granian has taken the first ones.
        calls: list[Any] = []

        def hold(*started: Any) -> Any:
            calls.append(started)

        body = response(environ, hold)
        (held,) = calls
        if type(body) is list:
            start_response(*held)
        else:
            context.held = held
        return body

    def _begin(self, stream: Stream, context: Context, start_response: StartResponse) -> None:
        """Let a stream produce its first piece; an exception until there is answered like a view's.

        Nothing is on its way by then, and the answer can be another one. Later the connection can
        only be cut, which shows in what comes of it where a length was promised.
        """
        try:
            stream.begin()
            if context.held is not None:
                start_response(*context.held)
        except Exception as error:
            stream.abandon()
            environ = context.environ or {}
            unhandled: Exception | None = None
            response: Response | None = None
            try:
                response = self.finalize_request(self.handle_user_exception(error))
                body = _send_again(response, environ, start_response)
            except Exception as another:
                unhandled = another
                close_unsent(response)
                _, body = self._answer_error(another, environ, start_response)
            stream.send_instead(body, unhandled)
            del unhandled  # its traceback holds this frame
        except BaseException:  # an exit: nothing is sent
            stream.abandon()
            raise

    def _tell(self, error: BaseException) -> None:
        """Send `got_request_exception`; a receiver that fails cannot take the answer's place."""
        try:
            self._signal(got_request_exception, exception=error)
        except Exception:
            self.logger.exception("A receiver of got_request_exception failed")

    def _failed_midway(self, error: Exception) -> None:
        self.log_exception(sys.exc_info())
        self._tell(error)

    def _explained(self, e: Exception) -> Exception:
        """Let an error that says too little say more, where a developer will read it."""
        from .debug import explained

        return explained(e, in_request())

    def _handled(self, handler: Callable[[Any], Any], e: Exception) -> Any:
        in_request().answered_by = "error handler", handler
        return handler(e)

    def trap_http_exception(self, e: Exception) -> bool:
        """Whether an HTTP error is handled like any other exception.

        `TRAP_HTTP_EXCEPTIONS` and `TRAP_BAD_REQUEST_ERRORS` decide; override it for other errors.

        :param e: The exception.
        """
        if self.config["TRAP_HTTP_EXCEPTIONS"]:
            return True
        trap = self.config["TRAP_BAD_REQUEST_ERRORS"]
        if trap is None and self.debug and isinstance(e, BadRequestKeyError):
            return True
        return bool(trap) and isinstance(e, BadRequestKeyError)

    def make_error_response(self, e: HTTPException) -> Response:
        """Return the page of an HTTP error that no handler took; override it for another look.

        Clients that prefer JSON get problem details (RFC 9457), others HTML.

        :param e: The HTTP error.

        .. code-block:: python

            class Shop(App):
                def make_error_response(self, e):
                    response = self.json.response(error=e.name)
                    response.status_code = e.code
                    return response
        """
        response = error_response(
            e,
            response_class=self.response_class,
            json=self.json,
            environ=request_environ(),
            request_id=current_request_id,
        )
        # The key first: it is False in production, and a property costs four times as much.
        if self.config["DEBUG"] and self.debug:
            from .pages import explain_miss

            explain_miss(self, e, response)
        return response

    def log_exception(self, exc_info: OptExcInfo) -> None:
        """Log an exception that nothing handled, with the path and method of the request.

        :param exc_info: What :func:`sys.exc_info` returns for it.
        """
        request = current_request_context("request").request
        self.logger.error("Exception on %s [%s]", request.path, request.method, exc_info=exc_info)

    def _error_handler(self, error: Exception) -> Callable[[Any], Any] | None:
        plan = current_request_context("request").plan
        handler: Callable[[Any], Any] | None = plan.error_handler(error)
        return handler


def _send_again(
    response: Response, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Send the answer to an error, in place of another one if the server has begun with that."""
    try:
        return response(environ, start_response)
    except Exception:
        exc_info = sys.exc_info()

        def start_again(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            return start_response(status, headers, exc_info)

        # With exc_info the server takes another status, as long as it has sent none (PEP 3333).
        return response(environ, start_again)


def close_unsent(response: Response | None) -> None:
    """Close a response that is not sent, whatever comes of it.

    :param response: The response, if there is one.
    """
    if response is not None:
        with suppress(Exception):
            response.close()
