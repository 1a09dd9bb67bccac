"""What becomes of an exception: the handler that takes it, the page of an HTTP error, the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequestKeyError, HTTPException
from werkzeug.routing import RequestRedirect, RoutingException

from .context import current_request_context, in_request, request_environ
from .convert import error_response
from .rendering import Rendering
from .response import Response, ResponseReturnValue

if TYPE_CHECKING:
    from _typeshed import OptExcInfo


#: What debug mode has more to say about.
_EXPLAINED = (KeyError, RequestRedirect, TypeError)


class Handling(Rendering):
    """The part of an application that decides what an exception means."""

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
