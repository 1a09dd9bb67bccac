"""What is done with a request before anything reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .context import Context

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .access import AccessLog, Entry


class Front:
    """What a configuration asks for, if it asks for anything; most applications have none.

    :param correct: Corrects an environ by what trusted proxies say, or None.
    :param log: The access log, or None.
    """

    __slots__ = ("correct", "log")

    def __init__(
        self, correct: Callable[[WSGIEnvironment], None] | None, log: AccessLog | None
    ) -> None:
        self.correct = correct
        self.log = log

    def enter(self, context: Context, start_response: StartResponse | None) -> Entry | None:
        """Correct the environ of a request, and begin its line in the access log.

        :param context: The context of the request.
        :param start_response: What the server handed over; None where there is no server.
        :returns: What takes the place of `start_response`; None where nothing does.
        """
        if self.correct is not None and context.environ is not None:
            self.correct(context.environ)
        if self.log is None or start_response is None:
            return None
        return self.log.entry(context, start_response)
